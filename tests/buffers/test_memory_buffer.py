"""The buffer in memory keeps the contract of buffers, and knows how old its events are."""

from __future__ import annotations

import time

from support.buffer_contract import BufferContract

from structlog_mozdef.buffers.base import ABOVE_HIGH_WATER
from structlog_mozdef.buffers.memory import MemoryBuffer


class TestMemoryBuffer(BufferContract):
    def make(self, max_events=1000, max_bytes=1_000_000, when_full="drop_newest"):
        return MemoryBuffer(max_events, max_bytes, when_full)

    def test_the_age_begins_with_the_event(self, monkeypatch):
        """Time that passed while the buffer was empty is no age."""
        now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        buffer = self.filled(1)
        buffer.ack(buffer.peek(1, 1000))
        now = 2000.0
        buffer.append(b"002")
        now = 2003.0
        assert buffer.counts().oldest_age == 3.0

    def test_the_age_of_what_is_left_after_drops(self, monkeypatch):
        """With drop_oldest the age is that of the events that are left."""
        now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        buffer = self.make(max_events=256, when_full="drop_oldest")
        for second in range(3000):
            now = float(second)
            buffer.append(b"001")
        assert 256 <= buffer.counts().oldest_age + 1 <= 256 + 128

    def test_only_the_latest_dead_letters_are_kept(self):
        """Dead letters do not pile up in memory."""
        buffer = self.make()
        for _ in range(1000):
            buffer.reject(b"001", "HTTP 400")
        assert len(buffer.dead_letters()) == 100

    def test_a_buffer_short_of_bytes_says_so(self):
        """Beyond half of max_bytes `append` tells that a sender had better wake up."""
        buffer = self.make(max_bytes=10)
        assert [buffer.append(b"001"), buffer.append(b"002")] == [1, ABOVE_HIGH_WATER]
