"""Fork a thousand children that log one event each and exit, while threads of the parent log."""

import os
import sys
import threading
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point

url, folder, children = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0.05)
over = threading.Event()
logged = [0] * 2


def log(thread):
    while not over.wait(0.002):
        sink.put(b'{"summary": "parent-%d %d"}' % (thread, logged[thread]))
        logged[thread] += 1


threads = [threading.Thread(target=log, args=(number,)) for number in range(2)]
for thread in threads:
    thread.start()
alive = []
for number in range(int(children)):
    child = os.fork()
    if not child:
        sink.put(b'{"summary": "child %d"}' % number)
        if number % 4:
            os._exit(0)  # the event is left to others
        sys.exit(0)  # the event is sent by the child itself
    alive.append(child)
    if len(alive) >= 8:
        assert os.waitpid(alive.pop(0), 0)[1] == 0
for child in alive:
    assert os.waitpid(child, 0)[1] == 0
over.set()
for thread in threads:
    thread.join()
sink.close()
print(*logged)
