"""The contract of a buffer: a FIFO of ``bytes`` whose read position moves only after delivery."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from structlog_mozdef.buffers.accounting import Loss

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
SyncMode = Literal["interval", "always", "never"]

# Reasons of loss: the keys of `Stats.dropped_by_reason`, and the ``reason`` in the event that
# reports a loss. One cause has one reason, whichever the buffer.

#: The buffer had no room, and its overflow policy dropped the event or an older one.
BUFFER_FULL: Final = "buffer full"
#: The event alone is larger than the whole buffer may be.
LARGER_THAN_BUFFER: Final = "larger than the buffer"
#: Something else than ``bytes`` was passed to `Sink.put`.
NOT_BYTES: Final = "not bytes"
#: The disk accepted nothing for so long that the memory set aside for that time was full; or it
#: did not accept a dead letter.
DISK_ERROR: Final = "disk error"
#: Events were missing from the files of the spool, or could not be read from them.
SPOOL_DAMAGED: Final = "spool damaged"
#: Another program removed files of the spool, and the events in them.
SPOOL_REMOVED: Final = "spool removed"
#: The destination rejected the event, and there is no room for another dead letter.
DEAD_LETTERS_FULL: Final = "dead letters full"
#: The sink has no destination: the program has no URL, and nothing is sent.
NO_DESTINATION: Final = "no destination"
#: All of these. The one other form is that of `error_reason`.
LOSS_REASONS: Final = frozenset(
    {
        BUFFER_FULL,
        LARGER_THAN_BUFFER,
        NOT_BYTES,
        DISK_ERROR,
        SPOOL_DAMAGED,
        SPOOL_REMOVED,
        DEAD_LETTERS_FULL,
        NO_DESTINATION,
    }
)


def error_reason(error: BaseException) -> str:
    """Return the reason of a loss where *error* ended `Sink.put`: ``error: MemoryError``."""
    return f"error: {type(error).__name__}"


#: What `Buffer.append` returns where there is no room and the caller is to wait for it.
#: More than any number of events, so that a caller compares once.
FULL = sys.maxsize
#: What `Buffer.append` returns where the event was appended but the bytes run short, so that a
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
    """An event that the destination will never accept, and why."""

    event: bytes
    reason: str


@dataclass(frozen=True)
class Counts:
    """What became of the events of one buffer, all read at the same moment.

    ``accepted + adopted == delivered + dead_lettered + dropped + buffered + released`` holds, and
    none of them falls, but for `buffered` and `released`: see `structlog_mozdef.sink.stats.Stats`.
    """

    accepted: int
    delivered: int
    dead_lettered: int
    dropped: Mapping[str, int]
    buffered: int
    buffered_bytes: int
    oldest_age: float
    adopted: int = 0
    released: int = 0


class Buffer(Protocol):
    """Where events wait. `append` may be called from any thread, the rest from one at a time.

    Attributes:
        rescan_interval: seconds after which `adopt_orphans` may find something.
    """

    rescan_interval: float

    @property
    def durable(self) -> bool:
        """Whether all events that wait outlive the process."""

    def volatile_count(self) -> int:
        """Return how many of the events that wait would not outlive the process. Takes no lock."""

    def append(self, event: bytes) -> int:
        """Append one event; never raises for a full buffer.

        An event that is larger than the whole buffer is dropped, whatever the overflow policy.

        Returns:
            The number of events that wait now; `ABOVE_HIGH_WATER` where they fill more than half
            of the bytes; `FULL` where the event was not appended because the caller is to wait.
        """

    def drop(self, reason: str) -> None:
        """Count an event that was not appended, for one of the reasons of loss."""

    def adopt_orphans(self) -> bool:
        """Look for events that no `append` has brought: those of dead processes.

        Returns:
            Whether such events wait.
        """

    def is_adopting(self) -> bool:
        """Return whether `adopt_orphans` has found events that it may not have counted yet.

        Other processes see them held already, while they are missing in `counts`. Takes no lock.
        """

    def peek(self, max_events: int, max_bytes: int) -> Batch:
        """Return the oldest events, which stay where they are until `ack`.

        At most *max_events*, and no more than *max_bytes* unless the first alone is larger.
        """

    def ack(self, batch: Batch) -> None:
        """Remove the events of *batch*, the oldest that `peek` returned: they are settled."""

    def reject(self, event: bytes, reason: str) -> None:
        """Keep an event of the current batch as a dead letter; the next `ack` removes it.

        One that cannot be kept, as there is no room for it, is counted as dropped.
        """

    def requeue(self, event: bytes) -> None:
        """Append an event of the current batch once more; the next `ack` removes it from the front.

        It was accepted already, so no bound applies to it, and it is counted once. The watermark
        stays at its first place until it is settled.

        Raises:
            OSError: the disk did not accept it. It stays where it is.
        """

    def __len__(self) -> int:
        """Return the number of events that wait."""

    def size_bytes(self) -> int:
        """Return the size of the events that wait."""

    def appended_count(self) -> int:
        """Return how many events this process has appended so far, requeued ones each time."""

    def settled_count(self) -> int:
        """Return the watermark: every event among the first N appended is settled.

        Settled events were delivered, dead-lettered or dropped.
        """

    def counts(self) -> Counts:
        """Return what became of all events."""

    def dropped(self) -> dict[str, int]:
        """Return how many events were dropped so far, by reason."""

    def losses(self) -> dict[str, Loss]:
        """Return the dropped events, by reason, for which `report_loss` was not called yet."""

    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        """Append *event*, which reports *loss*; False where there is no room, which is no loss."""

    def dead_letters(self) -> list[DeadLetter]:
        """Return the dead letters that are kept, oldest first."""

    def is_interrupted(self) -> bool:
        """Return whether the calling thread is in the middle of a change, which others wait for.

        A signal handler or ``__del__`` asks this, which must not wait for others then.
        """

    def close(self) -> None:
        """Close files and release locks; the next `append` opens new ones."""

    def close_after_fork(self) -> None:
        """In a forked child: close what is the parent's, and change nothing of it."""


def number_within(events: Sequence[bytes], max_bytes: int) -> tuple[int, int]:
    """Return how many of *events*, from the first on, fit into *max_bytes*, and their size."""
    size = sum(map(len, events))
    if size <= max_bytes:  # nearly always, and five times faster
        return len(events), size
    size = 0
    for count, total in enumerate(itertools.accumulate(map(len, events))):
        if total > max_bytes:
            return count, size
        size = total
    return len(events), size
