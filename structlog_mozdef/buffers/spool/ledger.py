"""What became of the events of a spool: all its counts.

Own events are the events that this process appended. They have sequence numbers in the order of
appending, and are removed in that order, except events dropped from the middle.
"""

from __future__ import annotations

import bisect
import time
from collections import deque

from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import Counts

#: The time of one in 128 own events is recorded.
MARK_MASK = 127


class SpoolLedger:
    """The counts of one spool. They are changed under the spool's lock.

    Attributes:
        appended: total of own events.
        removed: own events that were delivered, dead-lettered or dropped.
        found_uncounted: events found on disk that were never counted, because a signal handler
            raised between the write and the count; included in *appended*.
        adopted: events of other processes that wait here.
        closed_streams: events that wait in own streams that were closed: stream -> events.
        others_accepted: accepted events that are not in *appended*: adopted and dropped ones.
        in_flight_rejected: dead letters whose batch is not settled yet.
    """

    def __init__(self) -> None:
        self.appended = 0
        self.removed = 0
        self.found_uncounted = 0
        self.adopted = 0
        self.closed_streams: dict[str, int] = {}
        self.others_accepted = 0
        self.delivered = 0
        self.dead_lettered = 0
        self.in_flight_rejected = 0
        self.in_flight_requeued = 0
        # (sequence number at the end, the watermark when it was requeued)
        self._requeued: list[tuple[int, int]] = []
        self.drops = Drops()
        # Dropped events are settled when the events before them are: (sequence number, events).
        self._gaps: list[tuple[int, int]] = []
        self._behind_gaps = 0
        self._marks: deque[tuple[int, float]] = deque()

    def mark(self) -> None:
        """Record the time of the own event that was appended last."""
        self._marks.append((self.appended - 1, time.monotonic()))

    def waiting(self) -> int:
        """Return the number of events that wait."""
        return self.appended - self.removed + self.adopted

    def settled_count(self) -> int:
        """Return the sequence number before which nothing waits."""
        settled = self._front()
        if self._requeued:
            self._requeued = [event for event in self._requeued if event[0] >= settled]
            settled = min([settled, *(held for _, held in self._requeued)])
        return settled

    def _front(self) -> int:
        return self.removed - self._behind_gaps

    def drop(self, reason: str) -> None:
        """Count an event that was dropped before it was appended."""
        self.others_accepted += 1
        self.drops.add(reason)

    def remove(self, events: int) -> None:
        """Count the oldest *events* of our own as settled."""
        self.removed += events
        # Somebody may have added lines to our files.
        self.appended = max(self.appended, self.removed)
        self._pass_gaps()

    def lose(self, events: int, sequence: int, reason: str) -> None:
        """Count own *events* from *sequence* on as lost."""
        self.drops.add(reason, events)
        self.removed += events
        self.appended = max(self.appended, self.removed)
        bisect.insort(self._gaps, (sequence, events))
        self._behind_gaps += events
        self._pass_gaps()

    def _pass_gaps(self) -> None:
        while self._gaps and self._gaps[0][0] <= self._front():
            self._behind_gaps -= self._gaps.pop(0)[1]
        if self.removed == self.appended:
            self._gaps.clear()
            self._behind_gaps = 0
            self._marks.clear()
        settled = self._front()
        while len(self._marks) > 1 and self._marks[1][0] <= settled:
            self._marks.popleft()

    def adopt(self, name: str, events: int) -> None:
        """Count the *events* of the stream *name*, which was adopted."""
        self.adopted += events
        self.others_accepted += events - self.closed_streams.pop(name, 0)

    def hand_over(self, events: int) -> None:
        """Count adopted *events* as left to other processes."""
        self.adopted -= events
        self.others_accepted -= events

    def close_stream(self, name: str, events: int) -> None:
        """Leave our own stream *name* to the process that adopts it, perhaps this one."""
        self.remove(events)
        self.closed_streams[name] = events

    def hand_over_closed(self, streams: list[str]) -> None:
        """Stop counting closed streams that are not among *streams*: others have adopted them."""
        for name in set(self.closed_streams).difference(streams):
            self.others_accepted -= self.closed_streams.pop(name)

    def reject(self) -> None:
        """Count one of the events in flight as a dead letter."""
        self.dead_lettered += 1
        self.in_flight_rejected += 1

    def requeue(self) -> None:
        """Count the own event that was appended last once: it was in flight before."""
        self.others_accepted -= 1
        self.in_flight_requeued += 1
        settled = self.settled_count()
        self._requeued.append((self.appended - 1, settled))

    def deliver(self, events: int) -> None:
        """Settle *events* in flight: those neither rejected nor requeued are delivered."""
        self.delivered += events - self.in_flight_rejected - self.in_flight_requeued
        self.in_flight_rejected = self.in_flight_requeued = 0

    def void_batch(self) -> None:
        """Events in flight will be read again, including dead letters among them."""
        self.others_accepted += self.in_flight_rejected + self.in_flight_requeued
        self.in_flight_rejected = self.in_flight_requeued = 0

    def counts(self, size: int, adopted_since: float) -> Counts:
        """Return all counts; adopted events have waited since *adopted_since* (``time.time``)."""
        twice = self.in_flight_rejected + self.in_flight_requeued
        buffered = self.waiting() - twice + sum(self.closed_streams.values())
        ages = [0.0]
        if self.appended > self.removed and self._marks:
            ages.append(time.monotonic() - self._marks[0][1])
        if self.adopted:
            ages.append(time.time() - adopted_since)
        return Counts(
            accepted=self.appended + self.others_accepted,
            delivered=self.delivered,
            dead_lettered=self.dead_lettered,
            dropped=self.drops.counts(),
            buffered=buffered,
            buffered_bytes=size,
            oldest_age=max(ages),
        )
