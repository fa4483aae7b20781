"""With ``when_full="block"`` one sees how many log calls wait, and they go on once they can."""

from __future__ import annotations

import threading

import pytest
from support.running import wait_for
from support.transport_doubles import DownTransport, HeldTransport

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.delivery.blocked import BlockedCalls
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.delivery.wakeup import SenderTimings
from structlog_mozdef.sink import Sink

EVENT = b'{"summary": "%s"}' % (b"x" * 100)


class PatientSink(Sink):
    """Its blocked log calls look for room only when they are told that there is some."""

    timings = SenderTimings(poll_interval=600.0)


@pytest.fixture
def held():
    transport = HeldTransport()
    yield transport
    transport.release()


def blocked_threads(sink, count):
    """Threads that log one event each, once all of them wait for room."""
    threads = [threading.Thread(target=sink.put, args=(EVENT,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    assert wait_for(lambda: sink.stats().blocked == count)
    return threads


def fill(sink):
    """Put events until one is blocked, in a thread; the thread."""

    def put():
        while not sink.stats().blocked_calls:
            sink.put(EVENT)

    thread = threading.Thread(target=put)
    thread.start()
    assert wait_for(lambda: sink.stats().blocked == 1)
    return thread


def test_blocked_calls_are_counted(held):
    """`Stats` has the calls that wait now, those so far, and the longest wait."""
    with Sink(held, max_events=2, when_full="block") as sink:
        for _ in range(2):
            sink.put(EVENT)
        threads = blocked_threads(sink, 3)
        assert wait_for(lambda: sink.stats().longest_block > 0.05)
        before = sink.stats()
        held.release()
        for thread in threads:
            thread.join(10)
    stats = sink.stats()
    assert (before.blocked, before.blocked_calls) == (3, 3)
    assert (stats.blocked, stats.blocked_calls, stats.delivered) == (0, 3, 5)
    assert stats.longest_block >= before.longest_block


@pytest.mark.parametrize("bounds", [{"max_events": 20}, {"max_bytes": 20_000}])
@pytest.mark.parametrize("in_spool", [False, True])
def test_they_go_on_as_soon_as_there_is_room(held, bounds, in_spool, tmp_path):
    """Nobody waits for the next look at the buffer: the delivery of a batch lets them go on."""
    folder = tmp_path / "spool" if in_spool else None
    sink = PatientSink(held, folder, when_full="block", linger=0, **bounds)
    thread = fill(sink)
    held.release()
    thread.join(20)
    assert (thread.is_alive(), sink.stats().dropped) == (False, 0)
    assert sink.flush()
    sink.close()


def test_a_warning_says_so_once_a_minute(caplog):
    """The warning is repeated as long as calls are blocked, with how many and for how long."""
    now = 1000.0
    own_log = RateLimitedLogger(lambda: now)
    blocked = BlockedCalls(lambda: now)

    def wait():
        nonlocal now
        for _ in range(130):
            now += 1.0
            blocked.warn(own_log, "mozdef", 1234)
        return True

    assert blocked.wait(wait)
    assert caplog.messages == [
        "log calls wait until mozdef has accepted older events: 1 call now, for up to"
        f" {seconds}.0 s; 1,234 events in the buffer, and there is no room for more"
        for seconds in (1, 61, 121)
    ]
    assert (blocked.waiting(), blocked.total, blocked.longest()) == (0, 1, 130.0)


def test_a_sink_warns_within_seconds(caplog):
    """A program whose log calls are blocked by an outage is told."""
    transport = DownTransport()
    with Sink(transport, max_events=2, when_full="block", retry=RetryPolicy(0.01, 0.01)) as sink:
        thread = fill(sink)
        assert wait_for(lambda: "log calls wait until memory" in caplog.text, 5)
        transport.down = False
        thread.join(10)


def test_what_a_signal_handler_raises_ends_the_wait():
    """A call that an exception ends does not count as blocked any more."""
    blocked = BlockedCalls()

    def interrupted():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        blocked.wait(interrupted)
    assert (blocked.waiting(), blocked.total) == (0, 1)
