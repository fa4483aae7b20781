"""The states in which a `Dispatcher` sends batches or waits; its docstring has the diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import SendResult

if TYPE_CHECKING:
    from structlog_mozdef.delivery.dispatcher import Dispatcher

#: Failures in a row after which a single event is sent: is it the events, or an outage?
_FAILURES_UNTIL_ONE = 3


class State(Protocol):
    """What a `Dispatcher` does next."""

    def step(self, dispatcher: Dispatcher) -> float | None:
        """Make one attempt, and set the state of *dispatcher* that follows.

        Returns:
            Seconds until the next step makes sense, 0.0 for at once; None where nothing waits.
        """


@dataclass(frozen=True)
class Sending:
    """Send whole batches, up to the next suspect.

    Attributes:
        others_passed: whether probes passed just before, so that the fault of a slow failure may
            lie in the batch itself.
    """

    others_passed: bool = False

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events = dispatcher.next_events(self._limit(dispatcher))
        if not events:
            return None  # what a spool counts may be with another process by now, or unreadable
        events = events[: dispatcher.suspects.first_among(events)]
        if not events:
            return dispatcher.try_suspects(self)
        try:
            result = dispatcher.send(events)
        except Rejected as error:
            return self._blamed(dispatcher, events, error)
        except TransportError as error:
            return self._failed(dispatcher, events, error)
        for index, reason in result.rejected.items():
            dispatcher.reject(events[index], reason)
        if result.retry:
            return self._accepted_in_part(dispatcher, events, result)
        dispatcher.settle(len(events))
        dispatcher.succeed(events[0])
        dispatcher.state = self._grown(dispatcher)
        return 0.0

    def _limit(self, dispatcher: Dispatcher) -> int:
        return dispatcher.batch_events

    def _grown(self, dispatcher: Dispatcher) -> Sending:
        return Sending()

    def _blamed(self, dispatcher: Dispatcher, events: Sequence[bytes], error: Rejected) -> float:
        """Look for the culprit that the server blames, or reject it where it stands alone."""
        dispatcher.count_failure()
        if len(events) > 1:
            dispatcher.state = Bisecting(self.others_passed, len(events) // 2)
            return 0.0
        dispatcher.reject(events[0], str(error))
        dispatcher.settle(1)
        dispatcher.succeed()
        return 0.0

    def _failed(
        self, dispatcher: Dispatcher, events: Sequence[bytes], error: TransportError
    ) -> float:
        """Tell an outage, which is waited out, from a fault in the events, which is looked for."""
        dispatcher.count_failure()
        if not error.ambiguous:
            return dispatcher.wait_after(error, self)
        fast = dispatcher.was_fast()
        smaller = Bisecting(limit=max(len(events) // 2, 1))
        if fast and dispatcher.others_pass():
            return self._halve(dispatcher, events, error)
        if fast:
            return dispatcher.wait_after(error, smaller)
        if not self.others_passed:
            return dispatcher.wait_after(error, self)
        if len(events) > 1:
            return dispatcher.wait_after(error, smaller)
        return dispatcher.suspect(events[0], error, self)

    def _halve(
        self, dispatcher: Dispatcher, events: Sequence[bytes], error: TransportError
    ) -> float:
        """Go on at once with half of *events*, or look at the one that is left."""
        if len(events) == 1:
            return dispatcher.suspect(events[0], error, self)
        dispatcher.failures_since_pass += 1
        many = dispatcher.failures_since_pass >= _FAILURES_UNTIL_ONE
        dispatcher.state = Bisecting(limit=1 if many else len(events) // 2)
        return 0.0

    def _accepted_in_part(
        self, dispatcher: Dispatcher, events: Sequence[bytes], result: SendResult
    ) -> float:
        error = result.error or TransportError("the destination asked for some events again")
        accepted = result.retry[0]
        passed = {*range(len(events))}.difference(result.retry, result.rejected)
        if len(result.retry) == len(events) - accepted:  # all behind the first ones
            if not accepted:
                return self._failed(dispatcher, events, error)
            dispatcher.settle(accepted)
        else:
            dispatcher.pending.scatter(events, result.retry)
        if passed:
            dispatcher.succeed(events[min(passed)])
        elif accepted:
            dispatcher.succeed()
        dispatcher.count_failure()
        if not error.ambiguous:
            return dispatcher.wait_after(error, self)
        one = Bisecting(limit=1)
        if not dispatcher.was_fast():
            return dispatcher.wait_after(error, one)
        dispatcher.state = one
        return 0.0


@dataclass(frozen=True)
class Bisecting(Sending):
    """Send parts of a batch that failed, and twice as many events after each success.

    Attributes:
        limit: maximum of events to send together.
    """

    limit: int = 1

    def _limit(self, dispatcher: Dispatcher) -> int:
        return self.limit

    def _grown(self, dispatcher: Dispatcher) -> Sending:
        if self.limit * 2 >= dispatcher.batch_events:
            return Sending(self.others_passed)
        return replace(self, limit=self.limit * 2)


@dataclass(frozen=True)
class Waiting:
    """Wait until *deadline*.

    Attributes:
        deadline: when to go on.
        then: the state that follows.
        is_binding: whether `Dispatcher.retry_now` leaves the wait as it is: the server asked for
            it, or loses what comes too early.
    """

    deadline: Deadline
    then: State
    is_binding: bool = False

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        left = self.deadline.left()
        if left:
            return left
        dispatcher.state = self.then
        return self.then.step(dispatcher)
