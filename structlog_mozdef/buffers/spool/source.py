"""What the reader reads events from, and how it keeps count of how far it has come."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol


class Source(Protocol):
    """Something that a spool reads events from, in their order."""

    def read(self, max_events: int, max_bytes: int, *, one: bool) -> list[bytes]:
        """Return the next events without line ends; with *one*, at least one of any size."""

    def has_more(self) -> bool:
        """Return whether `read` left events that are known already."""

    def advance(self, count: int) -> None:
        """Settle the oldest *count* of the events that were read."""


class ReadStream(Protocol):
    """The part of a stream that an observer needs.

    Attributes:
        adopted: whether another process has written it.
        waiting: events in it, if nothing is written to it any more.
    """

    adopted: bool
    waiting: int


class Observer(Protocol):
    """Called once for everything in a stream that is not delivered."""

    def found_damaged(self, stream: ReadStream, line: bytes, reason: str) -> None:
        """Count and keep a line that is not an event."""

    def found_empty(self, stream: ReadStream) -> None:
        """Count an empty line, which was never an event."""

    def found_missing(self, stream: ReadStream, events: int, sequence: int) -> None:
        """Count *events* from *sequence* on that are missing from a segment."""


class Offset(NamedTuple):
    """An offset between two lines of a segment."""

    segment: int
    offset: int

    def behind(self, events: list[bytes]) -> Offset:
        """Return the end of *events*, which begin here."""
        return Offset(self.segment, self.offset + sum(map(len, events)) + len(events))


class OffsetQueue:
    """The events that were read and are not settled, oldest first, and the end of each.

    Adjacent events are kept as one group. Where an event in the middle of a group ends is computed
    when it is settled, for many events at once.
    """

    def __init__(self) -> None:
        # Of each group: where it begins, its events, and where it ends.
        self._groups: deque[tuple[Offset, list[bytes], Offset]] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, begin: Offset, events: list[bytes], end: Offset) -> None:
        """Add *events*, which were read from *begin* to *end*."""
        self._groups.append((begin, events, end))

    def first_segment(self) -> int:
        """Return the segment of the oldest event."""
        return self._groups[0][0].segment

    def settle(self, count: int) -> Offset | None:
        """Remove the oldest *count* events; return the end of the last one, or None."""
        reached = None
        while count and self._groups:
            begin, events, end = self._groups.popleft()
            if count >= len(events):
                reached = end
                count -= len(events)
            else:
                reached = begin.behind(events[:count])
                self._groups.appendleft((reached, events[count:], end))
                count = 0
        return reached
