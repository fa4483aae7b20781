"""Sends before a fork, in the child, and in the parent.

Usage: amqp_fork.py URL [BUNDLE]
"""

import os
import sys

from structlog_mozdef import Sink

options = {"verify": sys.argv[2]} if len(sys.argv) > 2 else {}
sink = Sink(sys.argv[1], linger=0, **options)


def put(text):
    sink.put(b'{"summary": "%s"}' % text)
    assert sink.flush(20)


put(b"parent before")
child = os.fork()
if not child:
    put(b"child")
    sink.close()
    os._exit(sink.stats().failed_attempts)
assert os.waitpid(child, 0)[1] == 0
put(b"parent after")
sink.close()
assert sink.stats().failed_attempts == 0
