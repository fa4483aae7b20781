"""What became of the events of a spool: every number that it tells.

Own events are those that this process brought. They have sequence numbers in the order in which
they were appended, and leave in that order, save those that are dropped from the middle.
"""

from __future__ import annotations

import bisect
import time
from collections import deque

from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import Counts

#: One of 128 own events is marked with its time.
MARK_MASK = 127


class SpoolLedger:
    """The numbers of one spool. Whoever changes one holds the spool's lock.

    Attributes:
        taken: own events, ever.
        left: those of them that do not wait any more.
        found: those of them that were not counted when they were written, but when they were read.
        adopted: events of others that wait here.
        released: events that wait in streams of ours that we let go of: stream -> events.
        others: all that was accepted beside *taken*: adopted events, and those not taken.
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
        self.drops = Drops()
        # Dropped events are settled when those before them are: (their sequence number, how many).
        self._gaps: list[tuple[int, int]] = []
        self._behind_gaps = 0
        self._marks: deque[tuple[int, float]] = deque()

    def mark(self) -> None:
        """Note the time of the own event that was taken last."""
        self._marks.append((self.appended - 1, time.monotonic()))

    def waiting(self) -> int:
        """Events that can be had from the spool."""
        return self.appended - self.removed + self.adopted

    def settled_count(self) -> int:
        """The sequence number before which nothing waits."""
        return self.removed - self._behind_gaps

    def drop(self, reason: str) -> None:
        """An event was not taken."""
        self.others_accepted += 1
        self.drops.add(reason)

    def remove(self, events: int) -> None:
        """The oldest *events* of our own are settled."""
        self.removed += events
        # Somebody may have added lines to our files.
        self.appended = max(self.appended, self.removed)
        self._pass_gaps()

    def lose(self, events: int, sequence: int, reason: str) -> None:
        """Own *events* from *sequence* on are lost."""
        self.drops.add(reason, events)
        self.removed += events
        self.appended = max(self.appended, self.removed)
        bisect.insort(self._gaps, (sequence, events))
        self._behind_gaps += events
        self._pass_gaps()

    def _pass_gaps(self) -> None:
        while self._gaps and self._gaps[0][0] <= self.settled_count():
            self._behind_gaps -= self._gaps.pop(0)[1]
        if self.removed == self.appended:
            self._gaps.clear()
            self._behind_gaps = 0
            self._marks.clear()
        settled = self.settled_count()
        while len(self._marks) > 1 and self._marks[1][0] <= settled:
            self._marks.popleft()

    def adopt(self, name: str, events: int) -> None:
        """The stream *name* was adopted, with so many events."""
        self.adopted += events
        self.others_accepted += events - self.closed_streams.pop(name, 0)

    def hand_over(self, events: int) -> None:
        """So many adopted events are left to others."""
        self.adopted -= events
        self.others_accepted -= events

    def close_stream(self, name: str, events: int) -> None:
        """Our own stream *name* is left to whoever adopts it, this process perhaps."""
        self.remove(events)
        self.closed_streams[name] = events

    def hand_over_closed(self, streams: list[str]) -> None:
        """Others have delivered what is not among *streams* any more: it is theirs."""
        for name in set(self.closed_streams).difference(streams):
            self.others_accepted -= self.closed_streams.pop(name)

    def reject(self) -> None:
        """One of the events in flight is a dead letter."""
        self.dead_lettered += 1
        self.in_flight_rejected += 1

    def deliver(self, events: int) -> None:
        """So many events in flight are settled; those that were not rejected are delivered."""
        self.delivered += events - self.in_flight_rejected
        self.in_flight_rejected = 0

    def void_batch(self) -> None:
        """Events in flight will be taken again, dead letters among them as well."""
        self.others_accepted += self.in_flight_rejected
        self.in_flight_rejected = 0

    def counts(self, size: int, adopted_since: float) -> Counts:
        """All numbers; the adopted events wait since *adopted_since*, of ``time.time``."""
        buffered = self.waiting() - self.in_flight_rejected + sum(self.closed_streams.values())
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
