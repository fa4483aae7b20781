"""What the reader reads events from, and how it keeps count of how far it has come."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol


class Source(Protocol):
    """Something that a spool takes events from, in their order."""

    def read(self, max_events: int, max_bytes: int, *, one: bool) -> list[bytes]:
        """The next events, without their line ends; the first even if it is too large, if *one*."""

    def has_more(self) -> bool:
        """Whether `take` left events that it knows of."""

    def advance(self, count: int) -> None:
        """The oldest *count* of the events that were taken are settled."""


class ReadStream(Protocol):
    """A stream, as far as an observer needs to know it.

    Attributes:
        adopted: whether another process has written it.
        waiting: events in it, where nothing is written to it any more.
    """

    adopted: bool
    waiting: int


class Observer(Protocol):
    """Is told of what a stream has left behind; it is never asked for it again."""

    def found_damaged(self, stream: ReadStream, line: bytes, reason: str) -> None:
        """A line that is no event."""

    def found_blank(self, stream: ReadStream) -> None:
        """An empty line, which never was an event."""

    def found_missing(self, stream: ReadStream, events: int, sequence: int) -> None:
        """So many events, from *sequence* on, are not where they should be."""


class Offset(NamedTuple):
    """A place between two lines."""

    segment: int
    offset: int

    def behind(self, events: list[bytes]) -> Offset:
        """The end of the last of *events*, the first of which begins here."""
        return Offset(self.segment, self.offset + sum(map(len, events)) + len(events))


class OffsetQueue:
    """The events that were read and are not settled, oldest first, and where each ends.

    Events that stand right behind each other are kept together: where one in the middle of them
    ends is worked out when it is settled, for many of them at once.
    """

    def __init__(self) -> None:
        # Of each group: where it begins, its events, and where it ends.
        self._groups: deque[tuple[Offset, list[bytes], Offset]] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, begin: Offset, events: list[bytes], end: Offset) -> None:
        """Events were read that stand from *begin* to *end*."""
        self._groups.append((begin, events, end))

    def first_segment(self) -> int:
        """The segment of the oldest event."""
        return self._groups[0][0].segment

    def settle(self, count: int) -> Offset | None:
        """Forget the oldest *count* events; where the last of them ends, None without any."""
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
