"""The spool keeps the contract of buffers, as far as it is not about memory alone."""

from __future__ import annotations

import shutil
import sys
import time

import pytest
from support.buffer_contract import BufferContract, lines
from support.handmade_spools import spool_on

from structlog_mozdef.buffers.base import FULL


class TestSpool(BufferContract):
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

    # A line has an end, which counts on disk.

    def test_size_counts_what_is_in_flight(self):
        """The bytes of events that were peeked still count."""
        buffer = self.filled(1, 2, 3)
        buffer.peek(2, 1000)
        assert buffer.size_bytes() == 12

    def test_size_after_an_ack(self):
        """The bytes of acked events are free again."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.size_bytes() == 4

    # Complete segments are dropped, and the reason has another name.

    def test_drop_newest_keeps_what_waits(self):
        """With drop_newest a full spool drops the event."""
        buffer = self.filled(1, 2, 3, max_events=2)
        assert (self.everything(buffer), buffer.counts().dropped) == (
            lines(1, 2),
            {"spool full": 1},
        )

    def test_drop_oldest_makes_room(self):
        """With drop_oldest the oldest segment that is not being read is dropped."""
        buffer = self.filled(*range(20), max_events=16, when_full="drop_oldest")
        left = self.everything(buffer)
        dropped = buffer.counts().dropped["spool full"]
        assert left == lines(*range(20))[dropped - 20 :] or left[-4:] == lines(16, 17, 18, 19)

    def test_drop_oldest_makes_as_much_room_as_is_needed(self):
        """With drop_oldest several small segments are dropped for a large event."""
        buffer = self.make(max_bytes=100_000, when_full="drop_oldest")
        for _ in range(2000):
            buffer.append(b"x" * 99)
        buffer.append(b"y" * 50_000)
        assert self.everything(buffer)[-1] == b"y" * 50_000

    def test_drop_oldest_spares_what_is_in_flight(self):
        """With drop_oldest events that are being sent stay."""
        buffer = self.filled(*range(8), max_events=8, when_full="drop_oldest")
        batch = buffer.peek(1, 1000)
        for line in lines(*range(8, 30)):
            buffer.append(line)
        assert buffer.peek(1, 1000) == batch

    def test_what_is_dropped_is_settled_with_the_events_before_it(self):
        """Once the spool is empty, `settled_count` has reached `appended_count`."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        while len(buffer):
            buffer.ack(buffer.peek(2, 1000))
        assert buffer.settled_count() == buffer.appended_count()

    def test_drop_oldest_drops_nothing_in_vain(self):
        """If no segment can be dropped, drop_oldest drops the event, and no other."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(3, 1000)
        buffer.append(b"004")
        assert self.everything(buffer)[0] == b"001"

    # The limit holds for the folder, including all other files of a stream.

    def test_drop_newest_counts_bytes(self):
        """With drop_newest an event that exceeds max_bytes is dropped."""
        buffer = self.make(max_bytes=10_000)
        for _ in range(200):
            buffer.append(b"x" * 99)
        assert 80 < len(buffer) < 100

    def test_a_buffer_can_be_filled_to_the_last_byte(self):
        """Less than a hundredth of max_bytes is unused, except the share of dead letters."""
        buffer = self.make(max_bytes=1_000_000)
        for _ in range(20_000):
            buffer.append(b"x" * 99)
        assert 0.92 < buffer.size_bytes() / 1_000_000 < 0.94

    def test_block_takes_and_counts_nothing(self):
        """With block an event that does not fit is neither appended nor dropped."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="block")
        assert buffer.counts().accepted == 2

    @pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
    def test_an_event_larger_than_the_buffer_is_dropped(self, when_full):
        """An event that can never fit is dropped and counted, and the others stay."""
        buffer = self.filled(1, max_bytes=8000, when_full=when_full)
        returned = buffer.append(b"x" * 8000)
        assert (returned < FULL, len(buffer), sum(buffer.counts().dropped.values())) == (True, 1, 1)

    def test_it_behaves_like_a_list(self):
        """See test_is_a_list.py, which damages the files as well."""

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

    def test_the_age_begins_with_the_event(self, monkeypatch):
        """Time that passed while the spool was empty is no age."""
        buffer = self.filled(1)
        buffer.ack(buffer.peek(1, 1000))
        now = time.monotonic() + 100
        monkeypatch.setattr(time, "monotonic", lambda: now)
        buffer.append(b"002")
        now += 3.0
        assert buffer.counts().oldest_age == 3.0

    def test_the_sum_holds_when_a_rejected_event_is_left_behind(self):
        """An event that was rejected, and not settled before a close, comes again."""
        buffer = self.filled(1, 2)
        buffer.reject(buffer.peek(1, 1000).events[0], "HTTP 400")
        buffer.close()
        counts = buffer.counts()
        assert (counts.accepted, counts.dead_lettered, counts.buffered) == (3, 1, 2)

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
