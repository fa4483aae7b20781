"""Events are sent in batches, by one thread for each sink, which costs nothing while it is idle."""

from __future__ import annotations

import threading
import time

from support.running import wait_for
from support.transport_doubles import HeldTransport, IdleTransport

from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


def sizes(transport: MemoryTransport) -> list[int]:
    return [len(batch) for batch in transport.batches]


def senders() -> int:
    return sum(thread.name == "structlog-mozdef-sender" for thread in threading.enumerate())


def test_batches_have_no_more_events_than_they_should():
    """No batch has more than batch_events."""
    transport = MemoryTransport()
    with Sink(transport, batch_events=10) as sink:
        for _ in range(95):
            sink.put(b"{}")
    assert (max(sizes(transport)), sum(sizes(transport))) == (10, 95)


def test_batches_have_no_more_bytes_than_they_should():
    """No batch has more than batch_bytes."""
    transport = MemoryTransport()
    with Sink(transport, batch_bytes=100) as sink:
        for _ in range(50):
            sink.put(b"x" * 30)
    assert (max(sizes(transport)), sum(sizes(transport))) == (3, 50)


def test_events_linger_for_others():
    """Events that come within the linger are sent together."""
    transport = IdleTransport()
    with Sink(transport, linger=0.3) as sink:
        sink.put(b"{}")
        assert transport.idling.wait(10)
        transport.batches.clear()
        for _ in range(5):
            sink.put(b"{}")
            time.sleep(0.01)
        wait_for(lambda: transport.batches)
    assert sizes(transport) == [5]


def test_events_arrive_after_the_linger():
    """A single event arrives without a flush."""
    transport = MemoryTransport()
    with Sink(transport, linger=0.05) as sink:
        sink.put(b"{}")
        wait_for(lambda: transport.batches)
        time.sleep(0.3)  # now the sender idles
        sink.put(b"{}")
        assert wait_for(lambda: len(transport.events) == 2, timeout=5)


def test_a_complete_batch_does_not_linger():
    """A batch that is complete is sent at once."""
    transport = MemoryTransport()
    with Sink(transport, linger=3600, batch_events=10) as sink:
        for _ in range(30):
            sink.put(b"{}")
        assert wait_for(lambda: len(transport.events) >= 20, timeout=5)


def test_a_batch_that_is_complete_in_bytes_does_not_linger():
    """Large events are sent one batch after another, without a linger between."""
    held = HeldTransport()
    with Sink(held, linger=3600, batch_bytes=1000) as sink:
        sink.put(b"x" * 900)
        held.sending.wait(10)
        for _ in range(20):
            sink.put(b"x" * 900)
        held.release()
        assert wait_for(lambda: len(held.batches) >= 20, timeout=5)


def test_no_thread_before_the_first_event():
    """A sink without events has no thread."""
    before = senders()
    with Sink(MemoryTransport()):
        assert senders() == before


def test_each_sink_has_a_thread_of_its_own():
    """A sink whose destination hangs does not hold up another."""
    held, free = HeldTransport(), MemoryTransport()
    with Sink(held, linger=0) as stuck, Sink(free) as other:
        stuck.put(b"{}")
        held.sending.wait(10)
        other.put(b"{}")
        flushed = other.flush(5)
        held.release()
    assert flushed


def test_the_thread_is_a_daemon():
    """The sender does not keep a program alive."""
    transport = HeldTransport()
    with Sink(transport, linger=0) as sink:
        sink.put(b"{}")
        daemons = [t.daemon for t in threading.enumerate() if t.name == "structlog-mozdef-sender"]
        transport.release()
    assert set(daemons) == {True}


def test_an_idle_sink_does_not_spin():
    """A sink that waits, with or without linger, uses next to no processor time."""
    with Sink(MemoryTransport(), linger=0) as eager, Sink(MemoryTransport()) as patient:
        for sink in (eager, patient):
            sink.put(b"{}")
            sink.flush()
        start = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - start < 0.1
