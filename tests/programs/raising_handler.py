"""A timer's handler raises in the middle of log calls; each exception must reach the program."""

import logging
import signal
import sys
import time

import structlog

import structlog_mozdef as mozdef
from structlog_mozdef.testing import MemoryTransport

way, seconds = sys.argv[1], float(sys.argv[2])


class Hostile:
    """A value whose own methods fail: what they raise is caught, and never leaves a log call."""

    def __repr__(self):
        raise RuntimeError("of the value")


class TimeIsUpError(RuntimeError):
    """Of a type that is caught where values and threads fail."""


raised = []


def handle(signum, frame):
    error = TimeIsUpError(len(raised))
    raised.append(error)
    raise error


def wait_for_the_timer():
    """Return after half a second: then its exception was swallowed."""
    late = time.monotonic() + 0.5
    while time.monotonic() < late:
        pass


transport = MemoryTransport()
sink = mozdef.configure(transport, redact=True, linger=0.01)
log = structlog.get_logger()
if way == "tee":
    structlog.configure(
        processors=[mozdef.MozDefTee(sink), lambda *_: ""],
        # Not one that prints: structlog locks that, and 3.14 can keep the lock of a `with`.
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.BoundLogger,
    )
    log = structlog.get_logger()
elif way == "handler":
    logging.root.addHandler(mozdef.MozDefHandler(sink, processors=[mozdef.Redactor()]))
    log = logging.getLogger("x")

reached, returned, number = [], 0, 0
signal.signal(signal.SIGALRM, handle)
end = time.monotonic() + seconds
while time.monotonic() < end:
    number += 1
    fields = {"number": number, "object": Hostile(), "list": [Hostile(), {"a": 1.5}]}
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00001 + number % 67 * 0.000008)
        if way == "flush":
            log.error("x", **fields)
            sink.flush(5)
            if number % 3 == 0:
                sink.close(5)
        elif way == "handler":
            log.error("x", extra=fields)
        else:
            log.error("x", **fields)
        returned += 1
        wait_for_the_timer()
    except TimeIsUpError as error:
        reached.append(error)
signal.setitimer(signal.ITIMER_REAL, 0)
log.error("the last")
sink.close()
stats = sink.stats()
delivered = len(transport.events)
print("raised", len(raised))
print("swallowed", len(raised) - len(reached))
print("lost", max(0, returned + 1 - delivered) + stats.buffered + stats.dropped)
