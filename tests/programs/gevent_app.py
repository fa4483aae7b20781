"""Log from greenlets; gevent patches first thing, or late, or when the sender runs already."""

import sys

when, url = sys.argv[1:]
if when == "first":
    from gevent import monkey

    monkey.patch_all()

import structlog_mozdef as mozdef  # noqa: E402 - the order is the point

sink = mozdef.Sink(url, linger=0.1, exit_timeout=3)
if when == "running":
    sink.put(b'{"summary": "early"}')
    sink.flush(5)
if when != "first":
    from gevent import monkey

    monkey.patch_all()

import itertools  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

ticks = []


def log(number):
    for event in range(50):
        sink.put(b'{"summary": "%d %d"}' % (number, event))
        gevent.sleep(0.001)


def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.01)


gevent.spawn(tick)
gevent.joinall([gevent.spawn(log, number) for number in range(10)])
flushed = sink.flush(1)
gevent.sleep(0.7)
print(flushed, max(b - a for a, b in itertools.pairwise(ticks)) < 0.5)
