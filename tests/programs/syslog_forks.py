"""Sends over TLS before a fork and after it, in the parent; the child only ends."""

import os
import sys

from structlog_mozdef.transports.syslog import SyslogTransport

transport = SyslogTransport(sys.argv[1], verify=sys.argv[2])
transport.send([b'{"summary": "before"}'])
child = os.fork()
if not child:
    transport.after_fork_in_child()
    transport.close()
    sys.exit(0)
os.waitpid(child, 0)
transport.send([b'{"summary": "after"}'])
transport.close()
