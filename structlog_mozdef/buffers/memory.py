"""Events that wait in memory: fast, bounded, and gone with the process."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque

from structlog_mozdef.buffers.base import FULL, Batch, Counts, DeadLetter, WhenFull

# Dead letters are for a person to look at: the latest are enough.
_KEPT_DEAD_LETTERS = 100
# One of 128 events is marked with its time.
_MARK_MASK = 127


class MemoryBuffer:
    """A bounded FIFO in memory.

    `append` takes no lock, which would cost more than all that it does: the deque is safe by
    itself, also in a signal handler or ``__del__`` that interrupts it, and all counts come from
    the containers. So threads that append at the same moment can exceed *max_events* by one each;
    and the sum of bytes, should an update ever be lost, is right again once the buffer is empty.
    All that moves events or counts them holds the lock.

    Args:
        max_events: events that may wait.
        max_bytes: their size together.
        when_full: "drop_newest" refuses the event, "drop_oldest" makes room by dropping the
            oldest that is not being sent, "block" leaves waiting to the caller.
    """

    def __init__(self, max_events: int, max_bytes: int, when_full: WhenFull) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._lock = threading.RLock()
        self._waiting: deque[bytes] = deque()
        self._in_flight: list[bytes] = []
        # Two sums, since only the first one is written by log calls.
        self._bytes_in = 0
        self._bytes_out = 0
        self._settled = 0
        self._dropped_oldest = 0
        self._rejected_in_flight = 0
        self._dead_lettered = 0
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._dropped: Counter[str] = Counter()
        # How old the oldest event is, is asked for rarely: position and time are noted for the
        # first event of an empty buffer and a few of those behind it.
        self._marks: deque[tuple[int, float]] = deque()

    def append(self, event: bytes) -> int:
        waiting = self._waiting
        backlog = len(waiting) + len(self._in_flight)
        size = len(event)
        waiting_bytes = self._bytes_in - self._bytes_out
        if backlog >= self._max_events or waiting_bytes + size > self._max_bytes:
            return self._overflow(event)
        if not backlog & _MARK_MASK:
            self._marks.append((self.settled() + backlog, time.monotonic()))
        self._bytes_in += size
        waiting.append(event)
        return backlog + 1

    def _overflow(self, event: bytes) -> int:
        if self._when_full == "block":
            return FULL
        with self._lock:
            if self._when_full == "drop_oldest":
                while self._waiting and not self._has_room(event):
                    self._bytes_out += len(self._waiting.popleft())
                    self._dropped_oldest += 1
                    self._dropped["buffer full"] += 1
            # Another thread may have made room, or may have taken what was made.
            if self._has_room(event):
                self._bytes_in += len(event)
                self._waiting.append(event)
            else:
                self._dropped["buffer full"] += 1
            return len(self)

    def _size(self) -> int:
        return self._bytes_in - self._bytes_out

    def _has_room(self, event: bytes) -> bool:
        return len(self) < self._max_events and self._size() + len(event) <= self._max_bytes

    def drop(self, reason: str) -> None:
        with self._lock:
            self._dropped[reason] += 1

    def peek(self, max_events: int, max_bytes: int) -> Batch:
        with self._lock:
            in_flight, waiting = self._in_flight, self._waiting
            while waiting and len(in_flight) < max_events:
                in_flight.append(waiting.popleft())
            return Batch(_within(in_flight[:max_events], max_bytes))

    def ack(self, batch: Batch) -> None:
        count = len(batch.events)
        size = sum(map(len, batch.events))
        with self._lock:
            del self._in_flight[:count]
            self._settled += count
            self._rejected_in_flight = 0
            self._bytes_out += size
            if not self._in_flight and not self._waiting:
                self._bytes_out = self._bytes_in
            while len(self._marks) > 1 and self._marks[1][0] <= self.settled():
                self._marks.popleft()

    def reject(self, event: bytes, reason: str) -> None:
        with self._lock:
            self._rejected_in_flight += 1
            self._dead_lettered += 1
            self._dead_letters.append(DeadLetter(event, reason))

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def position(self) -> int:
        with self._lock:
            return self.settled() + len(self)

    def settled(self) -> int:
        return self._settled + self._dropped_oldest

    def counts(self) -> Counts:
        with self._lock:
            buffered = len(self) - self._rejected_in_flight
            delivered = self._settled - (self._dead_lettered - self._rejected_in_flight)
            dropped = dict(self._dropped)
            return Counts(
                accepted=delivered + self._dead_lettered + sum(dropped.values()) + buffered,
                delivered=delivered,
                dead_lettered=self._dead_lettered,
                dropped=dropped,
                buffered=buffered,
                buffered_bytes=max(self._size(), 0),
                oldest_age=time.monotonic() - self._marks[0][1] if buffered else 0.0,
            )

    def dead_letters(self) -> list[DeadLetter]:
        with self._lock:
            return list(self._dead_letters)

    def close(self) -> None:
        """Nothing to let go of."""


def _within(events: list[bytes], max_bytes: int) -> list[bytes]:
    """The first of *events* that together take no more than *max_bytes*, one at least."""
    for count, total in enumerate(itertools.accumulate(map(len, events))):
        if total > max_bytes:
            return events[: max(count, 1)]
    return events
