"""What every buffer does, as tests: a class to inherit from, with one method to fill in."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from structlog_mozdef.buffers.base import FULL


def lines(*numbers: int) -> list[bytes]:
    return [b"%03d" % number for number in numbers]


class BufferContract:
    """Inherit, and give `make`. Events of these tests have 3 bytes each unless they say so."""

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

    def test_append_tells_the_backlog(self, buffer):
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
        """The bytes of events that were peeked are still taken."""
        buffer = self.filled(1, 2, 3)
        buffer.peek(2, 1000)
        assert buffer.size_bytes() == 9

    def test_size_after_an_ack(self):
        """The bytes of acked events are free again."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.size_bytes() == 3

    def test_position_counts_all_that_was_ever_taken(self):
        """`position` grows with each event and stays when events leave."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.appended_count() == 3

    def test_settled_counts_what_left(self):
        """`settled` is the number of acked events."""
        buffer = self.filled(1, 2, 3)
        buffer.ack(buffer.peek(2, 1000))
        assert buffer.settled_count() == 2

    def test_what_is_dropped_behind_events_in_flight_is_not_settled_before_them(self):
        """`settled` never passes an event that is still being sent."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        assert buffer.settled_count() == 0

    def test_what_is_dropped_is_settled_with_the_events_before_it(self):
        """Once the buffer has run empty, `settled` has reached `position`."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        while len(buffer):
            buffer.ack(buffer.peek(2, 1000))
        assert buffer.settled_count() == buffer.appended_count() == 7

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

    def test_the_sum_holds_between_reject_and_ack(self):
        """A rejected event that is not acked yet is counted once."""
        buffer = self.filled(1, 2)
        buffer.peek(2, 1000)
        buffer.reject(b"001", "HTTP 400")
        counts = buffer.counts()
        assert (counts.accepted, counts.dead_lettered, counts.buffered) == (2, 1, 1)

    def test_drop_counts(self, buffer):
        """An event that was not taken is counted by its reason."""
        buffer.drop("not bytes")
        assert buffer.counts().dropped == buffer.dropped() == {"not bytes": 1}

    def test_drop_newest_keeps_what_waits(self):
        """With drop_newest a full buffer refuses the event."""
        buffer = self.filled(1, 2, 3, max_events=2)
        assert (self.everything(buffer), buffer.counts().dropped) == (
            lines(1, 2),
            {"buffer full": 1},
        )

    def test_drop_newest_counts_bytes(self):
        """With drop_newest an event that exceeds max_bytes is refused."""
        assert self.everything(self.filled(1, 2, 3, max_bytes=8)) == lines(1, 2)

    def test_a_buffer_can_be_filled_to_the_last_byte(self):
        """An event that fits exactly is taken."""
        assert self.everything(self.filled(1, 2, 3, max_bytes=9)) == lines(1, 2, 3)

    def test_drop_oldest_makes_room(self):
        """With drop_oldest the oldest event makes room for the newest."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="drop_oldest")
        assert (self.everything(buffer), buffer.counts().dropped) == (
            lines(2, 3),
            {"buffer full": 1},
        )

    def test_drop_oldest_makes_as_much_room_as_is_needed(self):
        """With drop_oldest several small events make room for a large one."""
        buffer = self.filled(1, 2, 3, max_bytes=9, when_full="drop_oldest")
        buffer.append(b"large")
        assert self.everything(buffer) == [b"003", b"large"]

    def test_drop_oldest_spares_what_is_in_flight(self):
        """With drop_oldest an event that is being sent stays."""
        buffer = self.filled(1, 2, max_events=2, when_full="drop_oldest")
        buffer.peek(1, 1000)
        buffer.append(b"003")
        assert self.everything(buffer) == lines(1, 3)

    def test_drop_oldest_drops_nothing_in_vain(self):
        """Where events in flight leave no room, drop_oldest refuses the event, and no other."""
        buffer = self.filled(1, 2, 3, max_bytes=9, when_full="drop_oldest")
        buffer.peek(2, 1000)
        buffer.append(b"large")
        assert self.everything(buffer) == lines(1, 2, 3)

    def test_block_says_so(self):
        """With block a full buffer returns FULL."""
        assert self.filled(1, 2, max_events=2, when_full="block").append(b"003") == FULL

    def test_block_takes_and_counts_nothing(self):
        """With block an event that finds no room is neither taken nor dropped."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="block")
        assert buffer.counts().accepted == 2

    def test_block_takes_events_again(self):
        """With block there is room after an ack."""
        buffer = self.filled(1, 2, 3, max_events=2, when_full="block")
        buffer.ack(buffer.peek(1, 1000))
        assert buffer.append(b"004") != FULL

    @pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
    def test_an_event_larger_than_the_buffer_is_dropped(self, when_full):
        """An event that can never fit is dropped and counted, and the others stay."""
        buffer = self.filled(1, max_bytes=8, when_full=when_full)
        returned = buffer.append(b"x" * 9)
        assert (returned < FULL, len(buffer), sum(buffer.counts().dropped.values())) == (True, 1, 1)

    def test_an_empty_buffer_has_no_age(self, buffer):
        """The oldest age is 0 where nothing waits."""
        assert buffer.counts().oldest_age == 0

    def test_it_behaves_like_a_list(self):
        """Whatever is done in whatever order, a buffer does what a plain list would do."""
        run_state_machine_as_test(
            type("Model", (BufferModel,), {"contract": self}),
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


class BufferModel(RuleBasedStateMachine):
    """One list holds what waits; the first `in_flight` of it were given out."""

    contract: BufferContract
    MAX_EVENTS, MAX_BYTES = 8, 60

    def __init__(self):
        super().__init__()
        self.buffer = None

    @precondition(lambda self: self.buffer is None)
    @rule(when_full=st.sampled_from(["drop_newest", "drop_oldest", "block"]))
    def begin(self, when_full):
        self.when_full = when_full
        self.buffer = self.contract.make(self.MAX_EVENTS, self.MAX_BYTES, when_full)
        self.waiting: list[bytes] = []
        self.in_flight = self.acked = self.dropped = self.taken = self.full = self.rejected = 0

    def fits(self, events, event):
        total = sum(map(len, events)) + len(event)
        return len(events) < self.MAX_EVENTS and total <= self.MAX_BYTES

    @precondition(lambda self: self.buffer is not None)
    @rule(event=st.binary(min_size=1, max_size=70).filter(lambda event: b"\n" not in event))
    def append(self, event):
        returned = self.buffer.append(event)
        if len(event) > self.MAX_BYTES:
            self.dropped += 1
        elif not self.fits(self.waiting, event) and self.when_full == "block":
            assert returned == FULL
            self.full += 1
        else:
            if self.when_full == "drop_oldest" and self.fits(self.waiting[: self.in_flight], event):
                while not self.fits(self.waiting, event):
                    del self.waiting[self.in_flight]
                    self.dropped += 1
            if self.fits(self.waiting, event):
                self.waiting.append(event)
                self.taken += 1
            else:
                self.dropped += 1

    @precondition(lambda self: self.buffer is not None)
    @rule(max_events=st.integers(1, 10), max_bytes=st.integers(1, 80), acked=st.integers(0, 10))
    def send(self, max_events, max_bytes, acked):
        batch = self.buffer.peek(max_events, max_bytes)
        expected = self.waiting[:max_events]
        while len(expected) > 1 and sum(map(len, expected)) > max_bytes:
            expected.pop()
        assert list(batch.events) == expected
        self.in_flight = max(self.in_flight, len(self.waiting[:max_events]))
        acked = min(acked, len(expected))
        self.buffer.ack(batch.first(acked))
        del self.waiting[:acked]
        self.in_flight -= acked
        self.acked += acked

    @precondition(lambda self: self.buffer is not None)
    @rule()
    def refuse(self):
        batch = self.buffer.peek(1, 1)
        if not batch.events:
            return
        self.buffer.reject(batch.events[0], "HTTP 400")
        self.buffer.ack(batch)
        del self.waiting[0]
        self.in_flight = max(self.in_flight - 1, 0)
        self.acked += 1
        self.rejected += 1

    @invariant()
    def agree(self):
        if self.buffer is None:
            return
        counts = self.buffer.counts()
        assert len(self.buffer) == counts.buffered == len(self.waiting)
        assert self.buffer.size_bytes() == counts.buffered_bytes == sum(map(len, self.waiting))
        assert self.buffer.appended_count() == self.taken
        assert counts.delivered == self.acked - self.rejected
        assert counts.dead_lettered == self.rejected
        assert sum(counts.dropped.values()) == self.dropped
        assert self.acked <= self.buffer.settled_count() <= self.taken - len(self.waiting)
        if not self.waiting:
            assert self.buffer.settled_count() == self.buffer.appended_count()

    def teardown(self):
        if self.buffer is not None:
            self.buffer.close()
