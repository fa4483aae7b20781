"""Sending the events of a buffer with a transport, through every kind of failure.

The rules, and why:

- An outage is waited out with jittered back-off, without an end.
- A server that blames the payload gets the batch in halves until the culprit stands alone; it
  becomes a dead letter.
- After an ambiguous failure (5xx, a timeout), MozDef loses what it accepts in the first seconds
  of renewed traffic. So single events of the batch go first, as probes; when they got through and
  a pause is over, the batch follows. The probes are sent again with it: repeated, never lost.
- A batch that fails so though probes got through just before may hold one poison event: it is
  halved. An event that fails alone, while another gets through right after it, is suspected;
  when that happened several times, it is poison, and becomes a dead letter: it must not block
  the queue. In an outage nothing gets through, so nothing is ever suspected.
- What only a change of settings can help (401, 404, a redirect) is kept and tried slowly.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.base import Buffer
from structlog_mozdef.delivery.pending import Pending
from structlog_mozdef.delivery.recovery import (
    PROBE_RANGE_EVENTS,
    CrossChecking,
    Evidence,
    Recovering,
)
from structlog_mozdef.delivery.retry import Backoff, RetryPolicy
from structlog_mozdef.delivery.states import Sending, State, Waiting
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import SendResult, Transport


class Dispatcher:
    """Deliver what waits in *buffer*, one attempt a step, without a thread or a sleep.

    Its states; each makes one attempt, and names the next one::

        Sending -----------(blamed)------------> Bisecting (halves; grows back with success)
           |  ^                                      |
           |  +--------(as many as a batch)----------+
        (failed)                                 (failed)
           v                                         v
        Waiting <------------------------------------+
           |
           +--> Sending, Bisecting     where the failure was plain: nothing has arrived
           +--> Recovering (probes)    where it was ambiguous: then a pause (Waiting), and on
                    |
                    +--> Bisecting --(one event fails alone)--> CrossChecking (another one)
                                                                   |
                                                      a strike, a dead letter, or an outage

    Args:
        buffer, transport, own_log: the parts to connect.
        retry: when to try again.
        batch_events, batch_bytes: the maximum of one attempt.
        clock: returns seconds, monotonic.
        chance: returns random numbers, 0 <= n < 1.

    Attributes:
        state: what the next step does.
        pending: the events to send next.
        backoff: how many attempts failed.
        evidence: what is held against the first of these events.
    """

    def __init__(
        self,
        buffer: Buffer,
        transport: Transport,
        retry: RetryPolicy,
        own_log: RateLimitedLogger,
        *,
        batch_events: int,
        batch_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.buffer = buffer
        self.transport = transport
        self.own_log = own_log
        self.batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._clock = clock
        self.pending = Pending(buffer)
        self.backoff = Backoff(retry, chance)
        self.evidence = Evidence()
        self.state: State = Sending()

    @property
    def failed_attempts(self) -> int:
        """Attempts that failed so far."""
        return self.backoff.failed_attempts

    @property
    def last_error(self) -> str | None:
        """The last failure in a row of them; None while deliveries succeed."""
        return self.backoff.last_error

    def step(self) -> float | None:
        """Make one attempt, if it is time for it.

        Returns:
            Seconds until the next step makes sense, 0.0 for at once; None where nothing waits.
        """
        return self.state.step(self) if self.buffer else None

    def retry_now(self) -> None:
        """Make the next attempt now, unless the server itself asked for a pause."""
        if isinstance(self.state, Waiting) and not self.state.is_binding:
            self.state = self.state.then

    def final_attempt(self) -> None:
        """Send what is left without probes and pauses: what stays behind now is lost anyway."""
        if isinstance(self.state, Waiting):
            self.state = self.state.then
        if isinstance(self.state, Recovering):
            self.state = self.state.then

    # For the states.

    def next_events(self, limit: int) -> Sequence[bytes]:
        """Return the events to send next, *limit* at most."""
        return self.pending.next(self.batch_events, self._batch_bytes)[:limit]

    def look_ahead(self) -> Sequence[bytes]:
        """Return the events to send next, and more behind them: poison may fill a whole batch."""
        return self.pending.look_ahead(max(self.batch_events, PROBE_RANGE_EVENTS))

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Make an attempt with *events*; raises TransportError, and nothing else."""
        try:
            result: object = self.transport.send(events)
        except TransportError:
            raise
        except Exception as error:  # a transport of somebody else, or a fault of ours
            raise TransportError(f"unexpected {type(error).__name__} in the transport") from error
        if not isinstance(result, SendResult):
            raise TransportError(
                f"the transport returned {type(result).__name__} instead of a SendResult"
            )
        return result

    def send_probe(self, event: bytes) -> str | None:
        """Send *event* alone; return why it was rejected, None where it was accepted."""
        try:
            result = self.send([event])
        except Rejected as error:
            return str(error)
        if result.retry:
            raise result.error or TransportError("the destination asked for a probe again")
        return result.rejected.get(0)

    def settle(self, count: int) -> None:
        """Mark the first *count* of the events to send next as accepted or rejected."""
        self.evidence.settle(count)
        self.pending.settle(count)

    def reject(self, event: bytes, reason: str) -> None:
        """Make *event* a dead letter."""
        self.buffer.reject(event, reason)
        self.own_log.warn(
            "dead letter", f"{self.transport.name} rejected an event for good: {reason}"
        )

    def succeed(self) -> None:
        """Note that the destination accepted something."""
        self.backoff.succeed()

    def count_failure(self) -> None:
        """Count an attempt that failed."""
        self.backoff.failed_attempts += 1

    def suspect(self, event: bytes, error: TransportError, then: Sending) -> float:
        """Look whether another event passes: *event* failed alone with *error*."""
        self.evidence.name(event)
        self.state = CrossChecking(error, then)
        return 0.0

    def wait_after(
        self, error: TransportError, then: State, *, probe_another: bool = False
    ) -> float:
        """Wait after *error*, for *then*; recover before that where the error is ambiguous."""
        wait = self.backoff.wait_after(error)
        if error.ambiguous and isinstance(then, Sending):
            then = self.recovered_by_probes(then, probe_another=probe_another)
        self.state = Waiting(
            Deadline.after(wait, self._clock), then, is_binding=error.retry_after is not None
        )
        self.own_log.warn(
            f"delivery {type(error).__name__} {error.retryable}",
            f"{self.transport.name}: {error}; {len(self.buffer)} events wait,"
            f" the next attempt is in {wait:.1f} s",
        )
        return wait

    def recovered_by_probes(self, then: Sending, *, probe_another: bool = False) -> State:
        """Return the state that leads to *then*, through probes where they make sense."""
        then = replace(then, others_passed=False)
        # A transport that needs no probes gets one where a second attempt failed as well: only
        # so can poison be told from an outage.
        probes = self.transport.recovery_probes or int(self.backoff.failures_in_row > 1)
        return Recovering(probes, then, of_another=probe_another) if probes else then

    def pause_after_probes(self, then: State) -> float:
        """Wait as long as the destination needs after its probes, for *then*."""
        if not self.transport.recovery_probes:
            self.state = then
            return 0.0
        pause = self.transport.recovery_pause
        self.state = Waiting(Deadline.after(pause, self._clock), then, is_binding=True)
        return pause
