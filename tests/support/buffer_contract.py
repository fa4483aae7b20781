"""What every buffer does, as tests: a class to inherit from, with one method to fill in."""

from __future__ import annotations

import sys

import pytest

from structlog_mozdef.buffers.base import (
    BUFFER_FULL,
    DEAD_LETTERS_FULL,
    FULL,
    LARGER_THAN_BUFFER,
    NOT_BYTES,
)


def lines(*numbers: int) -> list[bytes]:
    return [b"%03d" % number for number in numbers]


class BufferContract:
    """Inherit, fill in `make`, and say what is different with the attributes.

    Events of these tests have 3 bytes each unless they say so.

    Attributes:
        line_end: bytes that an event needs besides its own.
        usable: the part of max_bytes that events can fill.
    """

    line_end = 0
    usable = 0.999

    def make(self, max_events=1000, max_bytes=1_000_000, when_full="drop_newest"):
        raise NotImplementedError

    @pytest.fixture
    def buffer(self):
        buffer = self.make()
        yield buffer
        buffer.close()

    def filled(self, *numbers, **options):
        buffer = self.make(**options)
        for line in lines(*numbers):
            buffer.append(line)
        return buffer

    def everything(self, buffer) -> list[bytes]:
        return list(buffer.peek(10_000, 10**9).events)

    def test_first_in_first_out(self, buffer):
        """Events come out in the order in which they went in."""
        for line in lines(1, 2, 3):
            buffer.append(line)
        assert self.everything(buffer) == lines(1, 2, 3)

    def test_append_returns_the_backlog(self, buffer):
        """`append` returns the number of events that wait."""
        assert [buffer.append(line) for line in lines(1, 2, 3)] == [1, 2, 3]

    def test_an_empty_buffer_gives_an_empty_batch(self, buffer):
        """`peek` of an empty buffer gives no events."""
        assert self.everything(buffer) == []

    def test_peek_leaves_events_where_they_are(self, buffer):
        """Two peeks without an ack between them give the same events."""
        buffer.append(b"001")
        assert self.everything(buffer) == self.everything(buffer) == [b"001"]

    def test_peek_counts_events(self):
        """`peek` gives no more than max_events, the oldest."""
        assert self.filled(1, 2, 3).peek(2, 1000).events == lines(1, 2)

    def test_peek_counts_bytes(self):
        """`peek` gives no more than max_bytes."""
        assert self.filled(1, 2, 3).peek(10, 8).events == lines(1, 2)

    def test_peek_gives_an_event_that_is_too_large_alone(self):
        """The first event comes out even where it alone has more than max_bytes."""
        assert self.filled(1, 2).peek(10, 1).events == lines(1)

    def test_a_smaller_peek_after_a_larger_one(self):
        """A peek with smaller limits gives the first of the same events."""
        buffer = self.filled(1, 2, 3)
        buffer.peek(3, 1000)
        assert buffer.peek(1, 1000).events == lines(1)

    def test_ack_moves_on(self):
        """After an ack the next events are the oldest."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert self.everything(buffer) == lines(3)

    def test_ack_of_a_part(self):
        """A part of a batch can be acked; the rest is still the oldest."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(3, 1000).first(1))
        assert self.everything(buffer) == lines(2, 3)

    def test_length_counts_what_is_in_flight(self):
        """Events that were peeked still wait."""
        buffer = self.filled(1, 2, 3)
        buffer.peek(2, 1000)
        assert len(buffer) == 3

    def test_size_counts_what_is_in_flight(self):
        """The bytes of events that were peeked are still counted."""
        buffer = self.filled(1, 2, 3)
        buffer.peek(2, 1000)
        assert buffer.size_bytes() == 3 * (3 + self.line_end)

    def test_size_after_an_ack(self):
        """The bytes of acked events are free again."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.size_bytes() == 3 + self.line_end

    def test_appended_count_counts_all_that_was_ever_appended(self):
        """`appended_count` grows with each event and stays when events leave."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.appended_count() == 3

    def test_settled_count_counts_what_left(self):
        """`settled_count` is the number of acked events."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.settled_count() == 2

    def test_what_is_dropped_behind_events_in_flight_is_not_settled_before_them(self):
        """`settled_count` never passes an event that is still being sent."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        assert buffer.settled_count() == 0

    def test_what_is_dropped_is_settled_with_the_events_before_it(self):
        """Once the buffer has run empty, `settled_count` has reached `appended_count`."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        while len(buffer):
            buffer.ack(buffer.peek(2, 1000))
        assert buffer.settled_count() == buffer.appended_count()

    def test_rejected_events_are_dead_letters(self):
        """A rejected event is kept with its reason."""
        buffer = self.filled(1)
        buffer.reject(b"001", "HTTP 400")
        buffer.ack(buffer.peek(1, 1000))
        assert [tuple(letter) for letter in buffer.dead_letters()] == [(b"001", "HTTP 400")]

    def test_rejected_events_are_not_delivered(self):
        """A rejected event counts as a dead letter, and the others as delivered."""
        buffer = self.filled(1, 2)
        buffer.reject(b"001", "HTTP 400")
        buffer.ack(buffer.peek(2, 1000))
        counts = buffer.counts()
        assert (counts.delivered, counts.dead_lettered, counts.buffered) == (1, 1, 0)

    def test_dead_letters_beyond_their_room_are_dropped(self):
        """Rejected events that find no room among the dead letters are lost, and counted as that.

        A dead letter and its reason take 200 bytes at least.
        """
        buffer = self.make(max_bytes=160_000)
        for number in range(1000):
            buffer.append(b"%04d" % number)
            buffer.reject(b"%04d" % number, "HTTP 400" + "x" * 50)
            buffer.ack(buffer.peek(1, 1000))
        counts = buffer.counts()
        lost = counts.dropped[DEAD_LETTERS_FULL]
        assert (counts.delivered, counts.buffered, counts.dead_lettered) == (0, 0, 1000 - lost)
        assert lost >= 900
        assert buffer.losses()[DEAD_LETTERS_FULL].events == lost

    def test_the_sum_holds_between_reject_and_ack(self):
        """A rejected event that is not acked yet is counted once."""
        buffer = self.filled(1, 2)
        buffer.peek(2, 1000)
        buffer.reject(b"001", "HTTP 400")
        counts = buffer.counts()
        assert (counts.accepted, counts.dead_lettered, counts.buffered) == (2, 1, 1)

    def requeued(self, *numbers, **options):
        """A buffer with these events, whose first one was requeued."""
        buffer = self.filled(*numbers, **options)
        batch = buffer.peek(1, 1000)
        buffer.requeue(batch.events[0])
        buffer.ack(batch)
        return buffer

    def drained(self, buffer) -> list[bytes]:
        """Every event of *buffer*, each acked as it comes."""
        events = []
        while len(buffer):
            batch = buffer.peek(1, 1000)
            events += batch.events
            buffer.ack(batch)
        return events

    def test_a_requeued_event_comes_last(self):
        """An event that was requeued is at the end of the buffer, and no more at its front."""
        assert self.drained(self.requeued(1, 2, 3)) == lines(2, 3, 1)

    def test_a_requeued_event_is_accepted_once(self):
        """A requeued event waits; it is neither delivered nor a new event."""
        counts = self.requeued(1, 2, 3).counts()
        assert (counts.accepted, counts.delivered, counts.buffered) == (3, 0, 3)

    def test_a_requeued_event_is_delivered_once(self):
        """A requeued event that was delivered in the end is counted once."""
        buffer = self.requeued(1, 2, 3)
        self.drained(buffer)
        counts = buffer.counts()
        assert (counts.accepted, counts.delivered, counts.buffered) == (3, 3, 0)
        assert buffer.size_bytes() == 0

    def test_the_sum_holds_between_requeue_and_ack(self):
        """A requeued event that is not acked yet is counted once."""
        buffer = self.filled(1, 2)
        buffer.requeue(buffer.peek(2, 1000).events[0])
        counts = buffer.counts()
        assert (counts.accepted, counts.delivered, counts.buffered) == (2, 0, 2)

    def test_a_batch_with_all_fates(self):
        """Of one batch events can be delivered, rejected and requeued."""
        buffer = self.filled(1, 2, 3)
        batch = buffer.peek(3, 1000)
        buffer.reject(b"002", "HTTP 400")
        buffer.requeue(b"003")
        buffer.ack(batch)
        counts = buffer.counts()
        assert (counts.accepted, counts.delivered, counts.dead_lettered) == (3, 1, 1)
        assert self.drained(buffer) == lines(3)

    @pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
    def test_a_requeued_event_needs_no_room(self, when_full):
        """In a full buffer as well an event is requeued, and no other is dropped for it."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full=when_full)
        batch = buffer.peek(1, 1000)
        buffer.requeue(b"001")
        assert (len(buffer), buffer.dropped()) == (4, {})
        buffer.ack(batch)
        assert self.drained(buffer) == lines(2, 3, 1)

    def test_a_requeued_event_is_not_settled(self):
        """The watermark stays before a requeued event until that is settled."""
        buffer = self.requeued(1, 2, 3)
        appended = buffer.appended_count()
        settled = []
        while len(buffer):
            settled.append(buffer.settled_count())
            buffer.ack(buffer.peek(1, 1000))
        assert settled == [0, 0, 0]
        assert buffer.settled_count() == buffer.appended_count() == appended

    def test_an_event_can_be_requeued_again_and_again(self):
        """However often an event is requeued, it waits once and holds the watermark."""
        buffer = self.requeued(1, 2, 3)
        for _ in range(5):
            batch = buffer.peek(1, 1000)
            buffer.requeue(batch.events[0])
            buffer.ack(batch)
        assert (buffer.counts().accepted, buffer.settled_count()) == (3, 0)
        assert self.drained(buffer) == lines(1, 2, 3)
        assert buffer.settled_count() == buffer.appended_count()

    def test_drop_counts(self, buffer):
        """An event that was not appended is counted by its reason."""
        buffer.drop(NOT_BYTES)
        assert buffer.counts().dropped == buffer.dropped() == {NOT_BYTES: 1}

    def test_drop_newest_keeps_what_waits(self):
        """With drop_newest a full buffer drops the event."""
        buffer = self.filled(1, 2, 3, max_events=2)
        assert (self.everything(buffer), buffer.counts().dropped) == (
            lines(1, 2),
            {BUFFER_FULL: 1},
        )

    def test_drop_newest_counts_bytes(self):
        """With drop_newest an event that exceeds max_bytes is dropped."""
        buffer = self.make(max_bytes=10_000)
        for _ in range(200):
            buffer.append(b"x" * 99)
        assert 80 < len(buffer) <= 10_000 // 99

    def test_no_room_is_left_unused(self):
        """Events can fill all of max_bytes that is for them."""
        buffer = self.make(max_events=sys.maxsize, max_bytes=1_000_000)
        for _ in range(20_000):
            buffer.append(b"x" * 99)
        assert self.usable < buffer.size_bytes() / 1_000_000 <= 1

    def test_drop_oldest_makes_room(self):
        """With drop_oldest events that are not being sent make room for the newest ones."""
        buffer = self.filled(*range(20), max_events=16, when_full="drop_oldest")
        left = self.everything(buffer)
        assert left[-4:] == lines(16, 17, 18, 19)
        assert buffer.counts().dropped == {BUFFER_FULL: 20 - len(left)}

    def test_drop_oldest_makes_as_much_room_as_is_needed(self):
        """With drop_oldest many small events make room for a large one."""
        buffer = self.make(max_bytes=100_000, when_full="drop_oldest")
        for _ in range(2000):
            buffer.append(b"x" * 99)
        buffer.append(b"y" * 50_000)
        assert self.everything(buffer)[-1] == b"y" * 50_000

    def test_drop_oldest_spares_what_is_in_flight(self):
        """With drop_oldest an event that is being sent stays."""
        buffer = self.filled(*range(8), max_events=8, when_full="drop_oldest")
        batch = buffer.peek(1, 1000)
        for line in lines(*range(8, 30)):
            buffer.append(line)
        assert buffer.peek(1, 1000) == batch

    def test_drop_oldest_drops_nothing_in_vain(self):
        """Where events in flight leave no room, drop_oldest drops the newest event alone."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(3, 1000)
        buffer.append(b"004")
        assert self.everything(buffer) == lines(1, 2, 3)

    def test_block_says_so(self):
        """With block a full buffer returns FULL."""
        assert self.filled(1, 2, max_events=2, when_full="block").append(b"003") == FULL

    def test_block_appends_and_counts_nothing(self):
        """With block an event that finds no room is neither appended nor dropped."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="block")
        assert buffer.counts().accepted == 2

    def test_block_appends_again(self):
        """With block there is room after an ack."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="block")
        buffer.ack(buffer.peek(1, 1000))
        assert buffer.append(b"004") != FULL

    @pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
    def test_an_event_larger_than_the_buffer_is_dropped(self, when_full):
        """An event that can never fit is dropped and counted, and the others stay."""
        buffer = self.filled(1, max_bytes=8000, when_full=when_full)
        returned = buffer.append(b"x" * 8001)
        counts = buffer.counts()
        assert (returned < FULL, counts.buffered, counts.dropped) == (
            True,
            1,
            {LARGER_THAN_BUFFER: 1},
        )

    def test_an_empty_buffer_has_no_age(self, buffer):
        """The oldest age is 0 where nothing waits."""
        assert buffer.counts().oldest_age == 0
