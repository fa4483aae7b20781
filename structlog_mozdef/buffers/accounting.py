"""What a buffer knows of its events: which were lost, and up to where all are settled."""

from __future__ import annotations

import bisect
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from structlog_mozdef._deadline import monotonic


class Loss(NamedTuple):
    """Events lost for one reason.

    Attributes:
        events: their number.
        first: when the first of them was lost, in seconds of ``time.time``.
        last: when the last of them was.
    """

    events: int
    first: float
    last: float


class Lossy(Protocol):
    """A part of a buffer that knows how many of its events are lost."""

    lost: int


class _Tally:
    __slots__ = ("counted", "first", "last", "reported")

    def __init__(self, now: float) -> None:
        # Lost events, and those of them that were not appended before: one value, so that an
        # exception of a signal handler finds both or none.
        self.counted = (0, 0)
        self.reported = 0
        self.first = self.last = now

    @property
    def events(self) -> int:
        return self.counted[0]


class Drops:
    """Count lost events by reason. Who counts holds the lock of the buffer."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}

    def add(self, reason: str, events: int = 1, *, refused: int = 0) -> None:
        """Count *events* more that were lost just now; *refused* of them were not appended."""
        tally = self._tally(reason)
        lost, not_appended = tally.counted
        tally.counted = (lost + events, not_appended + refused)

    def add_part(self, reason: str, part: Lossy, total: int) -> None:
        """Count *total* events of *part* as lost, but for those that it has lost already."""
        tally = self._tally(reason)
        lost, not_appended = tally.counted
        # Nothing is called in between, so an exception of a signal handler finds both or none.
        tally.counted = (lost + total - part.lost, not_appended)
        part.lost = total

    def _tally(self, reason: str) -> _Tally:
        """Return the tally of *reason*, by which something was lost just now."""
        now = time.time()
        tally = self._tallies.get(reason)
        if tally is None:
            tally = self._tallies.setdefault(reason, _Tally(now))
        if tally.events == tally.reported:
            tally.first = now
        tally.last = now  # first: `losses` may be called without the lock
        return tally

    def refused(self) -> int:
        """Return how many of all lost events were not appended."""
        return sum(tally.counted[1] for tally in self._tallies.copy().values())

    def counts(self) -> dict[str, int]:
        """Return reason -> events, since the buffer was made."""
        return {reason: tally.events for reason, tally in self._tallies.copy().items()}

    def all_reported(self) -> bool:
        """Return whether `mark_reported` was called for every loss."""
        return all(tally.events == tally.reported for tally in list(self._tallies.values()))

    def losses(self) -> dict[str, Loss]:
        """Return reason -> what was lost and not yet reported."""
        return {
            reason: Loss(tally.events - tally.reported, tally.first, tally.last)
            for reason, tally in self._tallies.copy().items()
            if tally.events > tally.reported
        }

    def mark_reported(self, reason: str, loss: Loss) -> None:
        """Count the events of *loss* as reported."""
        self._tallies[reason].reported += loss.events


class Times:
    """When some events of a queue were appended: the age of the oldest is rarely asked.

    Events are numbered from 0 in the order in which they were appended.
    """

    def __init__(self) -> None:
        # (number of an event, when it was appended), in order.
        self._times: deque[tuple[int, float]] = deque()

    def __len__(self) -> int:
        return len(self._times)

    def note(self, number: int, now: float, settled: int) -> None:
        """Note that event *number* was appended *now*, when *settled* events did not wait any more.

        A sample of the events is enough.
        """
        self.oldest(settled)
        self._times.append((number, now))

    def thin_out(self, first: int, end: int) -> None:
        """Of the times from event *first* to *end*, keep only the last, for those behind it."""
        times = self._times
        noted = bisect.bisect_left(times, (first,))
        while noted + 1 < len(times) and times[noted + 1][0] <= end:
            del times[noted]

    def oldest(self, settled: int) -> float | None:
        """Return about when event *settled* was appended, before which none waits any more."""
        while len(self._times) > 1 and self._times[1][0] <= settled:
            self._times.popleft()
        return self._times[0][1] if self._times else None


class Watermark:
    """The number up to which all events are settled, and how long the oldest of the rest waits.

    Events are numbered from 0 in the order in which they were appended. They leave at the front.
    Those dropped from the middle leave a gap; it counts as settled once all events before it are.
    An event that was requeued has another number from then on, but holds the watermark at its
    first one until it is settled.

    Attributes:
        left: events that do not wait any more: they left at the front, or were dropped.
        settled: the watermark: every event with a smaller number is settled.

    Args:
        clock: returns seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.left = 0
        self.settled = 0
        # The number of the first event that waits.
        self._front = 0
        # (number of the first event, events), in order.
        self._gaps: list[tuple[int, int]] = []
        self._times = Times()
        # Events at the end of the queue: (number there, first number, when it was appended).
        self._requeued: list[tuple[int, int, float]] = []

    def note_time(self, number: int) -> None:
        """Note that event *number* was appended just now. A sample of the events is enough."""
        self._times.note(number, self._clock(), self._front)

    def settle(self, events: int) -> None:
        """Count the oldest *events* as settled, but for those of them that were requeued."""
        self.left += events
        self._front += events
        self._advance()

    def requeue(self, number: int, new_number: int) -> None:
        """Note that event *number* goes to the end of the queue, as *new_number*."""
        oldest = self._times.oldest(self._front)
        since = self._clock() if oldest is None else oldest
        first = next((first for last, first, _ in self._requeued if last == number), number)
        self._requeued.append((new_number, first, since))

    def drop(self, number: int, events: int) -> None:
        """Count *events* as dropped, beginning with event *number*."""
        self.left += events
        gaps = self._gaps
        first, end = number, number + events
        if gaps and sum(gaps[-1]) == number:  # it goes on where the last one ended
            first, before = gaps.pop()
            events += before
        bisect.insort(gaps, (first, events))
        self._times.thin_out(first, end)
        self._advance()

    def settle_all(self) -> None:
        """Make sure of the watermark where no event waits, whatever was interrupted before."""
        self._gaps.clear()
        self._requeued.clear()
        self.settled = self._front = self.left

    def _advance(self) -> None:
        gaps = self._gaps
        front = self._front
        while gaps and gaps[0][0] <= front:
            front += gaps.pop(0)[1]
        self._front = front
        if self._requeued:
            self._requeued = [event for event in self._requeued if event[0] >= front]
            front = min([front, *(first for _, first, _ in self._requeued)])
        self.settled = front

    def age(self) -> float:
        """Return the seconds since the oldest noted event that is not settled was appended."""
        self._advance()
        times = [since for _, _, since in self._requeued]
        oldest = self._times.oldest(self._front)
        if oldest is not None:
            times.append(oldest)
        return self._clock() - min(times) if times else 0.0
