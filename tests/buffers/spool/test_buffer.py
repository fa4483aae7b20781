"""The spool keeps the contract of buffers; see test_is_a_list.py as well."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from support.buffer_contract import BufferContract, lines
from support.handmade_spools import orphan, spool_on

from structlog_mozdef.buffers.spool import SpoolTimings


def written_calls():
    """Return how often this thread has called write(2) and its kind so far."""
    found = re.search(r"syscw: (\d+)", Path("/proc/thread-self/io").read_text())
    return int(found[1])


class TestSpool(BufferContract):
    line_end = 1
    usable = 0.92  # dead letters and the files beside the events need the rest

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path):
        self.path = tmp_path
        self.made = []
        yield
        for spool in self.made:
            spool.close()

    def make(self, max_events=sys.maxsize, max_bytes=1_000_000, when_full="drop_newest"):
        # Each in a folder of its own, as each buffer in memory is.
        path = self.path / str(len(self.made))
        spool = spool_on(path, max_events=max_events, max_bytes=max_bytes, when_full=when_full)
        self.made.append(spool)
        return spool

    # What only a spool does.

    def test_a_batch_spans_segments(self):
        """Where a segment ends makes no difference to a batch."""
        buffer = self.make(max_bytes=8000)  # segments of 1000 bytes
        events = [b"%099d" % number for number in range(50)]
        for event in events:
            buffer.append(event)
        assert self.everything(buffer) == events

    def test_a_batch_stays_the_same_while_streams_are_adopted(self):
        """What was given out is given out again, in the same order, whatever else has come."""
        buffer = self.filled(1, 2)
        first = buffer.peek(100, 1000)
        other = spool_on(self.path / "0")
        other.append(b'{"other": 1}')
        other.close()
        buffer.adopt_orphans()
        buffer.append(b"003")
        assert self.everything(buffer)[:2] == list(first.events)

    def test_an_empty_spool_gives_no_empty_batch_forever(self):
        """An event that somebody has cut off from its file is counted as lost."""
        buffer = self.filled(1)
        for segment in self.path.glob("0/*/*.ndjson"):
            segment.write_bytes(b"")
        self.everything(buffer)
        assert (len(buffer), buffer.counts().dropped) == (0, {"spool damaged": 1})

    def test_a_large_event_is_delivered(self):
        """An event that is larger than what is read at once comes out complete."""
        buffer = self.make(max_bytes=1 << 26)
        buffer.append(b"x" * 3_000_000)
        buffer.append(b"002")
        assert self.everything(buffer) == [b"x" * 3_000_000, b"002"]

    def test_a_batch_is_acked_by_one_write(self):
        """However many reads a batch took: each system call hands the interpreter over."""
        buffer = self.make(max_bytes=1 << 24)
        for _ in range(1000):
            buffer.append(b"x" * 999)
        buffer.ack(buffer.peek(1, 1000))  # opens the file
        batch = buffer.peek(1000, 1 << 20)
        before = written_calls()
        buffer.ack(batch)
        assert (len(batch.events), written_calls() - before) == (999, 1)

    def test_the_age_begins_with_the_event(self):
        """Time that passed while the spool was empty is no age."""
        now = 0.0
        buffer = spool_on(self.path / "aged", timings=SpoolTimings(clock=lambda: now))
        self.made.append(buffer)
        buffer.append(b"001")
        buffer.ack(buffer.peek(1, 1000))
        now += 100.0
        buffer.append(b"002")
        now += 3.0
        assert buffer.counts().oldest_age == 3.0

    def test_no_age_is_negative(self):
        """A stream that was written before the clock was set back is not of the future."""
        stream = orphan(self.path / "future", [b"{}"])
        os.utime(stream / "0000000001.ndjson", (4e9, 4e9))
        buffer = spool_on(self.path / "future")
        self.made.append(buffer)
        assert (buffer.adopt_orphans(), buffer.counts().oldest_age) == (True, 0.0)

    def test_the_sum_holds_when_a_rejected_event_is_left_behind(self):
        """An event that was rejected, and not settled before a close, comes again."""
        buffer = self.filled(1, 2)
        buffer.reject(buffer.peek(1, 1000).events[0], "HTTP 400")
        buffer.close()
        counts = buffer.counts()
        assert (counts.accepted, counts.adopted) == (2, 1)
        assert (counts.dead_lettered, counts.buffered, counts.released) == (1, 2, 0)

    def test_a_batch_from_before_a_close_settles_nothing(self):
        """After a close, what was in flight is given out again."""
        buffer = self.filled(1, 2)
        batch = buffer.peek(2, 1000)
        buffer.close()
        buffer.ack(batch)
        assert buffer.counts().buffered == 2

    def test_a_removed_stream_gives_its_own_events(self):
        """Events of a stream that somebody removed come before those of the next one."""
        buffer = self.filled(1, 2)
        buffer.ack(buffer.peek(2, 1000))
        buffer.append(b"003")
        for stream in self.path.glob("0/*-*"):
            shutil.rmtree(stream)
        buffer.maintain()
        delivered = []
        for event in lines(4, 5, 6, 7):
            buffer.append(event)
            batch = buffer.peek(1, 1000)
            delivered += batch.events
            buffer.ack(batch)
        assert delivered == lines(3, 4, 5, 6)
