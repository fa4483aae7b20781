"""`flush` and `close` send at once, wait for what they promise, and no longer."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from support.running import wait_for
from support.transport_doubles import DownTransport, HeldTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.fixture
def sink():
    with Sink(MemoryTransport(), linger=60) as sink:
        yield sink


@pytest.fixture
def held():
    transport = HeldTransport()
    yield transport
    transport.release()


def seconds_of(function, *arguments) -> float:
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


def test_flush_settles_what_was_accepted_before(sink):
    """After a flush that returned True all earlier events are with the destination."""
    for number in range(5000):
        sink.put(b"%d" % number)
    assert (sink.flush(), sink.stats().delivered) == (True, 5000)


def test_flush_does_not_linger(sink):
    """A flush sends at once."""
    sink.put(b"{}")
    assert seconds_of(sink.flush) < 5


def test_flush_wakes_a_sender_that_idles():
    """A flush is as fast where the sender waits for a first event."""
    with Sink(MemoryTransport(), linger=0) as sink:
        sink.put(b"{}")
        sink.flush()
        sink.put(b"{}")
        assert seconds_of(sink.flush) < 5


def test_flush_of_an_empty_sink_returns_at_once(sink):
    """Where nothing waits there is nothing to wait for."""
    assert (sink.flush(0), sink.stats().accepted) == (True, 0)


def test_flush_gives_up_in_time():
    """A flush during an outage returns False after its timeout."""
    transport = DownTransport()
    sink = Sink(transport, exit_timeout=0)
    sink.put(b"{}")
    start = time.monotonic()
    flushed = sink.flush(0.3)
    seconds = time.monotonic() - start
    transport.down = False
    sink.close()
    assert (flushed, 0.25 < seconds < 3) == (False, True)


@pytest.mark.parametrize("wait", [Sink.flush, Sink.close])
def test_a_handler_that_outlasts_the_timeout(wait):
    """A wait ends though a signal handler interrupts it until after its timeout."""
    before = signal.signal(signal.SIGUSR1, lambda *_: time.sleep(0.5))
    transport = HeldTransport()
    sink = Sink(transport, exit_timeout=0)
    sink.put(b"{}")
    transport.sending.wait(20)
    interrupt = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    interrupt.start()
    try:
        assert not wait(sink, 0.3)
    finally:
        interrupt.join()
        signal.signal(signal.SIGUSR1, before)
        transport.release()
        sink.close()


def test_flush_makes_an_attempt_at_once():
    """A flush waits for no back-off, nor for that of an attempt that fails beside it."""
    transport = DownTransport()
    with Sink(transport, retry=RetryPolicy(3e7, 3e7), linger=0) as sink:
        sink.put(b"{}")
        while not transport.attempts:
            pass  # at once: the attempt has begun, and has not failed yet
        transport.down = False
        assert sink.flush(10)


def test_many_threads_flush_at_once(sink):
    """Flushes from many threads all end, without waiting for the linger."""
    results = []

    def work() -> None:
        for _ in range(50):
            sink.put(b"{}")
            results.append(sink.flush(10))

    threads = [threading.Thread(target=work) for _ in range(8)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (results, time.monotonic() - start < 30) == ([True] * 400, True)


def test_flush_waits_for_events_in_flight_though_later_ones_are_dropped(held):
    """With drop_oldest a flush does not mistake dropped events for those being sent."""
    with Sink(held, max_events=4, batch_events=2, when_full="drop_oldest", linger=0) as sink:
        sink.put(b"1")
        held.sending.wait(10)
        for number in range(50):
            sink.put(b"%d" % number)
        flushed = sink.flush(0.1)
        held.release()
        assert not flushed


def test_close_sends_what_is_left(sink):
    """After a close nothing waits."""
    sink.put(b"{}")
    assert (sink.close(), sink.stats().delivered) == (True, 1)


def test_close_says_that_something_is_left():
    """A close during an outage returns False after its timeout, and keeps the events."""
    transport = DownTransport()
    sink = Sink(transport)
    sink.put(b"{}")
    closed = sink.close(0.2)
    transport.down = False
    assert (closed, sink.close(), len(transport.events)) == (False, True, 1)


@pytest.mark.parametrize("spool", [False, True])
def test_flush_after_a_close_that_did_not_succeed(spool, tmp_path):
    """What a close has left unsent is not settled for a later flush, in memory and on disk."""
    transport = DownTransport()
    folder = tmp_path / "spool" if spool else None
    sink = Sink(transport, spool=folder, exit_timeout=0)
    sink.put(b"{}")
    closed, flushed = sink.close(0.2), sink.flush(0.2)
    transport.down = False
    assert (closed, flushed, sink.flush(20), len(transport.events)) == (False, False, True, 1)
    sink.close()


def test_close_makes_a_last_attempt():
    """A close that cannot wait for the end of a back-off tries once more at once."""
    transport = DownTransport()
    sink = Sink(transport, retry=RetryPolicy(3e7, 3e7), linger=0)
    sink.put(b"{}")
    wait_for(lambda: transport.attempts)
    transport.down = False
    assert sink.close(5)


def test_close_does_not_wait_for_its_timeout_in_vain():
    """Where the last attempt has failed, a close gives up at once."""
    transport = DownTransport()
    sink = Sink(transport, retry=RetryPolicy(3e7, 3e7))
    sink.put(b"{}")
    start = time.monotonic()
    sink.close(30)
    seconds = time.monotonic() - start
    transport.down = False
    sink.close()
    assert seconds < 10


def test_close_ends_the_thread(sink):
    """After a close the sender's thread is gone."""
    before = set(threading.enumerate())
    sink.put(b"{}")
    sink.close()
    assert set(threading.enumerate()) <= before


def test_close_of_a_sink_that_hangs_returns_in_time(held):
    """A close while the destination does not answer ends with its timeout."""
    sink = Sink(held, linger=0)
    sink.put(b"{}")
    held.sending.wait(10)
    seconds = seconds_of(sink.close, 0.2)
    held.release()
    sink.close()
    assert seconds < 3


def test_events_after_close_arrive(sink):
    """A closed sink accepts events as before."""
    sink.put(b"{}")
    sink.close()
    sink.put(b"{}")
    assert (sink.flush(), sink.stats().delivered) == (True, 2)


def test_close_can_be_repeated(sink):
    """Closing twice, or without an event, is no error."""
    assert [sink.close(), sink.close()] == [True, True]


def test_a_context_closes_the_sink():
    """The end of a with block sends what is left."""
    transport = MemoryTransport()
    with Sink(transport, linger=60) as sink:
        sink.put(b"{}")
    assert len(transport.events) == 1


def test_a_transport_that_cannot_be_closed_does_no_harm():
    """An error while the transport is closed does not leave `close`."""

    class Broken(MemoryTransport):
        def close(self):
            raise OSError("broken")

    sink = Sink(Broken())
    sink.put(b"{}")
    assert sink.close()


def test_close_ends_while_others_go_on():
    """A close waits for what was accepted before it, not for those who go on logging."""

    class Slow(MemoryTransport):
        def send(self, events):
            time.sleep(0.01)
            return super().send(events)

    transport, over = Slow(), threading.Event()
    sink = Sink(transport, linger=0, max_events=1000, batch_events=10)

    def put() -> None:
        while not over.is_set():
            sink.put(b"{}")

    thread = threading.Thread(target=put)
    thread.start()
    wait_for(lambda: transport.batches)
    start = time.monotonic()
    closed = sink.close(20)
    seconds = time.monotonic() - start
    over.set()
    thread.join(10)
    sink.close()
    assert (closed, seconds < 15) == (True, True)
    # An event that reports losses may have come in behind.
    assert wait_for(lambda: sink.stats().buffered == 0)


def test_events_that_come_during_a_close_arrive(held):
    """What is logged while the sink closes needs no later event to be sent."""
    sink = Sink(held, linger=0)
    sink.put(b"1")
    held.sending.wait(10)
    closing = threading.Thread(target=sink.close)
    closing.start()
    for number in range(2, 52):  # while the close begins, and while it waits
        sink.put(b"%d" % number)
        time.sleep(0.001)
    held.release()
    closing.join(10)
    arrived = wait_for(lambda: held.events == [*range(1, 52)], timeout=5)
    sink.close()
    assert arrived


def test_many_threads_close_while_others_log():
    """Closing over and over while events come in loses none, and each close ends soon."""
    transport = MemoryTransport()
    sink = Sink(transport, linger=0.01)
    slowest = []

    def put() -> None:
        for _ in range(5000):
            sink.put(b"{}")

    def close(seconds: float) -> None:
        for _ in range(100):
            start = time.monotonic()
            sink.close(seconds)
            slowest.append(time.monotonic() - start)

    threads = [threading.Thread(target=put) for _ in range(3)]
    threads += [threading.Thread(target=close, args=(seconds,)) for seconds in (0, 5, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sink.close()
    assert (len(transport.events), max(slowest) < 4) == (15_000, True)
