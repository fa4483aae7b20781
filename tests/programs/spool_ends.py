"""Log from several threads, and end in the middle of it."""

import os
import sys
import threading
import time

import structlog_mozdef as mozdef

url, folder, end = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0.01, batch_events=100)
turn = threading.Lock()
numbers = iter(range(3000))


def log():
    while True:
        with turn:  # one stream has one order
            number = next(numbers, None)
            if number is None:
                return
            sink.put(b'{"summary": "event %d"}' % number)


threads = [threading.Thread(target=log) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("logged", flush=True)
if end == "sys.exit":
    sys.exit(3)
elif end == "exception":
    raise RuntimeError("unhandled")
elif end == "abort":
    os.abort()
elif end == "exec":
    os.execv("/bin/true", ["true"])
time.sleep(60)  # for a signal
