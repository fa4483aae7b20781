"""Two sinks on one spool in one process, and threads that log to both at once."""

import sys
import threading

import structlog_mozdef as mozdef

url, folder, name, events = sys.argv[1:]
sinks = [mozdef.Sink(url, spool=folder, linger=0.01, batch_events=100) for _ in range(2)]


def log(number):
    for event in range(int(events)):
        sinks[number % 2].put(b'{"summary": "%b-%d %d"}' % (name.encode(), number, event))


threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
