"""Each event is counted once, and the numbers of a spool add up, whatever meets in one moment."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from functools import partial
from pathlib import Path

import pytest
from support.handmade_spools import (
    AT_ONCE,
    drain,
    events,
    file_limit,
    orphan,
    our_descriptors,
    spool_on,
)
from support.interruptions import Interruption, Meanwhile


def check(spool, *, released=0):
    """The numbers add up, and nothing is said to be with others."""
    counts = spool.counts()
    settled = counts.delivered + counts.dead_lettered + sum(counts.dropped.values())
    parts = settled + counts.buffered + counts.released
    assert (counts.accepted + counts.adopted, counts.released) == (parts, released), counts
    return counts


def send(spool, max_events=100):
    batch = spool.peek(max_events, 100_000)
    spool.ack(batch)
    return list(batch.events)


def close(*descriptors):
    for fd in descriptors:
        os.close(fd)


def test_the_oldest_events_are_dropped_while_they_are_read(tmp_path):
    """Wherever the reader overtakes a log call that drops the oldest, each is counted once."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        spool = spool_on(path, max_events=8, when_full="drop_oldest", timings=AT_ONCE)
        for event in events(*range(8)):
            spool.append(event)
        delivered = []
        meanwhile = Meanwhile(lambda spool=spool, found=delivered: found.extend(send(spool, 2)))
        with Interruption(number, meanwhile) as interruption:
            spool.append(events(8)[0])
        happened = interruption.happened
        meanwhile.finish()
        delivered += drain(spool)
        counts = check(spool)
        assert (number, len(delivered), counts.accepted) == (number, counts.delivered, 9)
        spool.close()
        number += 5
    assert number > 20


def test_the_last_segment_of_a_finished_stream_is_dropped(tmp_path):
    """Its file is open still, but what was dropped is not delivered."""
    spool = spool_on(tmp_path, max_events=3, when_full="drop_oldest", timings=AT_ONCE)
    first, second, third, *others = events(*range(6))
    for event in (first, second):
        spool.append(event)
    (segment, _) = sorted(tmp_path.glob("*/*.ndjson"))
    with file_limit(segment.stat().st_size + 5):
        spool.append(third)  # a short write: the stream is finished, and the event waits in memory
    batch = spool.peek(1, 1000)
    for event in others:
        spool.append(event)
    spool.ack(batch)
    delivered = [*batch.events, *drain(spool)]
    counts = check(spool)
    assert (counts.accepted, counts.delivered) == (6, len(delivered))
    assert counts.dropped == {"buffer full": 6 - len(delivered)}
    spool.close()


def test_a_stream_of_which_only_dropped_events_are_left(tmp_path):
    """It is done with, although its last segment was dropped; and nobody waits for it."""
    spool = spool_on(tmp_path, max_events=24, when_full="drop_oldest", timings=AT_ONCE)
    for event in events(*range(5)):
        spool.append(event)
    newest = max(tmp_path.glob("*/*.ndjson"))
    with file_limit(newest.stat().st_size + 5):
        spool.append(events(5)[0])  # a short write: the stream is finished
    batch = spool.peek(1, 1000)
    for event in events(*range(6, 30)):
        spool.append(event)
    spool.ack(batch)
    drain(spool)
    counts = check(spool)
    assert (counts.dropped, counts.buffered_bytes) == ({"buffer full": 8}, 0)
    assert spool.settled_count() == spool.appended_count()
    spool.close()
    assert not list(tmp_path.iterdir())


def log_in(spool):
    spool.append(events("inner")[0])


def interrupt_in(spool):
    interrupt()


@pytest.mark.parametrize("act", [log_in, interrupt_in])
def test_a_signal_handler_while_the_oldest_events_are_dropped(tmp_path, act):
    """Wherever it logs or raises, each segment is counted once, and no count falls."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        spool = spool_on(path, max_events=16, when_full="drop_oldest", timings=AT_ONCE)
        for event in events(*range(16)):
            spool.append(event)
        with (
            contextlib.suppress(InterruptedError),
            Interruption(number, partial(act, spool)) as interruption,
        ):
            spool.append(events(16)[0])
        happened = interruption.happened
        dropped = sum(check(spool).dropped.values())
        for event in events(*range(100, 104)):
            spool.append(event)
            assert sum(check(spool).dropped.values()) >= dropped, number
        drained = drain(spool)
        counts = check(spool)
        assert (counts.delivered, counts.buffered) == (len(drained), 0), number
        spool.close()
        number += 1
    assert number > 30


def test_what_cannot_be_dropped_is_delivered(tmp_path):
    """A segment that cannot be removed is not counted as dropped."""
    spool = spool_on(tmp_path, max_events=4, when_full="drop_oldest")
    for event in events(*range(4)):
        spool.append(event)
    close(*folders_among(our_descriptors(tmp_path)))
    spool.append(events(4)[0])
    check(spool)
    spool.maintain()
    assert sorted(set(drain(spool))) == events(0, 1, 2, 3)
    assert check(spool).dropped == {"buffer full": 1}
    spool.close()


def folders_among(descriptors):
    return [fd for fd in descriptors if Path(f"/proc/self/fd/{fd}").is_dir()]


@pytest.mark.parametrize("fate", ["delivered", "rejected", "requeued"])
@pytest.mark.parametrize("again", [False, True])
def test_a_lock_is_lost_while_events_are_in_flight(tmp_path, fate, again):
    """What comes from the disk once more is counted once more, as adopted or not at all."""
    spool = spool_on(tmp_path)
    for event in events(1, 2, 3):
        spool.append(event)
    batch = spool.peek(2, 1000)
    if fate == "rejected":
        spool.reject(batch.events[0], "HTTP 400")
    if fate == "requeued":
        spool.requeue(batch.events[0])
    close(*our_descriptors(tmp_path))
    spool.maintain()
    check(spool)
    if again:
        spool.adopt_orphans()
        spool.peek(10, 1000)
        check(spool)
    spool.ack(batch)
    check(spool)
    assert set(drain(spool)) >= set(events(3))
    counts = check(spool)
    assert (counts.accepted, counts.buffered) == (3, 0)
    assert counts.dead_lettered == (fate == "rejected")
    spool.close()


def test_others_deliver_what_was_adopted_before_its_lock_was_lost(tmp_path):
    """It is not waited for any more."""
    orphan(tmp_path, events(1, 2))
    spool, other = spool_on(tmp_path), spool_on(tmp_path)
    spool.adopt_orphans()
    close(*our_descriptors(tmp_path))
    spool.maintain()
    assert drain(other) == events(1, 2)
    spool.adopt_orphans()
    assert check(spool, released=2).buffered == 0
    spool.close()
    other.close()


def test_damage_does_not_wait_where_its_stream_is_read_again(tmp_path):
    """It was counted, though the events before it wait again."""
    orphan(tmp_path, [*events(1), b"no JSON", *events(2)])
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    assert len(spool.peek(10, 1000).events) == 2
    close(*our_descriptors(tmp_path))
    spool.maintain()
    counts = check(spool)
    assert (counts.adopted, counts.buffered, counts.dead_lettered) == (3, 2, 1)
    assert set(drain(spool)) == set(events(1, 2))
    assert check(spool).buffered == 0
    spool.close()


def finish_many(spool, path, count, *, torn=5):
    """Let a full disk finish so many streams, with so many bytes of an event; return the events."""
    kept = []
    for number in range(count):
        spool.append(events(f"first {number}")[0])
        newest = max(path.glob("*/*.ndjson"))
        kept += events(f"first {number}")
        with file_limit(newest.stat().st_size + torn):
            spool.append(events(f"second {number}")[0])
        kept += events(f"second {number}")
        spool.maintain()
    return kept


def test_streams_with_torn_lines_are_released(tmp_path):
    """Of many streams in a row most are released: they are none of others, and come back whole."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
    expected = finish_many(spool, tmp_path, 20)
    check(spool)
    assert drain(spool) == expected
    counts = check(spool)
    assert (counts.accepted, counts.adopted, counts.dead_lettered) == (len(expected), 0, 0)
    spool.close()


def test_no_stream_is_released_before_its_ack_offset_is_on_the_disk(tmp_path):
    """What a full disk could not note is not forgotten by the process that knows it."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
    spool.append(events("settled")[0])
    spool.append(events("waits")[0])
    with file_limit(0):
        assert send(spool, 1) == events("settled")
        spool.append(events("held")[0])
        for _ in range(20):
            spool.maintain()
    expected = events("waits", "held") + finish_many(spool, tmp_path, 20)
    with file_limit(0):
        for _ in range(20):
            spool.maintain()
    assert drain(spool) == expected
    assert check(spool).adopted == 0
    spool.close()


def test_a_stream_is_not_released_while_it_is_settled(tmp_path):
    """Wherever its lock is found to be lost, the sender's thread is not disturbed."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        spool = spool_on(path, timings=AT_ONCE)
        for event in events(1, 2, 3):
            spool.append(event)
        send(spool, 1)
        batch = spool.peek(1, 1000)
        close(*folders_among(our_descriptors(path)))
        meanwhile = Meanwhile(spool.maintain)
        with Interruption(number, meanwhile) as interruption:
            spool.ack(batch)
        happened = interruption.happened
        meanwhile.finish()
        spool.maintain()
        # As after a crash, what was in flight at that moment can come once more.
        assert drain(spool) in (events(3), events(2, 3)), number
        assert check(spool).delivered == 3
        spool.close()
        number += 1
    assert number > 10


def test_log_calls_that_are_interrupted_keep_no_files_open(tmp_path):
    """The next log call finishes a stream that an exception has left, while others are busy too."""
    spool = spool_on(tmp_path)
    for number in range(200):
        with pytest.raises(InterruptedError), Interruption(4, interrupt):
            spool.append(events(f"interrupted {number}")[0])
        spool.append(events(number)[0])
    assert len(our_descriptors(tmp_path)) < 100
    assert set(drain(spool)) >= set(events(*range(200)))
    check(spool)
    spool.close()


def interrupt():
    raise InterruptedError


def test_an_event_that_was_read_before_it_was_counted(tmp_path):
    """An exception came between its write and its count: the numbers add up all the same."""
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number))
        for event in events(1, 2):
            spool.append(event)
        try:
            with Interruption(number, interrupt) as interruption:
                spool.append(events(3)[0])
        except InterruptedError:
            pass
        happened = interruption.happened
        batch = spool.peek(1, 1000)
        accepted = check(spool).accepted
        with pytest.raises(InterruptedError), Interruption(5, interrupt):
            spool.peek(10, 1000)
        spool.ack(batch)
        spool.peek(1, 1000)
        assert check(spool).accepted == accepted, number
        assert set(drain(spool)) >= set(events(2))
        check(spool)
        assert spool.settled_count() == spool.appended_count()
        spool.close()
        number += 1
    assert number > 5


def test_an_ack_that_was_interrupted_before_it_settled_anything(tmp_path):
    """An event that is put at the end of the buffer once more is settled each time."""
    spool = spool_on(tmp_path)
    for event in events(1, 2):
        spool.append(event)
    batch = spool.peek(1, 1000)
    spool.requeue(batch.events[0])
    with pytest.raises(InterruptedError), Interruption(0, interrupt):
        spool.ack(batch)
    check(spool)
    spool.requeue(batch.events[0])
    spool.ack(batch)
    check(spool)
    drain(spool)
    assert check(spool).buffered == 0
    spool.close()


def test_an_exception_while_an_event_is_dropped(tmp_path):
    """It was accepted and dropped, or was never there."""
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number), max_events=1)
        spool.append(events(1)[0])
        try:
            with Interruption(number, interrupt) as interruption:
                spool.append(events(2)[0])
        except InterruptedError:
            pass
        happened = interruption.happened
        assert check(spool).accepted in {1, 2}, number
        spool.close()
        number += 1
    assert number > 10


def test_damage_is_counted_when_it_is_kept(tmp_path):
    """A line that is no event waits until it is a dead letter, however long that takes."""
    orphan(tmp_path, [*events(1), b"no JSON", *events(2)])
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    seen = []

    def look(frame, event, argument):
        if event == "c_call" and argument is fcntl.flock:
            seen.append(check(spool).buffered)

    sys.setprofile(look)
    try:
        spool.peek(10, 1000)
    finally:
        sys.setprofile(None)
    assert seen
    assert check(spool).dead_lettered == 1
    spool.close()


def test_empty_lines_are_no_events(tmp_path):
    """They are not counted as adopted, wherever they stand."""
    orphan(tmp_path, [b"", *events(1), b"", b"", *events(2), b""], [b"", b""], events(3))
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    assert check(spool).adopted == 3
    assert drain(spool) == events(1, 2, 3)
    assert check(spool).delivered == 3
    spool.close()


def test_many_empty_streams_do_not_hide_events(tmp_path):
    """A batch is not empty while events wait behind streams in which there is nothing."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
    expected = finish_many(spool, tmp_path, 60)
    for segment in sorted(tmp_path.glob("*/*.ndjson"))[4:50]:
        segment.write_bytes(b"")
    found = []
    while batch := send(spool):
        found += batch
    assert found[-1] == expected[-1]
    assert len(spool) == 0
    check(spool, released=spool.counts().released)
    spool.close()
