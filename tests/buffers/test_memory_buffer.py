"""The buffer in memory keeps the contract of buffers, and knows how old its events are."""

from __future__ import annotations

import tracemalloc

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.buffer_contract import BufferContract, lines

from structlog_mozdef.buffers.base import ABOVE_HIGH_WATER, FULL
from structlog_mozdef.buffers.memory import MemoryBuffer


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestMemoryBuffer(BufferContract):
    def make(self, max_events=1000, max_bytes=1_000_000, when_full="drop_newest", **options):
        return MemoryBuffer(max_events, max_bytes, when_full, **options)

    def test_the_age_begins_with_the_event(self):
        """Time that passed while the buffer was empty is no age."""
        clock = Clock()
        buffer = self.filled(1, clock=clock)
        buffer.ack(buffer.peek(1, 1000))
        clock.now = 2000.0
        buffer.append(b"002")
        clock.now = 2003.0
        assert buffer.counts().oldest_age == 3.0

    def test_the_age_of_what_is_left_after_drops(self):
        """With drop_oldest the age is that of the events that are left."""
        clock = Clock()
        buffer = self.make(max_events=256, when_full="drop_oldest", clock=clock)
        for second in range(3000):
            clock.now = float(second)
            buffer.append(b"001")
        assert 256 <= buffer.counts().oldest_age + 1 <= 256 + 128

    def test_an_event_that_fits_exactly(self):
        """An event that fills the buffer to the last byte is appended."""
        assert self.everything(self.filled(1, 2, 3, max_bytes=9)) == lines(1, 2, 3)

    def test_one_event_makes_room_for_one(self):
        """With drop_oldest no more events are dropped than is needed, the oldest first."""
        buffer = self.filled(1, 2, 3, max_bytes=9, when_full="drop_oldest")
        buffer.append(b"large")
        assert self.everything(buffer) == [b"003", b"large"]

    def test_every_drop_is_settled(self):
        """Dropped events count as appended, and are settled with those before them."""
        buffer = self.filled(1, 2, 3, max_events=3, when_full="drop_oldest")
        buffer.peek(1, 1000)
        for line in lines(4, 5, 6, 7):
            buffer.append(line)
        buffer.ack(buffer.peek(1, 1000))
        assert (buffer.settled_count(), buffer.appended_count()) == (5, 7)

    def test_only_the_latest_dead_letters_are_kept(self):
        """Dead letters do not pile up in memory."""
        buffer = self.make()
        for _ in range(1000):
            buffer.reject(b"001", "HTTP 400")
        assert len(buffer.dead_letters()) == 100

    def test_a_buffer_short_of_bytes_says_so(self):
        """Beyond half of max_bytes `append` says that a sender had better wake up."""
        buffer = self.make(max_bytes=10)
        assert [buffer.append(b"001"), buffer.append(b"002")] == [1, ABOVE_HIGH_WATER]

    def test_years_of_drops_need_no_memory(self):
        """A full buffer that drops the oldest again and again does not grow."""
        buffer = self.make(max_events=1000, when_full="drop_oldest")

        def drop(events: int) -> int:
            for _ in range(events):
                buffer.append(b"001")
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            buffer.append(b"001")
            buffer.peek(1, 1000)
            first, last = drop(20_000), drop(20_000)
        finally:
            tracemalloc.stop()
        assert last - first < 4096

    def test_it_behaves_like_a_list(self):
        """Whatever is done in whatever order, a buffer does what a plain list would do."""
        run_state_machine_as_test(
            ListModel,
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


class ListModel(RuleBasedStateMachine):
    """One list holds what waits; the first `in_flight` of it were peeked."""

    MAX_EVENTS, MAX_BYTES = 8, 60

    def __init__(self):
        super().__init__()
        self.buffer = None
        self.last_settled = 0

    @precondition(lambda self: self.buffer is None)
    @rule(when_full=st.sampled_from(["drop_newest", "drop_oldest", "block"]))
    def begin(self, when_full):
        self.when_full = when_full
        self.buffer = MemoryBuffer(self.MAX_EVENTS, self.MAX_BYTES, when_full)
        self.waiting: list[bytes] = []
        self.in_flight = self.acked = self.dropped = self.appended = self.put = 0
        self.counts = None
        self.rejected = self.requeued = 0

    def fits(self, events, event):
        total = sum(map(len, events)) + len(event)
        return len(events) < self.MAX_EVENTS and total <= self.MAX_BYTES

    @precondition(lambda self: self.buffer is not None)
    @rule(event=st.binary(min_size=1, max_size=70).filter(lambda event: b"\n" not in event))
    def append(self, event):
        returned = self.buffer.append(event)
        self.put += returned != FULL
        if len(event) > self.MAX_BYTES:
            self.dropped += 1
        elif not self.fits(self.waiting, event) and self.when_full == "block":
            assert returned == FULL
        else:
            if self.when_full == "drop_oldest" and self.fits(self.waiting[: self.in_flight], event):
                while not self.fits(self.waiting, event):
                    del self.waiting[self.in_flight]
                    self.dropped += 1
            if self.fits(self.waiting, event):
                self.waiting.append(event)
                self.appended += 1
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
    def reject(self):
        batch = self.buffer.peek(1, 1)
        if not batch.events:
            return
        self.buffer.reject(batch.events[0], "HTTP 400")
        self.buffer.ack(batch)
        del self.waiting[0]
        self.in_flight = max(self.in_flight - 1, 0)
        self.acked += 1
        self.rejected += 1

    @precondition(lambda self: self.buffer is not None)
    @rule(count=st.integers(1, 4), index=st.integers(0, 3))
    def requeue(self, count, index):
        batch = self.buffer.peek(count, 1000)
        self.in_flight = max(self.in_flight, len(batch.events))
        if index >= len(batch.events):
            return
        self.buffer.requeue(batch.events[index])
        self.waiting.append(batch.events[index])
        self.buffer.ack(batch)
        del self.waiting[: len(batch.events)]
        self.in_flight -= len(batch.events)
        self.acked += len(batch.events)
        self.requeued += 1

    @invariant()
    def agree(self):
        if self.buffer is None:
            return
        counts = self.buffer.counts()
        assert len(self.buffer) == counts.buffered == len(self.waiting)
        assert self.buffer.size_bytes() == counts.buffered_bytes == sum(map(len, self.waiting))
        assert self.buffer.appended_count() == self.appended + self.requeued
        assert counts.delivered == self.acked - self.rejected - self.requeued
        assert counts.dead_lettered == self.rejected
        assert sum(counts.dropped.values()) == self.dropped
        left = self.appended + self.requeued - len(self.waiting)
        assert self.last_settled <= self.buffer.settled_count() <= left
        if not self.requeued:
            assert self.acked <= self.buffer.settled_count()
        self.last_settled = self.buffer.settled_count()
        if not self.waiting:
            assert self.buffer.settled_count() == self.buffer.appended_count()
        assert counts.accepted == self.put
        for name in ("accepted", "delivered", "dead_lettered"):
            assert getattr(counts, name) >= getattr(self.counts or counts, name)
        self.counts = counts

    def teardown(self):
        if self.buffer is not None:
            self.buffer.close()
