"""A timer interrupts log calls, flushes and closes thousands of times; its handler logs as well."""

import gc
import os
import signal
import sys
import time
import warnings

import structlog_mozdef as mozdef

url, when_full = sys.argv[1:]
sink = mozdef.Sink(
    url,
    spool=os.environ.get("SPOOL"),
    linger=0.001,
    when_full=when_full,
    max_events=50_000,
    batch_events=200,
)
logged = {"main": 0, "handler": 0, "finalizer": 0, "warning": 0}
waiting = False


def log(origin):
    number = logged[origin]
    logged[origin] += 1
    sink.put(b'{"summary": "%b %d"}' % (origin.encode(), number))


def next_signal():
    # One at a time: on a busy machine a handler can take longer than any interval, and signals
    # at regular intervals would leave nothing for what they interrupt.
    signal.setitimer(signal.ITIMER_REAL, 0.0003)


def handle(signum, frame):
    global waiting  # noqa: PLW0603 - a program of one file
    log("handler")
    next_signal()
    if waiting:  # in the handler that this one interrupts
        return
    waiting = True
    if logged["handler"] % 50 == 0:
        sink.flush(0.2)
    if logged["handler"] % 171 == 0:
        sink.close(0.2)
    waiting = False


class Finalized:
    def __init__(self):
        self.me = self  # only the garbage collector ends this

    def __del__(self):
        log("finalizer")


warnings.simplefilter("always")
warnings.showwarning = lambda *args, **kwargs: log("warning")
gc.set_threshold(50)
signal.signal(signal.SIGALRM, handle)
next_signal()
end = time.monotonic() + 2
while time.monotonic() < end:
    for _ in range(20):
        log("main")
    Finalized()
    warnings.warn("unclosed", ResourceWarning, stacklevel=1)
    sink.flush(0.2)
    if logged["main"] % 400 == 0:
        sink.close(0.2)
    sink.stats()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
gc.collect()
sink.close()
print(*(f"{name}={count}" for name, count in logged.items()))
