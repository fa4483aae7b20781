"""An event that fails alone while others pass: it never holds up the queue.

It is a *suspect*. It goes to the end of the buffer, and is tried again each time it comes up. A
trial is a strike where the event fails twice in a row, and others pass right before and right
after. With `STRIKES` of them, over `STRIKES_SECONDS` at least, it is a dead letter.

One broken server of two behind a balancer must cost repeats, and no dead letter. So whatever shows
that the server fails at random voids all strikes: an event that failed and passes when it is sent
again, or one that passed before and fails now. And where one suspect is all that waits, an innocent
one has a strike in one trial of 16, so that five in a row come once in a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from structlog_mozdef.delivery.states import Bisecting, Sending
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.process.standard_error import count_of

if TYPE_CHECKING:
    from structlog_mozdef.delivery.dispatcher import Dispatcher

#: Strikes that make a suspect a dead letter.
STRIKES = 5
#: Minimum time from its first strike to its last one, in seconds.
STRIKES_SECONDS = 30.0
#: Seconds until a suspect is tried again.
_TRIAL_INTERVAL = STRIKES_SECONDS / (STRIKES - 1)
#: The same where its trials prove nothing: it doubles from one to the next, up to this.
_LONGEST_TRIAL_INTERVAL = 600.0
#: How often an event may bring the server down before others go first.
_CRASHES = 2
#: Suspects that are remembered.
_KEPT_SUSPECTS = 10_000


@dataclass
class _Record:
    due: float
    first_strike: float = 0.0
    strikes: int = 0
    interval: float = _TRIAL_INTERVAL


class Suspects:
    """The suspects among the events that wait, and what is held against them."""

    def __init__(self) -> None:
        self._records: dict[bytes, _Record] = {}

    def __contains__(self, event: bytes) -> bool:
        return event in self._records

    def first_among(self, events: Sequence[bytes]) -> int:
        """Return the index of the first suspect; the number of *events* where there is none."""
        if self._records:
            for index, event in enumerate(events):
                if event in self._records:
                    return index
        return len(events)

    def seconds_until_due(self, events: Sequence[bytes], now: float) -> float:
        """Return how long it is until one of *events* can be tried; 0.0 where one is no suspect."""
        return min((self._seconds_until_due(event, now) for event in events), default=0.0)

    def _seconds_until_due(self, event: bytes, now: float) -> float:
        record = self._records.get(event)
        return 0.0 if record is None else max(record.due - now, 0.0)

    def judge(self, event: bytes, now: float, *, strike: bool) -> int:
        """Note a trial of *event*, and when the next one is due.

        Args:
            event: that failed alone.
            now: the time, in seconds of a monotonic clock.
            strike: whether that is a strike; else it proved nothing.

        Returns:
            The strikes that make it a dead letter; 0 where it is to be tried again.
        """
        record = self._record(event, now)
        record.due = now + record.interval
        if not strike:
            record.interval = min(record.interval * 2, _LONGEST_TRIAL_INTERVAL)
            return 0
        if not record.strikes:
            record.first_strike = now
        record.strikes += 1
        record.interval = _TRIAL_INTERVAL
        record.due = now + record.interval
        is_enough = record.strikes >= STRIKES and now - record.first_strike >= STRIKES_SECONDS
        return record.strikes if is_enough else 0

    def _record(self, event: bytes, now: float) -> _Record:
        if event not in self._records and len(self._records) >= _KEPT_SUSPECTS:
            del self._records[next(iter(self._records))]  # it is suspected again when it fails
        return self._records.setdefault(event, _Record(now))

    def acquit(self, event: bytes) -> None:
        """Hold nothing against *event* any more: it passed."""
        if self._records.pop(event, None) is not None:
            self.void_strikes()

    def remove(self, event: bytes) -> None:
        """Know nothing of *event* any more: it is a dead letter."""
        self._records.pop(event, None)

    def void_strikes(self) -> None:
        """Hold nothing against anybody: the server fails at random."""
        for record in self._records.values():
            record.strikes = 0

    def make_due(self) -> None:
        """Have all suspects tried when they come up, whenever that is."""
        for record in self._records.values():
            record.due = 0.0

    def clear(self) -> None:
        """Hold nothing against anybody: no event waits any more."""
        self._records.clear()


@dataclass(frozen=True)
class Trying:
    """Send the first event alone, until it has failed twice: a suspect, or about to be one.

    Attributes:
        then: the state that follows.
        failures: how often it has failed already.
        is_proof: whether others passed right before.
        crashes: how often the server could not be reached right after that.
    """

    then: Sending
    failures: int = 0
    is_proof: bool = False
    crashes: int = 0

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events = dispatcher.next_events(1)
        if not events:
            return None
        witness = dispatcher.witness
        is_first = not self.failures and not self.crashes
        if is_first and not dispatcher.just_passed() and witness is not None:
            return self._call_witness(dispatcher, witness)
        is_proof = self.is_proof or dispatcher.just_passed()
        try:
            rejected = dispatcher.send_probe(events[0])
        except TransportError as error:
            return self._failed(dispatcher, events[0], error, is_proof=is_proof)
        if rejected is not None:
            dispatcher.reject(events[0], rejected)
        if self.failures:
            dispatcher.suspects.void_strikes()
        dispatcher.settle(1)
        dispatcher.succeed(events[0])
        dispatcher.state = self.then
        return 0.0

    def _call_witness(self, dispatcher: Dispatcher, witness: bytes) -> float:
        """See whether others pass right before the trial."""
        try:
            dispatcher.send_probe(witness)
        except TransportError as error:
            dispatcher.count_failure()
            dispatcher.suspects.void_strikes()
            return dispatcher.wait_after(error, self.then)
        dispatcher.succeed()
        return 0.0

    def _failed(
        self, dispatcher: Dispatcher, event: bytes, error: TransportError, *, is_proof: bool
    ) -> float:
        dispatcher.count_failure()
        if not error.ambiguous:
            return self._unreachable(dispatcher, event, error)
        is_slow = not dispatcher.was_fast()
        if is_slow or self.failures:
            dispatcher.state = CrossChecking(event, error, self.then, is_proof, is_slow)
        else:
            dispatcher.state = replace(self, failures=1, is_proof=is_proof)
        return 0.0

    def _unreachable(self, dispatcher: Dispatcher, event: bytes, error: TransportError) -> float:
        """Wait for the server; let others go first where it is *event* that brings it down."""
        if not self.failures:
            return dispatcher.wait_after(error, self if self.crashes else self.then)
        if self.crashes < _CRASHES:
            again = replace(self, failures=0, crashes=self.crashes + 1)
            return dispatcher.wait_after(error, again)
        return dispatcher.wait_after(error, CrossChecking(event, error, self.then, is_late=True))


@dataclass(frozen=True)
class CrossChecking:
    """Send another event right after one failed alone, to tell its fault from an outage.

    The other one is the next event; or one that passed before, which is sent once more.

    Attributes:
        suspect: the event, the first one that waits.
        error: why it failed.
        then: the state that follows.
        is_proof: whether it is a strike if another one passes now.
        is_slow: whether it failed slowly: what the server accepts right after that may be lost, so
            it is not settled by it.
        is_late: whether the server had to be waited for.
        asks_witness: whether the next event failed as well.
    """

    suspect: bytes
    error: TransportError
    then: Sending
    is_proof: bool = False
    is_slow: bool = False
    is_late: bool = False
    asks_witness: bool = False

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events = dispatcher.look_ahead()
        # A spool that adopted events since then may have others in front.
        if not events or events[0] != self.suspect:
            dispatcher.state = self.then
            return 0.0
        witness = dispatcher.witness
        is_next = len(events) > 1 and events[1] not in dispatcher.suspects
        if is_next and not self.asks_witness:
            return self._ask_next(dispatcher, events[1])
        if witness is None or witness == self.suspect:
            # There is nothing to compare it with: it is kept.
            return dispatcher.wait_after(self.error, self.then)
        try:
            dispatcher.send_probe(witness)
        except TransportError as outage:
            dispatcher.count_failure()
            dispatcher.suspects.void_strikes()
            return dispatcher.wait_after(outage, self if self.is_late else self.then)
        return self._others_passed(dispatcher, 1, is_proof=self.is_proof)

    def _ask_next(self, dispatcher: Dispatcher, event: bytes) -> float:
        try:
            rejected = dispatcher.send_probe(event)
        except TransportError as error:
            dispatcher.count_failure()
            if dispatcher.witness is None:
                return dispatcher.wait_after(error, self if self.is_late else self.then)
            dispatcher.state = replace(self, asks_witness=True, is_proof=False)
            return 0.0
        if self.is_slow or not dispatcher.pending.can_settle(2):
            return self._others_passed(dispatcher, 1, is_proof=self.is_proof)
        if rejected is None:
            dispatcher.remember(event)
            return self._others_passed(dispatcher, 2, is_proof=self.is_proof)
        # A server can tell a bad event from a good one, and yet store none.
        dispatcher.reject(event, rejected)
        return self._others_passed(dispatcher, 2, is_proof=False)

    def _others_passed(self, dispatcher: Dispatcher, count: int, *, is_proof: bool) -> float:
        """Requeue the suspect, or reject it; the first *count* events are settled with that."""
        strikes = dispatcher.suspects.judge(self.suspect, dispatcher.now(), strike=is_proof)
        if strikes:
            reason = (
                f"it failed alone {count_of(strikes, 'time')} while others passed: {self.error}"
            )
            dispatcher.reject(self.suspect, reason)
            dispatcher.suspects.remove(self.suspect)
        else:
            dispatcher.buffer.requeue(self.suspect)
        dispatcher.settle(count)
        dispatcher.succeed()
        then = Bisecting(self.then.others_passed, 1)
        dispatcher.state = then
        if self.is_slow:
            dispatcher.recover_from_slow(then)
        return 0.0
