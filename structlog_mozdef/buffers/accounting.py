"""Events that a buffer lost: how many, why, and between which times."""

from __future__ import annotations

import time
from typing import NamedTuple


class Loss(NamedTuple):
    """Events lost for one reason.

    Attributes:
        events: how many.
        first: when the first of them was lost, in seconds of ``time.time``.
        last: when the last of them was.
    """

    events: int
    first: float
    last: float


class _Tally:
    __slots__ = ("events", "first", "last", "reported")

    def __init__(self, now: float) -> None:
        self.events = self.reported = 0
        self.first = self.last = now


class Drops:
    """Counts lost events by reason. Whoever adds holds the lock of the buffer."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def add(self, reason: str, events: int = 1) -> None:
        """So many more events were lost just now."""
        now = time.time()
        tally = self._tallies.get(reason)
        if tally is None:
            tally = self._tallies.setdefault(reason, _Tally(now))
        if tally.events == tally.reported:
            tally.first = now
        tally.events += events
        tally.last = now

    def counts(self) -> dict[str, int]:
        """Reason -> events, ever."""
        return {reason: tally.events for reason, tally in list(self._tallies.items())}

    def all_reported(self) -> bool:
        """Whether there is nothing that `mark_reported` was not called for."""
        return all(tally.events == tally.reported for tally in list(self._tallies.values()))

    def losses(self) -> dict[str, Loss]:
        """Reason -> what was lost, as far as `mark_reported` was not called for it."""
        return {
            reason: Loss(tally.events - tally.reported, tally.first, tally.last)
            for reason, tally in list(self._tallies.items())
            if tally.events > tally.reported
        }

    def mark_reported(self, reason: str, loss: Loss) -> None:
        """Somebody was told of *loss*."""
        self._tallies[reason].reported += loss.events
