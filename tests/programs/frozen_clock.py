"""freezegun stops the clock, before the package is loaded or after: every wait goes on."""

import sys
import time

import freezegun


def seconds(clock=time.clock_gettime):  # a default: freezegun replaces what modules hold
    return clock(time.CLOCK_MONOTONIC)


url, moment, *spool = sys.argv[1:]
if moment == "after":
    import structlog_mozdef  # noqa: F401 - it is loaded while the clock still runs
freezegun.freeze_time("2020-01-01").start()

from structlog_mozdef import Sink  # noqa: E402 - as above

sink = Sink(url, spool=spool[0] if spool else None)
sink.put(b'{"summary": "0"}')
for wait in (sink.flush, sink.close):
    begin = seconds()
    print(wait.__name__, wait(1), seconds() - begin)
