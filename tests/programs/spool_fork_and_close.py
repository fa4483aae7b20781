"""Fork over and over while a thread logs and closes the sink; each child logs once."""

import os
import sys
import threading
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point

url, folder = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0.001)
over = threading.Event()
logged = 0


def log_and_close():
    global logged  # noqa: PLW0603 - a program of one file
    while not over.is_set():
        sink.put(b'{"summary": "parent %d"}' % logged)
        logged += 1
        sink.close(0.001 * (logged % 4))


thread = threading.Thread(target=log_and_close, daemon=True)
thread.start()
for number in range(150):
    child = os.fork()
    if not child:
        sink.put(b'{"summary": "child %d"}' % number)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
over.set()
thread.join()
sink.close()
print(logged)
