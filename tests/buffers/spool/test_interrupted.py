"""A signal handler or ``__del__`` that logs, delivers or raises in the middle of a log call."""

from __future__ import annotations

import contextlib
import json
from functools import partial

import pytest
from support.handmade_spools import (
    AT_ONCE,
    drain,
    events,
    file_limit,
    maintenance_threads,
    spool_on,
)
from support.interruptions import Interruption
from support.running import run


@pytest.mark.parametrize(
    ("interrupted", "acts"),
    [
        ("append", "appends"),
        ("append", "delivers"),
        ("append", "delivers and appends"),
        ("deliver", "appends"),  # who delivers never begins to deliver again
    ],
)
def test_events_are_delivered_once_and_whole(tmp_path, acts, interrupted):
    """Wherever a handler runs, all events arrive as they were, each once."""
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number))
        delivered = []

        def deliver(spool=spool, delivered=delivered):
            batch = spool.peek(100, 10_000)
            delivered += batch.events
            spool.ack(batch)

        def act(spool=spool, deliver=deliver):
            if "delivers" in acts:
                deliver()
            if "appends" in acts:
                spool.append(b"[inner]")

        spool.append(b"[first]")
        spool.append(b"[before]")
        with Interruption(number, act) as interruption:
            if interrupted == "append":
                spool.append(b"[outer]")
            else:
                deliver()
        spool.append(b"[after]")
        for _ in range(3):
            deliver()
        happened = interruption.happened
        expected = [b"[first]", b"[before]", b"[after]"]
        expected += [b"[outer]"] * (interrupted == "append")
        expected += [b"[inner]"] * (happened and "appends" in acts)
        assert (number, sorted(delivered)) == (number, sorted(expected))
        spool.close()
        number += 1
    assert number > 5


@pytest.mark.parametrize("other_threads", [0, 2])
def test_a_signal_handler_that_raises(tmp_path, other_threads):
    """Ctrl-C, a timeout: wherever it strikes, the next append works, and what returned arrives."""
    found = json.loads(run("spool_raising_handler", tmp_path / "spool", other_threads).stdout)
    assert found["returned"] > found["interruptions"] > 100
    del found["returned"], found["interruptions"]
    assert found == {
        "lost": 0,
        "repeated": 0,
        "last_arrived": True,
        "waiting": 0,
        "appends_quickly": True,
    }


class Raised(BaseException):
    """As KeyboardInterrupt is."""


def short_write(spool, interruption, path):
    """Only a part of the event is written, and the handler runs then."""
    (segment,) = path.glob("*/*.ndjson")
    with file_limit(segment.stat().st_size + 10), interruption:
        spool.append(events("interrupted")[0])


def new_segment(spool, interruption, path):
    """The event does not fit into the segment any more."""
    with interruption:
        spool.append(events("interrupted")[0])


def disk_error(spool, interruption, path):
    """The disk cannot be written."""
    with file_limit(0), interruption:
        spool.append(events("interrupted")[0])


def disk_recovery(spool, interruption, path):
    """What waited in memory is written, while some of it is being sent."""
    with file_limit(0):
        for event in events("held 1", "held 2", "held 3"):
            spool.append(event)
    sent = spool.peek(4, 10_000)
    try:
        with interruption:
            spool.append(events("interrupted")[0])
    finally:
        spool.ack(sent.first(3))
        disk_recovery.sent = sent.first(3).events


def first_event(spool, interruption, path):
    """There is no stream, and no maintenance thread, yet."""
    with interruption:
        spool.append(events("interrupted")[0])


# A collector that runs in the middle calls `SpoolFolder.__del__` for spools of earlier rounds, and
# Python reports what a handler raises in there.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("acts", ["raises", "logs", "logs and raises"])
@pytest.mark.parametrize(
    "situation", [first_event, short_write, new_segment, disk_error, disk_recovery]
)
def test_a_signal_handler_leaves_the_rest_whole(tmp_path, situation, acts):
    """Wherever it runs, what was appended before and after arrives, and all is accounted for."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        # Two events fit into a segment, and a third one where no new segment is wanted.
        size = 70 if situation is new_segment else 100
        spool = spool_on(path, segment_bytes=size, timings=AT_ONCE)
        other_threads = maintenance_threads()

        def act(spool=spool):
            if "logs" in acts:
                spool.append(events("inner")[0])
            if "raises" in acts:
                raise Raised

        interruption = Interruption(number, act)
        before = events("before 1", "before 2") if situation is not first_event else []
        for event in before:
            spool.append(event)
        with contextlib.suppress(Raised):
            situation(spool, interruption, path)
        delivered = list(getattr(situation, "sent", []))
        after = events(*(f"after {index}" for index in range(10)))
        for event in after:
            spool.append(event)
            batch = spool.peek(100, 10_000)
            delivered += batch.events
            spool.ack(batch)
        for _ in range(5):
            batch = spool.peek(100, 10_000)
            delivered += batch.events
            spool.ack(batch)
        expected = before + after
        if situation is disk_recovery:
            expected += events("held 1", "held 2", "held 3")
        happened = interruption.happened
        expected += events("inner") * (happened and "logs" in acts)
        expected += events("interrupted") * ("raises" not in acts)
        assert set(expected) <= set(delivered), number
        assert set(delivered) <= {*expected, *events("interrupted")}, number
        # What was held in memory, and just written, can come twice after an exception.
        may_repeat = 3 if situation is disk_recovery and "raises" in acts else 0
        assert len(delivered) - len(set(delivered)) <= may_repeat, number
        counts = spool.counts()
        assert (number, counts.dropped, counts.buffered) == (number, {}, 0)
        assert counts.accepted == counts.delivered + counts.dead_lettered
        assert spool.durable
        assert maintenance_threads() - other_threads
        spool.close()
        # The handler may have left a stream as a crash would: whoever adopts it finds no more.
        other = spool_on(path)
        assert set(drain(other)) <= set(events("interrupted", "held 1", "held 2", "held 3")), number
        other.close()
        assert not list(path.glob("1*")), number
        number += 1
    assert number > 5


@pytest.mark.parametrize("sync", ["never", "always"])
def test_a_stream_that_is_finished_is_not_appended_to(tmp_path, sync):
    """Wherever a handler logs, events arrive that are appended while others are in flight."""
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number), segment_bytes=30, sync=sync, timings=AT_ONCE)
        spool.append(b"[before]")
        with Interruption(number, partial(spool.append, b"[inner]")) as interruption:
            spool.append(b"[outer]")
        happened = interruption.happened
        batch = spool.peek(100, 10_000)
        spool.append(b"[after]")
        spool.ack(batch)
        delivered = [*batch.events, *drain(spool)]
        expected = [b"[before]", *[b"[inner]"] * happened, b"[outer]", b"[after]"]
        assert (number, sorted(delivered)) == (number, sorted(expected))
        assert spool.settled_count() == spool.appended_count()
        spool.close()
        number += 1
    assert number > 5


def test_another_process_begins_while_a_handler_logs(tmp_path):
    """A stream that appears in the middle of a measurement of the folder disturbs no log call."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        others = [spool_on(path), spool_on(path)]
        others[0].append(events("other 0")[0])
        spool = spool_on(path, segment_bytes=30, timings=AT_ONCE)
        spool.append(events("before")[0])

        def act(spool=spool, others=others):
            others[1].append(events("other 1")[0])
            spool.append(events("inner")[0])

        with Interruption(number, act) as interruption:
            spool.append(events("outer")[0])
        happened = interruption.happened
        for each in (*others, spool):
            each.abandon()
        number += 1
    assert number > 5
