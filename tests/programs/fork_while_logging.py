"""Fork over and over while threads log and the sender sends; children log and exit normally."""

import os
import sys
import threading
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point

url, forks = sys.argv[1], int(sys.argv[2])
sink = mozdef.Sink(url, spool=os.environ.get("SPOOL"), linger=0.001, batch_events=20)
over = threading.Event()
logged = [0] * 3


def log(thread):
    while not over.wait(0.0005):
        sink.put(b'{"summary": "parent %d %d"}' % (thread, logged[thread]))
        logged[thread] += 1


threads = [threading.Thread(target=log, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
children = []
for number in range(forks):
    child = os.fork()
    if not child:
        for event in range(5):
            sink.put(b'{"summary": "child %d %d"}' % (number, event))
        if number % 2:
            sink.flush()
        # In the child the other threads do not exist: what follows is a normal exit.
        sys.exit(0)
    children.append(child)
    if len(children) >= 4:
        assert os.waitpid(children.pop(0), 0)[1] == 0
for child in children:
    assert os.waitpid(child, 0)[1] == 0
over.set()
for thread in threads:
    thread.join()
sink.close()
print(*logged)
