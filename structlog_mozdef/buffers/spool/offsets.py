"""Where in the segments of a stream its events stand that were read and are not settled."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


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
