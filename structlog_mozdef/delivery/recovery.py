"""After an outage: single events first, since a server that recovers may lose what it accepts.

Each process of a MozDef server loses what it accepts in the 3 s that begin with its own first
event after an outage of its broker. So each of them has to get a probe, and 3 s have to pass,
before a batch is sent. Which process gets a request is a matter of chance: of n processes, k probes
miss one with a probability of n (1 - 1/n)^k. With 100 probes that is 1 in 80,000 for 8 processes,
and nothing for fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from structlog_mozdef.delivery.states import Bisecting, Sending
from structlog_mozdef.exceptions import TransportError

if TYPE_CHECKING:
    from structlog_mozdef.delivery.dispatcher import Dispatcher

# Fast failures in a row, after a success, that are no outage but one broken server of several.
_FAILURES_UNTIL_WAIT = 5
# Behind a balancer each connection may lead to another server.
_PROBES_A_CONNECTION = 4
# Its multiples, without their integer parts, fill the interval from 0 to 1 evenly.
_GOLDEN_RATIO = 0.618034


@dataclass(frozen=True)
class Recovering:
    """Send single events as probes.

    Probes are the first events, one after the other. Where one fails, one from behind it comes in
    turn with it; where all are suspects, one that passed before. They stay in the buffer, and are
    sent again with their batch: repeated, never lost.

    Attributes:
        then: the state that follows.
        passed: how many probes have passed.
        of_another: whether to send an event from behind the one that failed.
        others_failed: how many of those failed.
        proven: an event that has passed as a probe.
        only_proven: whether to send no other one: another event failed between such probes.
    """

    then: Sending
    passed: int = 0
    of_another: bool = False
    others_failed: int = 0
    proven: bytes | None = None
    only_proven: bool = False

    def step(self, dispatcher: Dispatcher) -> float | None:
        """See `State`."""
        events = dispatcher.look_ahead()
        if not events:
            return None
        event = self._choose(dispatcher, events)
        if self.passed % _PROBES_A_CONNECTION == 0:
            dispatcher.reconnect()
        try:
            rejected = dispatcher.send_probe(event)
        except TransportError as error:
            return self._failed(dispatcher, event, error)
        if rejected is not None and event is events[0]:
            dispatcher.reject(event, rejected)
            dispatcher.settle(1)
            return 0.0
        if rejected is not None and self.others_failed < len(events):
            # A server can tell a bad event from a good one, and yet store none: ask another one.
            failed = self.others_failed + 1
            dispatcher.state = replace(self, of_another=True, others_failed=failed)
            return 0.0
        if rejected is None:
            dispatcher.succeed(event)
        else:
            dispatcher.note_answer()  # the waits go on growing: nothing was accepted
        if self.passed + 1 < dispatcher.probes_needed():
            dispatcher.state = replace(self, passed=self.passed + 1, proven=event)
            return 0.0
        then = replace(self.then, others_passed=True)
        found = Bisecting(others_passed=True, limit=1)
        has_failed = self.of_another or self.only_proven
        return dispatcher.end_outage(found if has_failed else then)

    def _choose(self, dispatcher: Dispatcher, events: Sequence[bytes]) -> bytes:
        """Return the event to send; suspects are left out where there are others."""
        if self.only_proven and self.proven is not None:
            return self.proven
        candidates = [event for event in events if event not in dispatcher.suspects]
        if not candidates and dispatcher.witness is not None:
            return dispatcher.witness
        candidates = candidates or [*events]
        if not self.of_another or len(candidates) < 2:
            return candidates[self.passed % len(candidates)]
        # The next one; then, since poison may fill a whole batch, any of them in turn.
        others = candidates[1:]
        start = int(self.others_failed * _GOLDEN_RATIO % 1 * len(others))
        return others[(start + self.passed) % len(others)]

    def _failed(self, dispatcher: Dispatcher, event: bytes, error: TransportError) -> float:
        dispatcher.count_failure()
        if not error.ambiguous:
            return dispatcher.wait_after(error, self)
        # After a fast failure the passed ones still count: one server of several may be broken.
        passed = self.passed if dispatcher.was_fast() else 0
        if self.proven is not None and event != self.proven:
            again = replace(self, passed=passed, only_proven=True)
        else:
            again = replace(
                self,
                passed=passed,
                of_another=not self.of_another,
                others_failed=self.others_failed + self.of_another,
                proven=None,
                only_proven=False,
            )
        dispatcher.failures_since_pass += 1
        is_flaky = dispatcher.was_fast() and dispatcher.others_pass()
        if is_flaky and dispatcher.failures_since_pass < _FAILURES_UNTIL_WAIT:
            dispatcher.state = again
            return 0.0
        return dispatcher.wait_after(error, again)
