"""A signal handler or ``__del__`` that logs, delivers or raises in the middle of a log call."""

from __future__ import annotations

import json
import sys

import pytest
from running import run

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
