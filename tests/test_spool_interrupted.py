"""A signal handler or ``__del__`` that logs, delivers or raises in the middle of a log call."""

from __future__ import annotations

import contextlib
import json
import os
import sys

import pytest
from handmade_spools import events, file_limit, spool_on
from running import run

from structlog_mozdef.buffers import spool_writer
from structlog_mozdef.buffers.spool import Spool
from structlog_mozdef.buffers.spool_folder import SpoolFolder
from structlog_mozdef.buffers.spool_stream import Stream
from structlog_mozdef.buffers.spool_writer import SpoolWriter
from structlog_mozdef.reporting import Reporter

WRITING = {SpoolWriter.append.__code__, SpoolWriter._count.__code__}
READING = {Stream.take.__code__, Stream._read_more.__code__, Stream._take_lines.__code__}


class Interruption:
    """Calls *act* once, before the *number*-th line of the functions of *codes* that is run."""

    def __init__(self, codes, number, act):
        self.codes, self.left, self.act = codes, number, act
        self.happened = False

    def trace(self, frame, event, argument):
        if frame.f_code not in self.codes:
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0 and not self.happened:
                self.happened = True
                sys.settrace(None)
                self.act()
        return self.trace

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exc_info):
        sys.settrace(self.before)


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
        folder = SpoolFolder(tmp_path / str(number), "memory")
        spool = Spool(
            folder,
            max_events=sys.maxsize,
            max_bytes=1_000_000,
            when_full="drop_newest",
            sync="never",
            reporter=Reporter(),
        )
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
        codes = WRITING if interrupted == "append" else READING
        with Interruption(codes, number, act) as interruption:
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
        folder.close()
        number += 1
    assert number > 5


@pytest.mark.parametrize("other_threads", [0, 2])
def test_a_signal_handler_that_raises(tmp_path, other_threads):
    """Ctrl-C, a time-out: wherever it strikes, the next append works, and what returned arrives."""
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


class Handler:
    """Calls *act* once, at the *number*-th place where a signal handler can run.

    The interpreter looks for signals where a function begins, behind each call, and when a call of
    the operating system was interrupted before it did anything.

    Entering the lock of a ``with`` is no such place: a profiler of Python 3.14 and later is told of
    a call, but only 3.14 itself has the fault of running handlers behind it. Whatever raises there
    leaves the lock held, those of `threading` included: no thread could be started afterwards.
    """

    def __init__(self, number, act):
        self.left, self.act = number, act
        self.happened = False

    def profile(self, frame, event, argument):
        is_system_call = getattr(argument, "__module__", "") == "posix"
        if event not in ("call", "c_return") and not (event == "c_call" and is_system_call):
            return
        if frame.f_code is Handler.__exit__.__code__:
            return
        if event == "c_return" and argument.__name__ == "__enter__":
            return
        self.left -= 1
        if self.left < 0 and not self.happened:
            self.happened = True
            sys.setprofile(None)
            self.act()

    def __enter__(self):
        # Python 3.11 still calls a profiler that has just been freed by unsetting it.
        self.profiler = self.profile
        sys.setprofile(self.profiler)
        return self

    def __exit__(self, *exc_info):
        sys.setprofile(None)


def short_write(spool, interruption):
    """The disk takes a part of the event only, and the handler comes then."""
    size = os.fstat(spool._writer.stream.write_fd).st_size
    with file_limit(size + 10), interruption:
        spool.append(events("interrupted")[0])


def new_segment(spool, interruption):
    """The event does not fit into the segment any more."""
    spool._writer._segment_room = spool._writer._room = 0
    with interruption:
        spool.append(events("interrupted")[0])


def disk_trouble(spool, interruption):
    """The disk refuses the event."""
    with file_limit(0), interruption:
        spool.append(events("interrupted")[0])


def disk_recovery(spool, interruption):
    """What waited in memory is written, while some of it is being sent."""
    with file_limit(0):
        for event in events("held 1", "held 2", "held 3"):
            spool.append(event)
    sent = spool.peek(4, 10_000)
    spool._writer._disk_retry_at = 0.0
    try:
        with interruption:
            spool.append(events("interrupted")[0])
    finally:
        spool.ack(sent.first(3))
        disk_recovery.sent = sent.first(3).events


def first_event(spool, interruption):
    """There is no stream, and no housekeeper, yet."""
    with interruption:
        spool.append(events("interrupted")[0])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of os.scandir
@pytest.mark.parametrize("acts", ["raises", "logs", "logs and raises"])
@pytest.mark.parametrize(
    "situation", [first_event, short_write, new_segment, disk_trouble, disk_recovery]
)
def test_a_signal_handler_leaves_the_rest_whole(tmp_path, monkeypatch, situation, acts):
    """Wherever it runs, what was appended before and after arrives, and all is accounted for."""
    monkeypatch.setattr(spool_writer, "_DISK_RETRY", 0.0)
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number))
        spool._writer._segment_bytes = 100

        def act(spool=spool):
            if "logs" in acts:
                spool.append(events("inner")[0])
            if "raises" in acts:
                raise Raised

        interruption = Handler(number, act)
        before = events("before 1", "before 2") if situation is not first_event else []
        for event in before:
            spool.append(event)
        with contextlib.suppress(Raised):
            situation(spool, interruption)
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
        # What was written and not yet counted, or taken out of memory, can come twice.
        may_repeat = situation is disk_recovery and "raises" in acts
        assert len(delivered) - len(set(delivered)) <= may_repeat, number
        counts = spool.counts()
        assert (number, counts.dropped, counts.buffered) == (number, {}, 0)
        assert counts.accepted == counts.delivered + counts.dead_lettered
        assert spool.durable
        assert spool._writer._trouble is None
        assert spool._writer.housekeeper._thread.is_alive()
        spool.close()
        # A stream that was made, but not handed over any more, holds no events.
        left = "1*/*.ndjson" if situation is first_event else "1*"
        assert not list((tmp_path / str(number)).glob(left)), number
        number += 1
    assert number > 5
