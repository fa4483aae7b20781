"""What a spool reads events from: a stream on disk, or a holding in memory."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

#: One of 128 events is marked with its time.
MARK_MASK = 127


class Source(Protocol):
    """A FIFO of events, with its own counts. They only change with the spool's lock held.

    `state` is replaced as a whole, by one assignment: so what interrupts a read or an ack finds
    either the counts from before it or those from after it.

    Attributes:
        closed: whether nothing is appended to it any more.
        state: how far it was read and settled, and what was delivered.
        marks: when some of its events were appended.
    """

    closed: bool
    state: Any
    marks: Marks

    @property
    def appended(self) -> int:
        """The events that were ever appended to it."""

    def waiting(self) -> int:
        """Return how many events can be had from it, those that are being sent included."""

    def size(self) -> int:
        """Return the bytes that wait."""

    def take(self, max_events: int, max_bytes: int, one: bool) -> list[bytes]:
        """Read the next events, without line ends; the first even if it is too large, if *one*.

        Raises:
            OSError: they cannot be read now.
        """

    def has_more(self) -> bool:
        """Tell whether `take` left events that it knows of."""

    def after_ack(self, count: int, delivered: int) -> Any:
        """Return the state in which the oldest *count* events that were taken are settled."""

    def write_ack(self) -> None:
        """Note on disk how far it is settled, and remove what is."""

    def is_drained(self) -> bool:
        """Tell whether nothing is left of a closed source, however far it was read."""

    def rewind(self) -> None:
        """Forget what was taken: it will be taken again."""


class Marks:
    """When some of the events of a source were appended: the age of the oldest is rarely asked."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, float]] = deque()

    def add(self, number: int) -> None:
        """Mark the event that has *number* others before it in its source with the time."""
        self._marks.append((number, time.monotonic()))

    def oldest(self, settled: int) -> float:
        """Return about when the first event behind *settled* others was appended."""
        while len(self._marks) > 1 and self._marks[1][0] <= settled:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else time.monotonic()
