"""Events that wait in memory: fast, bounded, and gone with the process."""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.accounting import Drops, Loss, Watermark
from structlog_mozdef.buffers.base import (
    ABOVE_HIGH_WATER,
    BUFFER_FULL,
    DEAD_LETTERS_FULL,
    FULL,
    LARGER_THAN_BUFFER,
    Batch,
    Counts,
    DeadLetter,
    WhenFull,
    number_within,
)

# Dead letters are for a person to look at: the latest are enough. Each pushes out another one then.
_KEPT_DEAD_LETTERS = 100
# The time is noted of one of 128 events.
_TIME_MASK = 127


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
        when_full: "drop_newest" drops the event, "drop_oldest" makes room by dropping the
            oldest that is not being sent, "block" leaves waiting to the caller.
        clock: returns seconds, monotonic.
    """

    durable = False
    rescan_interval = math.inf

    def __init__(
        self,
        max_events: int,
        max_bytes: int,
        when_full: WhenFull,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._roomy_bytes = max_bytes // 2
        self._when_full = when_full
        self._lock: Any = threading.RLock()  # Any: `_is_owned` is missing in its stub
        self._waiting: deque[bytes] = deque()
        self._in_flight: list[bytes] = []
        # Its size in bytes, and for which number of acked events and of events that was true.
        self._in_flight_bytes = (0, 0, 0)
        # Two sums, since only the first one is written by log calls.
        self._bytes_in = 0
        self._bytes_out = 0
        # Its `settled` are the events that were acked, and those dropped before them. Times are
        # noted for the first event of an empty buffer, for a few of those behind it, and with
        # every peek.
        self._watermark = Watermark(clock)
        self._acked = 0
        self._rejected_in_flight = 0
        self._rejected = 0
        self._requeued_in_flight = 0
        self._requeued = 0
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._drops = Drops()

    def append(self, event: bytes) -> int:
        waiting = self._waiting
        backlog = len(waiting) + len(self._in_flight)
        size = len(event)
        waiting_bytes = self._bytes_in - self._bytes_out
        if backlog >= self._max_events or waiting_bytes + size > self._roomy_bytes:
            return self._append_above_high_water(event)
        if not backlog & _TIME_MASK:
            self._watermark.note_time(self._watermark.left + backlog)
        self._bytes_in += size
        waiting.append(event)
        return backlog + 1

    def _append_above_high_water(self, event: bytes) -> int:
        if len(event) > self._max_bytes:
            self.drop(LARGER_THAN_BUFFER)
            return len(self)
        # Without the lock as well: an outage can leave us here for long.
        if self._has_room(event):
            self._append_now(event)
            return ABOVE_HIGH_WATER
        # A signal handler or a ``__del__`` that interrupts the holder of the lock must not wait
        # for room: the sender needs that lock to make it.
        if self._when_full == "block" and not self.is_interrupted():
            return FULL
        self._append_or_drop(event)
        return ABOVE_HIGH_WATER

    @locked
    def _append_or_drop(self, event: bytes) -> None:
        if self._when_full == "drop_oldest":
            self._make_room(event)
        # Another thread may have made room, or may have used what was made.
        if self._has_room(event):
            self._append_now(event)
        else:
            self._drops.add(BUFFER_FULL)

    def _append_now(self, event: bytes) -> None:
        backlog = len(self)
        number = self._watermark.left + backlog
        # By the number: a full buffer has the same backlog all the time.
        if not number & _TIME_MASK or not backlog:
            self._watermark.note_time(number)
        self._bytes_in += len(event)
        self._waiting.append(event)

    def _make_room(self, event: bytes) -> None:
        """Drop the oldest events that are not being sent, unless that would not be enough."""
        in_flight = len(self._in_flight)
        if self._in_flight_bytes[1:] != (self._acked, in_flight):
            self._in_flight_bytes = (sum(map(len, self._in_flight)), self._acked, in_flight)
        in_flight_bytes = self._in_flight_bytes[0]
        if in_flight >= self._max_events or in_flight_bytes + len(event) > self._max_bytes:
            return
        dropped = 0
        while self._waiting and not self._has_room(event):
            self._bytes_out += len(self._waiting.popleft())
            dropped += 1
        if dropped:
            self._drops.add(BUFFER_FULL, dropped)
            self._watermark.drop(self._watermark.left + in_flight, dropped)

    def _has_room(self, event: bytes) -> bool:
        return len(self) < self._max_events and self.size_bytes() + len(event) <= self._max_bytes

    @locked
    def drop(self, reason: str) -> None:
        self._drops.add(reason)

    def adopt_orphans(self) -> bool:
        return False  # nobody else brings events

    def is_adopting(self) -> bool:
        return False

    @locked
    def peek(self, max_events: int, max_bytes: int) -> Batch:
        in_flight = self._in_flight
        count = min(max_events - len(in_flight), len(self._waiting))
        if count > 0:
            self._watermark.note_time(self._watermark.left + len(self))
            # In one step of C, so that no signal handler sees, or ends the program with,
            # an event that is in neither.
            move = iter(self._waiting.popleft, None)
            in_flight.extend(itertools.islice(move, count))
        events = in_flight[:max_events]
        return Batch(events[: number_within(events, max_bytes)[0] or 1])

    @locked
    def ack(self, batch: Batch) -> None:
        count = len(batch.events)
        size = sum(map(len, batch.events))
        del self._in_flight[:count]
        self._acked += count
        self._rejected_in_flight = self._requeued_in_flight = 0
        self._bytes_out += size
        if not self._in_flight and not self._waiting:
            self._bytes_out = self._bytes_in
            self._watermark.left += count
            self._watermark.settle_all()
        else:
            self._watermark.settle(count)

    @locked
    def reject(self, event: bytes, reason: str) -> None:
        self._rejected_in_flight += 1
        self._rejected += 1
        if self._rejected > _KEPT_DEAD_LETTERS:
            self._drops.add(DEAD_LETTERS_FULL)
        self._dead_letters.append(DeadLetter(event, reason))

    @locked
    def requeue(self, event: bytes) -> None:
        number = self._watermark.left + self._in_flight.index(event)
        # Not `_bytes_in`, which log calls write without the lock.
        self._bytes_out -= len(event)
        self._waiting.append(event)
        self._watermark.requeue(number, self._watermark.left + len(self) - 1)
        self._requeued_in_flight += 1
        self._requeued += 1

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def volatile_count(self) -> int:
        return len(self) - self._rejected_in_flight - self._requeued_in_flight

    def size_bytes(self) -> int:
        return max(self._bytes_in - self._bytes_out, 0)

    @locked
    def appended_count(self) -> int:
        return self._watermark.left + len(self)

    def settled_count(self) -> int:
        return self._watermark.settled

    @locked
    def counts(self) -> Counts:
        twice = self._rejected_in_flight + self._requeued_in_flight
        buffered = self.volatile_count()
        delivered = self._acked + twice - self._rejected - self._requeued
        dead_lettered = min(self._rejected, _KEPT_DEAD_LETTERS)
        dropped = self._drops.counts()
        return Counts(
            accepted=delivered + dead_lettered + sum(dropped.values()) + buffered,
            delivered=delivered,
            dead_lettered=dead_lettered,
            dropped=dropped,
            buffered=buffered,
            buffered_bytes=self.size_bytes(),
            oldest_age=self._watermark.age() if buffered else 0.0,
        )

    def dropped(self) -> dict[str, int]:
        return self._drops.counts()

    def losses(self) -> dict[str, Loss]:
        return {} if self._drops.all_reported() else self._losses()

    @locked
    def _losses(self) -> dict[str, Loss]:
        return self._drops.losses()

    @locked
    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        if not self._has_room(event):
            return False
        self._append_now(event)
        self._drops.mark_reported(reason, loss)
        return True

    @locked
    def dead_letters(self) -> list[DeadLetter]:
        return list(self._dead_letters)

    def is_interrupted(self) -> bool:
        return bool(self._lock._is_owned())  # noqa: SLF001 - as Condition

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def close_after_fork(self) -> None:
        """Do nothing: there is nothing to close."""
