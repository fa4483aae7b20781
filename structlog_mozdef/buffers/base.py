"""The contract of a buffer: a FIFO of ``bytes`` whose read position moves only after delivery."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from structlog_mozdef.buffers.accounting import Loss

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
SyncMode = Literal["interval", "always", "never"]

#: What `Buffer.append` returns where there is no room and the caller is to wait for it.
#: More than any number of events, so that a caller compares once.
FULL = sys.maxsize
#: What `Buffer.append` returns where the event was taken but the bytes run short, so that a
#: sender that waits for more is woken: more than any number of events as well, and below `FULL`.
ABOVE_HIGH_WATER = FULL - 63


@dataclass(frozen=True)
class Batch:
    """The oldest events of a buffer.

    Attributes:
        events: JSON objects, one line each without its end, oldest first.
    """

    events: Sequence[bytes]

    def first(self, count: int) -> Batch:
        """The batch of the oldest *count* of these events."""
        return Batch(self.events[:count])


class DeadLetter(NamedTuple):
    """An event that the destination will never take, and why."""

    event: bytes
    reason: str


@dataclass(frozen=True)
class Counts:
    """What became of the events of one buffer, all read at the same moment.

    ``accepted == delivered + dead_lettered + dropped + buffered`` holds.
    """

    accepted: int
    delivered: int
    dead_lettered: int
    dropped: Mapping[str, int]
    buffered: int
    buffered_bytes: int
    oldest_age: float


class Buffer(Protocol):
    """Where events wait. `append` may be called from any thread, the rest from one at a time.

    Attributes:
        look_again: seconds after which `adopt_orphans` may find something.
    """

    rescan_interval: float

    @property
    def durable(self) -> bool:
        """Whether all events that wait outlive the process."""

    def append(self, event: bytes) -> int:
        """Take one event; never raises for a full buffer.

        An event that is larger than the whole buffer is dropped, whatever the overflow policy.

        Returns:
            The number of events that wait now; `ABOVE_HIGH_WATER` where they take more than half
            of the bytes; `FULL` where the event was not taken because the caller is to wait.
        """

    def drop(self, reason: str) -> None:
        """Count an event that was not taken."""

    def adopt_orphans(self) -> bool:
        """Look for events that no `append` has brought: those of dead processes.

        Returns:
            Whether such events wait.
        """

    def peek(self, max_events: int, max_bytes: int) -> Batch:
        """The oldest events, which stay where they are until `ack`.

        At most *max_events*, and no more than *max_bytes* unless the first alone is larger.
        """

    def ack(self, batch: Batch) -> None:
        """Forget the events of *batch*, the oldest that `peek` gave: they are settled."""

    def reject(self, event: bytes, reason: str) -> None:
        """Put an event of the current batch with the dead letters; the next `ack` takes it."""

    def __len__(self) -> int:
        """The number of events that wait."""

    def size_bytes(self) -> int:
        """The size of the events that wait."""

    def appended_count(self) -> int:
        """How many events this process has brought, ever."""

    def settled_count(self) -> int:
        """How many of these have left, and all that were brought before them."""

    def counts(self) -> Counts:
        """What became of all events."""

    def dropped(self) -> dict[str, int]:
        """How many events were dropped, by reason, ever."""

    def losses(self) -> dict[str, Loss]:
        """The events that were dropped, by reason, as far as `report_loss` was not called."""

    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        """Take *event*, which tells of *loss*; False where there is no room, which is no loss."""

    def dead_letters(self) -> list[DeadLetter]:
        """The dead letters that are kept, oldest first."""

    def close(self) -> None:
        """Let go of files and locks; the next `append` takes new ones."""

    def close_after_fork(self) -> None:
        """In a forked child: close what is the parent's, and change nothing of it."""


def number_within(events: Sequence[bytes], max_bytes: int) -> tuple[int, int]:
    """How many of *events*, the first ones, take no more than *max_bytes* together.

    Returns:
        Their number, and their size.
    """
    size = sum(map(len, events))
    if size <= max_bytes:  # nearly always, and five times faster
        return len(events), size
    size = 0
    for count, total in enumerate(itertools.accumulate(map(len, events))):
        if total > max_bytes:
            return count, size
        size = total
    return len(events), size
