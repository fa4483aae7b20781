"""A timer interrupts every call of a sink; its handler raises, as a time limit of Celery does."""

import os
import random
import signal
import sys
import threading
import time

import structlog_mozdef as mozdef

url, when_full = sys.argv[1:]
SECONDS = 3.0
sink = mozdef.Sink(
    url,
    spool=os.environ.get("SPOOL"),
    linger=0.001,
    when_full=when_full,
    max_events=2000,
    batch_events=200,
)
raised = 0
slowest = 0.0


class Interrupted(BaseException):
    pass


def handle(signum, frame):
    global raised  # noqa: PLW0603 - a program of one file
    raised += 1
    raise Interrupted


def put(number):
    sink.put(b'{"summary": "main %d"}' % number)


def call(number):
    kind = number % 8
    if kind == 0:
        sink.flush(0.01)
    elif kind == 1:
        sink.stats()
    # Closing here closes urllib3's pool, by a `with` of its lock, which 3.14 can keep (GH-148874).
    elif kind == 2 and number % 400 == 2 and sys.version_info[:2] != (3, 14):
        sink.close(0.01)
    else:
        put(number)


def others():
    """Another thread that logs and flushes, and must never wait for a lock that was kept."""
    global slowest  # noqa: PLW0603 - as above
    number = 0
    while not over.is_set():
        start = time.monotonic()
        sink.put(b'{"summary": "other %d"}' % number)
        sink.flush(0.5)
        sink.stats()
        slowest = max(slowest, time.monotonic() - start)
        number += 1
        time.sleep(0.001)


over = threading.Event()
thread = threading.Thread(target=others)
thread.start()
signal.signal(signal.SIGALRM, handle)
end = time.monotonic() + SECONDS
number = 0
while time.monotonic() < end:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-4))
        for _ in range(500):  # an exception in a finalizer ends nothing
            number += 1
            call(number)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupted:
        pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)
over.set()
thread.join(20)
flushed = []
last = threading.Thread(target=lambda: flushed.append(sink.flush(20)))
sink.put(b'{"summary": "last"}')
last.start()
last.join(25)
stats = sink.stats()
total = stats.delivered + stats.dead_lettered + stats.dropped + stats.buffered
total += stats.released - stats.adopted
stuck = thread.is_alive() or last.is_alive()
print(
    f"raised={raised} stuck={int(stuck)} flushed={int(flushed == [True])}"
    f" closed={int(sink.close(20))} slowest={slowest:.1f} sum={int(stats.accepted == total)}"
)
print(stats, sink.stats(), file=sys.stderr)
