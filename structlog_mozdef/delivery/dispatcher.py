"""Taking events from a buffer to a transport, through every kind of failure.

`Dispatcher` is the whole logic of delivery as single steps, without a thread or a sleep: each step
makes one attempt and says when the next one makes sense.

The rules, and why:

- An outage is waited out with jittered back-off, without an end.
- A server that blames the payload gets the batch in halves until the culprit stands alone; it
  goes to the dead letters.
- After an ambiguous failure (5xx, a time-out), MozDef loses what it accepts in the first seconds
  of renewed traffic. So single events of the batch go first, as probes; when they got through and
  a pause is over, the batch follows. The probes are sent again with it: repeated, never lost.
- A batch that fails so though probes got through just before may hold one poison event: it is
  halved. An event that fails alone, while another gets through right after it, is suspected;
  when that happened several times, it is poison, and goes to the dead letters: it must not block
  the queue. In an outage nothing gets through, so nothing is ever suspected.
- What only a change of settings can help (401, 404, a redirect) is kept and tried slowly.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.base import Batch, Buffer
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import SendResult, Transport

#: How often an event must fail alone, while others get through, to be called poison.
POISON_STRIKES = 3
#: How far behind a failing event another one is looked for, where batches are smaller.
_PROBE_RANGE_EVENTS = 64


class Dispatcher:
    """Delivers what waits in *buffer*, one attempt a step.

    Args:
        buffer, transport, retry, own_log: the parts to connect.
        batch_events, batch_bytes: the most that one attempt takes.
        clock: gives seconds, monotonic.
        chance: gives random numbers, 0 <= n < 1.
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
        self._buffer = buffer
        self._transport = transport
        self._retry = retry
        self._own_log = own_log
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._clock = clock
        self._chance = chance
        #: Attempts that failed, ever.
        self.failed_attempts = 0
        #: The last failure in a row of them, None while deliveries succeed.
        self.last_error: str | None = None
        self._failures_in_row = 0
        self._not_before = 0.0
        self._wait_is_binding = False
        self._limit = batch_events
        self._probes_left = 0
        # Probes are the first event and, in turn with it where it fails, one from behind it.
        self._probes_other = False
        self._other_index = 1
        self._probes_passed = False
        # The first event failed as a probe: when others pass, it is to stand alone.
        self._first_failed = False
        # Why the first event failed when it was sent alone: another one has to pass right now.
        self._suspicion: TransportError | None = None
        self._suspect = b""
        self._strikes = 0
        # Events of `_scattered` that must be sent again before it can be acked: those between
        # them were accepted or refused already.
        self._scattered: Batch | None = None
        self._leftover: Sequence[bytes] = ()

    def step(self) -> float | None:
        """Make one attempt, if it is time for it.

        Returns:
            Seconds until the next step makes sense, 0 for at once; None where nothing waits.
        """
        wait = self._not_before - self._clock()
        if wait > 0:
            return wait if self._buffer else None
        if not self._buffer:
            return None
        if self._suspicion is not None:
            return self._cross_check(self._suspicion)
        if self._probes_left:
            return self._probe()
        return self._send_batch()

    def retry_now(self) -> None:
        """Make the next attempt now, unless the server itself asked for a pause."""
        if not self._wait_is_binding:
            self._not_before = 0.0

    def final_attempt(self) -> None:
        """Send what is left without probes and pauses: what stays behind now is lost anyway."""
        self._probes_left = 0
        self._not_before = 0.0

    def _next_events(self) -> tuple[Batch, Sequence[bytes]]:
        if self._scattered is not None:
            return self._scattered, self._leftover
        batch = self._buffer.peek(self._batch_events, self._batch_bytes)
        return batch, batch.events

    def _probe_candidates(self) -> tuple[Batch, Sequence[bytes]]:
        """What is to be sent, and what waits behind it: poison may fill a whole batch."""
        behind = max(self._batch_events, _PROBE_RANGE_EVENTS)
        if self._scattered is None:
            batch = self._buffer.peek(behind, sys.maxsize)
            return batch, batch.events
        taken = len(self._scattered.events)
        newer = self._buffer.peek(taken + behind, sys.maxsize).events[taken:]
        return self._scattered, [*self._leftover, *newer]

    def _send_batch(self) -> float | None:
        batch, events = self._next_events()
        events = events[: self._limit]
        if not events:
            return None  # what a spool counts may be damaged, or with another process by now
        try:
            result = self._send(events)
        except Rejected as error:
            return self._halve_or_refuse(batch, events, error)
        except TransportError as error:
            return self._failed(events, error)
        return self._sent(batch, events, result)

    def _send(self, events: Sequence[bytes]) -> SendResult:
        try:
            result: object = self._transport.send(events)
        except TransportError:
            raise
        except Exception as error:  # a transport of somebody else, or a fault of ours
            raise TransportError(f"unexpected {type(error).__name__} in the transport") from error
        if not isinstance(result, SendResult):
            raise TransportError(
                f"the transport gave {type(result).__name__} instead of a Delivery"
            )
        return result

    def _sent(self, batch: Batch, sent: Sequence[bytes], result: SendResult) -> float:
        for index, reason in result.rejected.items():
            self._refuse(sent[index], reason)
        if not result.retry:
            self._settle(batch, len(sent))
            self._passed()
            if self._limit >= self._batch_events:
                self._probes_passed = False  # all is well again
            self._limit = min(self._limit * 2, self._batch_events)
            return 0.0
        again = result.retry
        error = result.error or TransportError("the destination asked for some events again")
        accepted = again[0]
        if accepted:
            self._passed()
        if len(again) == len(sent) - accepted:
            if accepted:
                self._settle(batch, accepted)
                # What is left starts anew: it has not failed more than once.
                return self._wait_after(error)
            return self._failed(sent, error)
        self._scatter(batch, sent, again)
        return self._wait_after(error)

    def _scatter(self, batch: Batch, sent: Sequence[bytes], again: Sequence[int]) -> None:
        if self._scattered is None:
            self._scattered = batch.first(len(sent))
            self._leftover = ()
            rest: Sequence[bytes] = ()
        else:
            rest = self._leftover[len(sent) :]
        self._leftover = [*(sent[index] for index in again), *rest]

    def _settle(self, batch: Batch, count: int) -> None:
        """The first *count* of the events at hand are accepted or refused."""
        self._strikes = 0
        self._first_failed = False
        self._other_index = max(self._other_index - count, 1)
        if self._scattered is None:
            self._buffer.ack(batch.first(count))
            return
        self._leftover = self._leftover[count:]
        if not self._leftover:
            self._buffer.ack(self._scattered)
            self._scattered = None

    def _refuse(self, event: bytes, reason: str) -> None:
        self._buffer.reject(event, reason)
        self._own_log.warn(
            "dead letter", f"{self._transport.name} refused an event for good: {reason}"
        )

    def _passed(self) -> None:
        self._failures_in_row = 0
        self.last_error = None
        self._wait_is_binding = False

    def _halve_or_refuse(self, batch: Batch, sent: Sequence[bytes], error: Rejected) -> float:
        self.failed_attempts += 1
        if len(sent) > 1:
            self._limit = len(sent) // 2
            return 0.0
        self._refuse(sent[0], str(error))
        self._settle(batch, 1)
        self._passed()
        return 0.0

    def _failed(self, sent: Sequence[bytes], error: TransportError) -> float:
        if error.ambiguous and self._probes_passed:
            # Others got through a moment ago: the fault may lie in these events.
            if len(sent) == 1:
                if sent[0] != self._suspect:
                    self._suspect, self._strikes = sent[0], 0
                self._suspicion = error
                return 0.0
            self._limit = len(sent) // 2
        return self._wait_after(error)

    def _cross_check(self, error: TransportError) -> float:
        """Send another event right after the first one failed alone with *error*."""
        self._suspicion = None
        batch, events = self._probe_candidates()
        # A spool that adopted events since then may have others in front.
        if len(events) < 2 or events[0] != self._suspect:
            return self._wait_after(error)  # nothing to compare it with: it is kept
        try:
            self._send_probe(events[self._other(events)])
        except TransportError as outage:
            self.failed_attempts += 1
            return self._wait_after(outage)
        self._strikes += 1
        if self._strikes < POISON_STRIKES:
            wait = self._wait_after(error)
            self._probes_other = True
            return wait
        self.failed_attempts += 1
        self._refuse(
            events[0], f"it failed alone {self._strikes} times while others passed: {error}"
        )
        self._settle(batch, 1)
        self._begin_probes()
        return 0.0

    def _other(self, events: Sequence[bytes]) -> int:
        if self._other_index >= len(events):
            self._other_index = 1
        return self._other_index

    def _wait_after(self, error: TransportError) -> float:
        self.failed_attempts += 1
        self._failures_in_row += 1
        self.last_error = str(error)
        if error.retryable:
            wait = self._retry.delay(self._failures_in_row, self._chance(), error.retry_after)
        else:
            wait = self._retry.slow_delay(self._chance())
        self._wait_is_binding = error.retry_after is not None
        self._not_before = self._clock() + wait
        if error.ambiguous:
            self._begin_probes()
        self._own_log.warn(
            f"delivery {type(error).__name__} {error.retryable}",
            f"{self._transport.name}: {error}; {len(self._buffer)} events wait,"
            f" the next attempt is in {wait:.1f} s",
        )
        return wait

    def _begin_probes(self) -> None:
        # A transport that needs no probes gets one where a second attempt failed as well: only
        # so can poison be told from an outage.
        self._probes_left = self._transport.recovery_probes or int(self._failures_in_row > 1)
        self._probes_other = False
        self._probes_passed = False

    def _probe(self) -> float | None:
        batch, events = self._probe_candidates()
        if not events:
            return None
        index = self._other(events) if self._probes_other and len(events) > 1 else 0
        try:
            rejected = self._send_probe(events[index])
        except TransportError as error:
            wait = self._wait_after(error)
            if error.ambiguous and index:
                self._other_index += 1  # it may be poison, too
            elif error.ambiguous:
                self._first_failed = self._probes_other = True
            return wait
        if rejected is not None and not index:
            self._refuse(events[0], rejected)
            self._settle(batch, 1)
            return 0.0
        self._passed()
        self._probes_left -= 1
        if self._probes_left:
            return 0.0
        self._probes_passed = True
        if index and self._first_failed:
            self._limit = 1
        if not self._transport.recovery_probes:
            return 0.0
        self._wait_is_binding = True
        self._not_before = self._clock() + self._transport.recovery_pause
        return self._transport.recovery_pause

    def _send_probe(self, event: bytes) -> str | None:
        """Send *event* alone; the reason where it was refused: it is judged with its batch."""
        try:
            result = self._send([event])
        except Rejected as error:
            return str(error)
        if result.retry:
            raise result.error or TransportError("the destination asked for a probe again")
        return result.rejected.get(0)
