"""Log to a destination that keeps silent, close the sink, and end. Prints how long closing took.

Arguments: the URL; "close" to close the sink, "exit" to leave that to the end of the process,
"late" to log only when that was done.
"""

import atexit
import sys
import time

EVENT = b'{"summary": "%s"}' % (b"x" * 7_000)


def log(count: int) -> None:
    for _ in range(count):
        sink.put(EVENT)


url, how = sys.argv[1:]
if how == "late":
    atexit.register(lambda: log(400))  # after the sinks were closed

import structlog_mozdef as mozdef  # noqa: E402 - what is registered first is called last

retry = mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.02)
sink = mozdef.Sink(url, linger=0, retry=retry, exit_timeout=1)
seconds = 0.0
if how != "late":
    log(400)
if how == "close":
    began = time.monotonic()
    sink.close(0.3)
    seconds = time.monotonic() - began
print(seconds, flush=True)
sys.stdin.readline()
