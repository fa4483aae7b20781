"""Writes one event to a file, as a user without privileges who owns it."""

import os
import sys

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.file import FileTransport

if os.getuid() == 0:
    os.chown(sys.argv[1], 65534, 65534)
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
transport = FileTransport(f"file://{sys.argv[1]}")
try:
    transport.send([b'{"summary": "a"}'])
    print("written")
except TransportError as error:
    print(f"{error}, retryable: {error.retryable}")
