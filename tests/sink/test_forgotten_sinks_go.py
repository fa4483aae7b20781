"""A sink that nobody holds any more sends what it has accepted, and leaves nothing behind."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from support.receivers import Receiver
from support.running import wait_for
from support.transport_doubles import DownTransport, HeldTransport

from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


def threads():
    """How many threads of sinks there are, once those of earlier tests have ended."""
    return sum(thread.name.startswith("structlog-mozdef") for thread in threading.enumerate())


def descriptors(kind="socket:"):
    """How many descriptors are sockets, or below a folder: other tests may open files meanwhile."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += str(entry.readlink()).startswith(kind)
        except OSError:
            pass  # the one by which the folder itself was read
    return count


def test_a_thousand_leave_no_thread():
    """The threads of 1,000 sinks that were dropped end, and all of their events arrive."""
    before = threads()
    transport = MemoryTransport()
    for number in range(1_000):
        Sink(transport).put(b'{"number": %d}' % number)
    expected = set(range(1_000))
    assert wait_for(lambda: {event["number"] for event in transport.events} == expected)
    assert wait_for(lambda: threads() <= before)


def test_connections_are_closed():
    """The connections of dropped sinks are closed, and all of their events arrive."""
    with Receiver() as receiver:
        before = descriptors()
        for number in range(60):
            Sink(receiver.url).put(b'{"summary": "%d"}' % number)
        expected = {str(number) for number in range(60)}
        assert wait_for(lambda: set(receiver.summaries()) == expected)
        assert wait_for(lambda: descriptors() <= before)


@pytest.mark.parametrize("closed", [True, False])
def test_descriptors_of_spools_are_closed(closed, tmp_path):
    """Dropped sinks with a spool leave no thread, stream or descriptor to a garbage collector."""
    before = threads()
    transport = MemoryTransport()
    gc.disable()
    try:
        for number in range(30):
            sink = Sink(transport, tmp_path / "spool")
            sink.put(b'{"number": %d}' % number)
            if closed:
                sink.close()
        del sink
        assert wait_for(lambda: len(transport.events) >= 30)
        assert wait_for(lambda: threads() <= before)
        assert wait_for(lambda: not descriptors(str(tmp_path)))
    finally:
        gc.enable()
    assert {event["number"] for event in transport.events} == set(range(30))
    assert [path.name for path in (tmp_path / "spool").iterdir() if path.is_dir()] == []


def test_an_idle_one_ends():
    """A dropped sink whose events are all sent ends its thread at once."""
    before = threads()
    sink = Sink(MemoryTransport())
    sink.put(b"{}")
    sink.flush()
    del sink
    assert wait_for(lambda: threads() <= before)


def test_one_in_a_cycle_sends():
    """A dropped sink that the garbage collector finds sends what it has accepted."""
    transport = HeldTransport()
    cycle = [Sink(transport)]
    cycle.append(cycle)
    cycle[0].put(b'{"summary": "1"}')
    transport.sending.wait(10)
    cycle[0].put(b'{"summary": "2"}')
    del cycle
    gc.collect()
    transport.release()
    assert wait_for(lambda: [event["summary"] for event in transport.events] == ["1", "2"])


def test_one_in_an_outage_waits_for_its_end():
    """A dropped sink whose receiver is down goes on, and ends once its events are sent."""
    before = threads()
    transport = DownTransport()
    Sink(transport, linger=0.0).put(b'{"summary": "1"}')
    wait_for(lambda: transport.attempts)
    transport.down = False
    assert wait_for(lambda: [event["summary"] for event in transport.events] == ["1"])
    assert wait_for(lambda: threads() <= before)


def test_a_close_that_timed_out_leaves_no_thread():
    """After a close that could not send everything, a dropped sink has no thread."""
    before = threads()
    sink = Sink(DownTransport())
    sink.put(b"{}")
    assert not sink.close(0.1)
    del sink
    assert wait_for(lambda: threads() <= before)
