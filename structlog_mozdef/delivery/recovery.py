"""After an ambiguous failure: probes first, and evidence against an event that fails alone.

An event that fails alone while another one passes right after it is suspected. When that has
happened `POISON_STRIKES` times, it is a dead letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from structlog_mozdef.delivery.states import Bisecting, Sending
from structlog_mozdef.exceptions import TransportError

if TYPE_CHECKING:
    from structlog_mozdef.delivery.dispatcher import Dispatcher

#: How often an event must fail alone, while others get through, to be called poison.
POISON_STRIKES = 3
#: How far behind a failing event another one is looked for, where batches are smaller.
PROBE_RANGE_EVENTS = 64


@dataclass
class Evidence:
    """What is held against the first event that waits.

    Attributes:
        suspect: the event, once it failed alone while probes passed.
        strikes: how often it did so while another one passed right after it.
        failed_as_probe: whether it failed as a probe.
        other: which event to send for comparison, counted from the first one.
    """

    suspect: bytes = b""
    strikes: int = 0
    failed_as_probe: bool = False
    other: int = 1

    def settle(self, count: int) -> None:
        """Hold nothing against the events that are the first ones now: *count* have left."""
        self.strikes = 0
        self.failed_as_probe = False
        self.other = max(self.other - count, 1)

    def name(self, event: bytes) -> None:
        """Suspect *event*."""
        if event != self.suspect:
            self.suspect, self.strikes = event, 0

    def other_of(self, events: Sequence[bytes]) -> int:
        """Return the index of the event to send for comparison."""
        if self.other >= len(events):
            self.other = 1
        return self.other


@dataclass(frozen=True)
class Recovering:
    """Send single events as probes: what a server accepts while it recovers may be lost.

    Probes are the first event, or in turn with it one from behind it. They stay in the buffer, and
    are sent again with their batch: repeated, never lost.

    Attributes:
        probes_left: how many must pass in a row.
        then: the state that follows.
        of_another: whether to send an event from behind the first one, which failed.
    """

    probes_left: int
    then: Sending
    of_another: bool = False

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events = dispatcher.look_ahead()
        if not events:
            return None
        evidence = dispatcher.evidence
        index = evidence.other_of(events) if self.of_another and len(events) > 1 else 0
        try:
            rejected = dispatcher.send_probe(events[index])
        except TransportError as error:
            return self._failed(dispatcher, index, error)
        if rejected is not None and not index:
            dispatcher.reject(events[0], rejected)
            dispatcher.settle(1)
            return 0.0
        dispatcher.succeed()
        if self.probes_left > 1:
            dispatcher.state = replace(self, probes_left=self.probes_left - 1)
            return 0.0
        then = replace(self.then, others_passed=True)
        if index and evidence.failed_as_probe:
            then = Bisecting(others_passed=True, limit=1)
        return dispatcher.pause_after_probes(then)

    def _failed(self, dispatcher: Dispatcher, index: int, error: TransportError) -> float:
        dispatcher.count_failure()
        if not error.ambiguous:
            return dispatcher.wait_after(error, self)
        if index:
            dispatcher.evidence.other += 1  # it may be poison, too
        else:
            dispatcher.evidence.failed_as_probe = True
        return dispatcher.wait_after(error, self.then, probe_another=not index)


@dataclass(frozen=True)
class CrossChecking:
    """Send another event right after the first one failed alone, to tell poison from an outage.

    Attributes:
        error: why the first event failed.
        then: the state that follows.
    """

    error: TransportError
    then: Sending

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events, evidence = dispatcher.look_ahead(), dispatcher.evidence
        # A spool that adopted events since then may have others in front.
        if len(events) < 2 or events[0] != evidence.suspect:
            return dispatcher.wait_after(self.error, self.then)
        try:
            dispatcher.send_probe(events[evidence.other_of(events)])
        except TransportError as outage:
            dispatcher.count_failure()
            return dispatcher.wait_after(outage, self.then)
        evidence.strikes += 1
        if evidence.strikes < POISON_STRIKES:
            return dispatcher.wait_after(self.error, self.then, probe_another=True)
        dispatcher.reject(
            events[0],
            f"it failed alone {evidence.strikes} times while others passed: {self.error}",
        )
        dispatcher.settle(1)
        dispatcher.state = dispatcher.recovered_by_probes(self.then)
        return 0.0
