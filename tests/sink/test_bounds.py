"""A sink is bounded in events and bytes, says what it lost, and accepts whatever it is given."""

from __future__ import annotations

import re
import threading
import time

import pytest
from support.running import no_threads, wait_for
from support.transport_doubles import DownTransport, HeldTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.fixture
def held():
    transport = HeldTransport()
    yield transport
    transport.release()


def numbers(count: int) -> list[bytes]:
    return [b"%04d" % number for number in range(count)]


def delivered(transport: MemoryTransport) -> list[bytes]:
    """What arrived, but for the events that report losses (see test_losses_are_reported.py)."""
    events = [event for batch in transport.batches for event in batch]
    return [event for event in events if b'"reason":"buffer full"' not in event]


def put_all(sink: Sink, events: list[bytes]) -> None:
    for event in events:
        sink.put(event)


def test_drop_newest_keeps_exactly_the_first(held):
    """With drop_newest a full sink keeps exactly max_events, the first."""
    with Sink(held, max_events=100) as sink:
        put_all(sink, numbers(250))
        held.release()
        sink.flush()
        assert delivered(held) == numbers(100)


def test_drop_oldest_keeps_exactly_the_last(held):
    """With drop_oldest a full sink keeps the events in flight and the last of the others."""
    with Sink(held, max_events=100, batch_events=10, when_full="drop_oldest") as sink:
        put_all(sink, numbers(50))
        held.sending.wait(10)
        put_all(sink, numbers(500)[50:])
        in_flight = held.held
        held.release()
        sink.flush()
        assert delivered(held) == numbers(in_flight) + numbers(500)[400 + in_flight :]


def test_bytes_are_bounded(held):
    """A full sink keeps no more than max_bytes."""
    with Sink(held, max_bytes=1000) as sink:
        put_all(sink, numbers(500))
        buffered = sink.stats().buffered_bytes
        held.release()
        assert buffered == 1000


def test_what_is_dropped_is_counted_by_reason(held):
    """Each dropped event is counted with the reason."""
    with Sink(held, max_events=100) as sink:
        put_all(sink, numbers(250))
        held.release()
        assert sink.stats().dropped_by_reason == {"buffer full": 150}


def test_block_waits_for_room(held):
    """With block a log call returns once there is room, and nothing is lost."""
    with Sink(held, max_events=10, batch_events=5, when_full="block") as sink:
        thread = threading.Thread(target=put_all, args=(sink, numbers(100)))
        thread.start()
        held.sending.wait(10)
        held.release()
        thread.join(20)
        sink.flush()
        assert delivered(held) == numbers(100)


def test_block_never_exceeds_the_bounds(held):
    """With block the bounds hold while a log call waits."""
    with Sink(held, max_events=10, batch_events=5, when_full="block") as sink:
        thread = threading.Thread(target=put_all, args=(sink, numbers(30)))
        thread.start()
        wait_for(lambda: sink.stats().buffered >= 10)
        time.sleep(0.05)
        buffered = sink.stats().buffered
        held.release()
        thread.join(20)
        assert buffered == 10


def test_block_with_many_threads_loses_nothing():
    """With block many threads share a very small buffer without a loss, from the first event on."""
    transport = MemoryTransport()
    for _ in range(10):
        with Sink(transport, max_events=1, when_full="block") as sink:
            threads = [threading.Thread(target=put_all, args=(sink, numbers(5))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            sink.flush()
            assert (sink.stats().delivered, sink.stats().dropped) == (40, 0)


def test_block_gives_up_where_no_thread_can_be_started():
    """With block a log call does not wait for a sender that cannot exist."""
    sink = Sink(MemoryTransport(), max_events=10, when_full="block")
    with no_threads():
        put_all(sink, numbers(12))
    assert sink.stats().dropped == 2


def test_block_does_not_wait_for_an_event_that_can_never_fit():
    """With block an event larger than max_bytes is dropped at once."""
    with Sink(MemoryTransport(), max_bytes=100, when_full="block") as sink:
        sink.put(b"x" * 101)
        assert sink.stats().dropped == 1


def test_a_small_buffer_is_sent_before_it_is_full():
    """A sink that lingers wakes up when half of its bytes are used."""
    transport = MemoryTransport()
    with Sink(transport, max_bytes=1000, linger=60) as sink:
        sink.put(b"first")
        wait_for(lambda: transport.batches)
        put_all(sink, numbers(200))
        assert wait_for(lambda: len(delivered(transport)) >= 100, timeout=5)


def test_an_outage_does_not_grow_the_memory():
    """While the destination is down, no more than the bounds is kept."""
    transport = DownTransport()
    with Sink(transport, max_events=1000, retry=RetryPolicy(0.001, 0.001)) as sink:
        for _ in range(50):
            put_all(sink, numbers(1000))
        kept = sink.stats().buffered
        transport.down = False
        assert kept == 1000


@pytest.mark.parametrize("event", [None, "text", 5, {"summary": "x"}, [b"x"], object()])
def test_what_is_not_bytes_is_dropped(event):
    """An event that is not bytes is dropped and counted."""
    with Sink(MemoryTransport()) as sink:
        sink.put(event)
        assert sink.stats().dropped_by_reason == {"not bytes": 1}


@pytest.mark.parametrize(
    "event",
    [
        bytearray(b'{"a":\n1}'),
        memoryview(b'{"a":\n1}'),
        b'{"a":\n1}',
        type("B", (bytes,), {})(b'{"a":\n1}'),
    ],
)
def test_events_are_on_one_line(event):
    """Newlines between the tokens of an event become spaces, whatever kind of bytes it is."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        sink.put(event)
    assert delivered(transport) == [b'{"a": 1}']


@pytest.mark.parametrize("event", [b"", bytearray(), memoryview(b""), b"\n", b" \n "])
def test_no_bytes_are_no_event(event):
    """Where there is nothing in an event, nothing is accepted, sent or lost."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        sink.put(event)
        assert (sink.stats().accepted, sink.stats().dropped) == (0, 0)
    assert transport.batches == []


def test_bytes_that_cannot_be_read_do_not_raise():
    """A memory view that was released is dropped and counted."""
    view = memoryview(b"{}")
    view.release()
    with Sink(MemoryTransport()) as sink:
        sink.put(view)
        assert sink.stats().dropped == 1


@pytest.mark.parametrize(
    "options",
    [
        {"max_events": 0},
        {"max_events": 1.5},
        {"max_events": True},
        {"max_bytes": -1},
        {"max_bytes": "64 MiB"},
        {"max_dead_letter_bytes": -1},
        {"max_dead_letter_bytes": 64 * 1024 * 1024},
        {"batch_events": 0},
        {"batch_bytes": None},
        {"linger": -0.1},
        {"linger": float("nan")},
        {"exit_timeout": float("inf")},
        {"when_full": "drop"},
        {"retry": 5},
        {"spool": 5},
    ],
)
def test_a_bad_option_is_rejected_in_one_sentence(options):
    """A value that cannot work raises ValueError with one sentence that names the option."""
    with pytest.raises(ValueError) as raised:
        Sink(MemoryTransport(), **options)
    assert re.fullmatch(next(iter(options)) + " is [^\n]*[^\n.]", str(raised.value))


@pytest.mark.parametrize("destination", [5, b"http://localhost/events", object()])
def test_what_is_no_destination_is_rejected(destination):
    """A destination that is neither a URL nor a transport raises ValueError."""
    with pytest.raises(ValueError, match="must be a URL, a transport or None"):
        Sink(destination)


def test_options_of_a_transport_need_a_url():
    """Options for a transport that exists already raise TypeError, and name them."""
    with pytest.raises(TypeError, match="verify"):
        Sink(MemoryTransport(), verify=False)


def test_huge_durations_are_accepted():
    """A linger and timeouts of many years neither raise nor spin."""
    transport = MemoryTransport()
    sink = Sink(transport, linger=1e300, exit_timeout=1e300)
    sink.put(b"{}")
    sink.flush(1e300)
    sink.put(b"{}")
    sink.close(1e300)
    assert len(delivered(transport)) == 2


def test_a_log_call_without_stack_left_does_not_raise():
    """`put` at the very end of the stack neither raises nor loses count."""
    with Sink(MemoryTransport(), linger=60) as sink:

        def deeper() -> int:
            sink.put(b"{}")
            try:
                return deeper() + 1
            except RecursionError:
                return 1

        calls = deeper()
        stats = sink.stats()
        assert calls - 1 <= stats.accepted <= calls
