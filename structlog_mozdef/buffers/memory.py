"""Events that wait in memory: fast, bounded, and gone with the process."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from typing import Any

from structlog_mozdef.buffers.accounting import Drops, Loss
from structlog_mozdef.buffers.base import (
    ABOVE_HIGH_WATER,
    FULL,
    Batch,
    Counts,
    DeadLetter,
    WhenFull,
    number_within,
)

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

    durable = False
    rescan_interval = math.inf

    def __init__(self, max_events: int, max_bytes: int, when_full: WhenFull) -> None:
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
        self._acked = 0
        # Dropped events stood behind those in flight, and are settled when these are: for each
        # such gap, how many events must be acked before it, and how many it is wide.
        self._gaps: deque[tuple[int, int]] = deque()
        self._dropped_oldest = 0
        self._passed_gaps = 0
        self._rejected_in_flight = 0
        self._dead_lettered = 0
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._drops = Drops()
        # How old the oldest event is, is asked for rarely: position and time are noted for the
        # first event of an empty buffer, a few of those behind it, and with every peek.
        self._marks: deque[tuple[int, float]] = deque()

    def append(self, event: bytes) -> int:
        waiting = self._waiting
        backlog = len(waiting) + len(self._in_flight)
        size = len(event)
        waiting_bytes = self._bytes_in - self._bytes_out
        if backlog >= self._max_events or waiting_bytes + size > self._roomy_bytes:
            return self._append_crowded(event)
        if not backlog & _MARK_MASK:
            self._mark(backlog)
        self._bytes_in += size
        waiting.append(event)
        return backlog + 1

    def _mark(self, backlog: int) -> None:
        """Note the time for the next event, which has *backlog* others before it."""
        self._marks.append((self._acked + self._dropped_oldest + backlog, time.monotonic()))

    def _append_crowded(self, event: bytes) -> int:
        if len(event) > self._max_bytes:
            self.drop("larger than the buffer")
            return len(self)
        # Without the lock as well: an outage can leave us here for long.
        if self._has_room(event):
            self._take(event)
            return ABOVE_HIGH_WATER
        # A signal handler or a ``__del__`` that interrupts the holder of the lock must not wait
        # for room: the sender needs that lock to make it.
        if self._when_full == "block" and not self._lock._is_owned():  # noqa: SLF001 - as Condition
            return FULL
        with self._lock:
            if self._when_full == "drop_oldest":
                self._make_room(event)
            # Another thread may have made room, or may have taken what was made.
            if self._has_room(event):
                self._take(event)
            else:
                self._drops.add("buffer full")
        return ABOVE_HIGH_WATER

    def _take(self, event: bytes) -> None:
        backlog = len(self)
        # By the position: a full buffer has the same backlog all the time.
        if not (self._acked + self._dropped_oldest + backlog) & _MARK_MASK or not backlog:
            self._mark(backlog)
        self._bytes_in += len(event)
        self._waiting.append(event)

    def _make_room(self, event: bytes) -> None:
        in_flight = len(self._in_flight)
        if self._in_flight_bytes[1:] != (self._acked, in_flight):
            self._in_flight_bytes = (sum(map(len, self._in_flight)), self._acked, in_flight)
        in_flight_bytes = self._in_flight_bytes[0]
        if in_flight >= self._max_events or in_flight_bytes + len(event) > self._max_bytes:
            return  # no number of drops would do
        dropped = 0
        while self._waiting and not self._has_room(event):
            self._bytes_out += len(self._waiting.popleft())
            self._dropped_oldest += 1
            dropped += 1
        if dropped:
            self._drops.add("buffer full", dropped)
        at = self._acked + in_flight
        if self._gaps and self._gaps[-1][0] == at:
            dropped += self._gaps.pop()[1]
        self._gaps.append((at, dropped))
        self._pass_gaps()

    def _pass_gaps(self) -> None:
        while self._gaps and self._gaps[0][0] <= self._acked:
            self._passed_gaps += self._gaps.popleft()[1]
        while len(self._marks) > 1 and self._marks[1][0] <= self.settled_count():
            self._marks.popleft()

    def _has_room(self, event: bytes) -> bool:
        return len(self) < self._max_events and self.size_bytes() + len(event) <= self._max_bytes

    def drop(self, reason: str) -> None:
        with self._lock:
            self._drops.add(reason)

    def adopt_orphans(self) -> bool:
        return False  # nobody else brings events

    def peek(self, max_events: int, max_bytes: int) -> Batch:
        with self._lock:
            in_flight = self._in_flight
            count = min(max_events - len(in_flight), len(self._waiting))
            if count > 0:
                self._mark(len(self))
                # In one step of C, so that no signal handler sees, or ends the program with,
                # an event that is in neither.
                move = iter(self._waiting.popleft, None)
                in_flight.extend(itertools.islice(move, count))
            events = in_flight[:max_events]
            return Batch(events[: number_within(events, max_bytes)[0] or 1])

    def ack(self, batch: Batch) -> None:
        count = len(batch.events)
        size = sum(map(len, batch.events))
        with self._lock:
            del self._in_flight[:count]
            self._acked += count
            self._rejected_in_flight = 0
            self._bytes_out += size
            if not self._in_flight and not self._waiting:
                self._bytes_out = self._bytes_in
            self._pass_gaps()

    def reject(self, event: bytes, reason: str) -> None:
        with self._lock:
            self._rejected_in_flight += 1
            self._dead_lettered += 1
            self._dead_letters.append(DeadLetter(event, reason))

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def size_bytes(self) -> int:
        return max(self._bytes_in - self._bytes_out, 0)

    def appended_count(self) -> int:
        with self._lock:
            return self._acked + self._dropped_oldest + len(self)

    def settled_count(self) -> int:
        return self._acked + self._passed_gaps

    def counts(self) -> Counts:
        with self._lock:
            self._pass_gaps()
            buffered = len(self) - self._rejected_in_flight
            delivered = self._acked - (self._dead_lettered - self._rejected_in_flight)
            dropped = self._drops.counts()
            return Counts(
                accepted=delivered + self._dead_lettered + sum(dropped.values()) + buffered,
                delivered=delivered,
                dead_lettered=self._dead_lettered,
                dropped=dropped,
                buffered=buffered,
                buffered_bytes=self.size_bytes(),
                oldest_age=time.monotonic() - self._marks[0][1] if buffered else 0.0,
            )

    def dropped(self) -> dict[str, int]:
        return self._drops.counts()

    def losses(self) -> dict[str, Loss]:
        if self._drops.all_reported():
            return {}
        with self._lock:
            return self._drops.losses()

    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        with self._lock:
            if not self._has_room(event):
                return False
            self._take(event)
            self._drops.mark_reported(reason, loss)
            return True

    def dead_letters(self) -> list[DeadLetter]:
        with self._lock:
            return list(self._dead_letters)

    def close(self) -> None:
        """Nothing to let go of."""

    def close_after_fork(self) -> None:
        """Nothing to close."""
