"""The numbers of a sink add up at every moment."""

from __future__ import annotations

import dataclasses
import operator
import threading

import pytest
from support.running import wait_for
from support.transport_doubles import DownTransport, MoodyTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.memory import MemoryTransport

COUNTERS = ("accepted", "delivered", "sent", "dead_lettered", "dropped", "failed_attempts")
FAST = RetryPolicy(0.001, 0.002)


@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
def test_the_sum_holds_at_every_moment(when_full):
    """Accepted = delivered + sent + dead_lettered + dropped + buffered, and in the end all puts."""
    sink = Sink(
        MoodyTransport(), max_events=500, batch_events=50, linger=0, when_full=when_full, retry=FAST
    )
    wrong, over = [], threading.Event()

    def look() -> None:
        last = [0] * len(COUNTERS)
        while not over.is_set():
            stats = sink.stats()
            parts = stats.delivered + stats.sent + stats.dead_lettered + stats.dropped
            parts += stats.buffered
            counters = [getattr(stats, name) for name in COUNTERS]
            fallen = any(map(operator.lt, counters, last))
            if stats.accepted != parts or fallen or stats.buffered < 0:
                wrong.append(stats)
            last = counters

    def put() -> None:
        for number in range(5000):
            sink.put(b"%d" % number)

    looker = threading.Thread(target=look)
    putters = [threading.Thread(target=put) for _ in range(4)]
    for thread in [looker, *putters]:
        thread.start()
    for thread in putters:
        thread.join(60)
    sink.flush(30)
    sink.close()
    over.set()
    looker.join(10)
    assert wait_for(lambda: sink.stats().buffered == 0)
    stats = sink.stats()
    # Events that report losses are accepted as well: for each reason one a minute, and one at the
    # end.
    assert (wrong, 0 <= stats.accepted - 20_000 <= 5) == ([], True)


def test_stats_are_frozen():
    """What `stats` gave does not change."""
    with Sink(MemoryTransport()) as sink, pytest.raises(dataclasses.FrozenInstanceError):
        sink.stats().accepted = 5


def test_reasons_are_frozen():
    """The reasons in `stats` cannot be changed either."""
    with Sink(MemoryTransport()) as sink, pytest.raises(TypeError):
        sink.stats().dropped_by_reason["x"] = 1


def test_failures_are_reported():
    """`stats` says how many attempts failed and why the last one did."""
    transport = DownTransport()
    with Sink(transport, retry=RetryPolicy(60, 60)) as sink:
        sink.put(b"{}")
        sink.flush(0.2)
        stats = sink.stats()
        transport.down = False
        assert (stats.failed_attempts >= 1, stats.last_error) == (True, "down")


def test_dead_letters_can_be_read():
    """`dead_letters` returns what the destination rejected, with the reasons."""

    class Rejecting(MemoryTransport):
        def send(self, events):
            return SendResult(rejected={0: "HTTP 400"})

    with Sink(Rejecting()) as sink:
        sink.put(b"{}")
        sink.flush()
        assert sink.dead_letters() == [(b"{}", "HTTP 400")]


def test_unconfirmed_events_are_sent():
    """What a destination accepted without a word is sent; nobody says that it is delivered."""
    transport = MemoryTransport()
    transport.confirms = False
    with Sink(transport) as sink:
        sink.put(b"{}")
    stats = sink.stats()
    assert (stats.accepted, stats.sent, stats.delivered) == (1, 1, 0)
