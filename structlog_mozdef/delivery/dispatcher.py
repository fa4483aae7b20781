"""Sending the events of a buffer with a transport, through every kind of failure.

The rules, and why:

- An outage is waited out with jittered back-off, without an end.
- A server that blames the payload (400) gets the batch in halves until the culprit stands alone; it
  becomes a dead letter.
- A *fast* failure that proves nothing (a 5xx, a cut connection) while others pass: the fault may
  lie in the events. The batch is halved at once; the event that fails alone goes to the end of the
  buffer, and the rest flows on. `structlog_mozdef.delivery.quarantine` says what becomes of it.
  Where nothing passes it is an outage, and no event is suspected.
- A *slow* one (MozDef without its broker answers after 10 to 19 s, or not in time) is an outage.
  MozDef loses what it accepts in the first seconds of renewed traffic. So single events go first,
  as probes; when they got through and a pause is over, the batch follows. The probes are sent
  again with it: repeated, never lost. A batch that fails slowly again and again though probes
  pass each time is halved as well, with a recovery before each part.
- What only a change of settings can help (401, 404, a redirect) is kept and tried slowly.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog_mozdef._deadline import Deadline, monotonic
from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef.buffers.base import Buffer
from structlog_mozdef.delivery.pending import Pending
from structlog_mozdef.delivery.quarantine import CrossChecking, Suspects, Trying
from structlog_mozdef.delivery.recovery import Recovering
from structlog_mozdef.delivery.retry import Backoff, RetryPolicy
from structlog_mozdef.delivery.states import Sending, State, Waiting
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.transports.base import SendResult, Transport

# Not `random.random`: a program that has seeded that would get other numbers.
_system_random = random.SystemRandom().random
#: An attempt that fails sooner was no outage of MozDef's broker, in seconds.
_FAST_SECONDS = 2.0
#: An attempt that takes longer is reported while it is under way, in seconds.
_LATE_SECONDS = 3.0
#: For so long after a success others are said to pass, in seconds.
_PASSING_SECONDS = 10.0
#: An outage that is longer may be one of MozDef's broker, in seconds.
_SHORT_OUTAGE_SECONDS = 3.0
#: How far behind a failing event another one is looked for, where batches are smaller.
_PROBE_RANGE_EVENTS = 64
#: The largest event that is kept to be sent once more as a witness, in bytes.
_WITNESS_BYTES = 65_536


@dataclass
class _Outage:
    since: float
    was_slow: bool = False


class Dispatcher:
    """Deliver what waits in *buffer*, one attempt a step, without a thread or a sleep.

    Its states; each makes one attempt, and names the next one::

        Sending <------(as many as a batch)------- Bisecting <-----------------+
          |  |                                      ^  |  |                    |
          |  +----(blamed; fast while others pass)--+  | (one event alone)     |
          |                                            |  v                    |
          |                     (nothing passes)       | Trying --> CrossChecking
          +--------------------------+-----------------+  ^      |      |   (a strike: the end of
                                     |                    |      |      |   the queue, or a dead
                                     v                (a suspect |      |   letter)
           +--------------------> Waiting <----------- comes up) |      |
           | (a probe failed)        |  ^------------------------+------+
           |                         |                      (an outage)
           |                         +--> Sending or Bisecting, where nothing can have arrived
           +----- Recovering <-------+
                  (probes) ------> Waiting (a pause) ------> Sending or Bisecting

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
        suspects: events that failed alone while others passed.
        rejections: warns of events that became dead letters.
        witness: an event that passed before, to be sent once more where there is no other.
        failures_since_pass: how many batches failed fast since something passed.
        none_is_due: whether the last step found only events that wait for their time, or cannot be
            read now.
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
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = _system_random,
    ) -> None:
        self.buffer = buffer
        self.transport = transport
        self.own_log = own_log
        self.batch_events = min(batch_events, getattr(transport, "batch_limit", batch_events))
        self._batch_bytes = batch_bytes
        self._clock = clock
        self._reconnect: Callable[[], None] | None = getattr(transport, "reconnect", None)
        self.pending = Pending(buffer)
        self.backoff = Backoff(retry, chance)
        self.suspects = Suspects()
        self.rejections = CountedWarning(own_log, "dead letter")
        self.witness: bytes | None = None
        self.failures_since_pass = 0
        self.none_is_due = False
        self.state: State = Sending()
        self._outage: _Outage | None = None
        self._last_pass = -math.inf
        self._just_passed = False
        self._attempt_seconds = 0.0
        self._attempt_since: float | None = None
        self._rotated = 0

    @property
    def failed_attempts(self) -> int:
        """Attempts that failed so far."""
        return self.backoff.failed_attempts

    @property
    def last_error(self) -> str | None:
        """The last failure in a row of them; None while deliveries succeed."""
        return self.backoff.last_error

    @property
    def problem(self) -> str | None:
        """`last_error`, or else what an attempt under way has been waiting for too long."""
        since = self._attempt_since  # another thread makes the attempt
        if self.last_error is not None or since is None:
            return self.last_error
        seconds = self._clock() - since
        if seconds < _LATE_SECONDS:
            return None
        waits_for = getattr(self.transport, "waits_for", None) or "no answer yet"
        return f"{waits_for} (for {seconds:.0f} s)"

    def step(self) -> float | None:
        """Make one attempt, if it is time for it.

        Returns:
            Seconds until the next step makes sense, 0.0 for at once; None where nothing can be had.
        """
        self.none_is_due = False
        if not self.buffer:
            self.suspects.clear()
            return None
        wait = self.state.step(self)
        if wait is None:
            self.none_is_due = bool(self.buffer)  # it cannot be read now
        return wait

    def is_searching(self) -> bool:
        """Return whether the next step goes on with a batch that failed: it is not to linger."""
        return type(self.state) is not Sending

    def retry_now(self) -> bool:
        """Make the next attempt now, unless the server itself asked for a pause.

        Returns:
            Whether there was a wait, which is over.
        """
        if isinstance(self.state, Waiting) and not self.state.is_binding:
            self.state = self.state.then
            return True
        return False

    def final_attempt(self) -> None:
        """Send what is left without probes and pauses: what stays behind now is lost anyway."""
        if isinstance(self.state, Waiting | Recovering):
            self.state = Sending()
        self.suspects.make_due()

    # For the states: events.

    def next_events(self, limit: int) -> Sequence[bytes]:
        """Return the events to send next, *limit* at most."""
        return self.pending.next(self.batch_events, self._batch_bytes)[:limit]

    def look_ahead(self) -> Sequence[bytes]:
        """Return the events to send next, and more behind them: poison may fill a whole batch."""
        return self.pending.look_ahead(max(self.batch_events, _PROBE_RANGE_EVENTS))

    def settle(self, count: int) -> None:
        """Mark the first *count* of the events to send next as accepted, rejected or requeued."""
        self.pending.settle(count)

    def reject(self, event: bytes, reason: str) -> None:
        """Make *event* a dead letter."""
        self.buffer.reject(event, reason)
        name = self.transport.name
        self.rejections.add(
            1,
            lambda count: (
                f"{name} rejected an event for good: {reason}"
                if count == 1
                else f"{name} rejected {count:,} events for good, the last one: {reason}"
            ),
        )
        self.rejections.report()

    # For the states: attempts.

    def now(self) -> float:
        """Return the time, in seconds of the monotonic clock."""
        return self._clock()

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Make an attempt with *events*; raises TransportError, and nothing else."""
        self._rotated = 0
        start = self._attempt_since = self._clock()
        try:
            result: object = self.transport.send(events)
        except TransportError:
            raise
        except Exception as error:  # a transport of somebody else, or a fault of ours
            raise TransportError(f"unexpected {type(error).__name__} in the transport") from error
        finally:
            self._attempt_since = None
            self._attempt_seconds = self._clock() - start
        if not isinstance(result, SendResult):
            raise TransportError(
                f"the transport returned {type(result).__name__} instead of a SendResult"
            )
        return result

    def reconnect(self) -> None:
        """Make the next attempt on another connection, where the transport can."""
        if self._reconnect is not None:
            self._reconnect()

    def send_probe(self, event: bytes) -> str | None:
        """Send *event* alone; return why it was rejected, None where it was accepted."""
        try:
            result = self.send([event])
        except Rejected as error:
            return str(error)
        if result.retry:
            raise result.error or TransportError("the destination asked for a probe again")
        return result.rejected.get(0)

    def succeed(self, event: bytes | None = None) -> None:
        """Note that the destination works: it accepted *event*, or said what it thinks of one."""
        self.backoff.succeed()
        self.note_answer()
        if not isinstance(self.state, Recovering):
            self._outage = None
        if event is not None:
            self.suspects.acquit(event)
            self.remember(event)

    def note_answer(self) -> None:
        """Note that the destination works as far as to tell what it thinks of an event."""
        self.failures_since_pass = 0
        self._last_pass = self._clock()
        self._just_passed = True

    def remember(self, event: bytes) -> None:
        """Keep *event*, which was accepted, as a witness."""
        if len(event) <= _WITNESS_BYTES:
            self.witness = event

    def count_failure(self) -> None:
        """Count an attempt that failed."""
        self.backoff.failed_attempts += 1
        self._just_passed = False

    def was_fast(self) -> bool:
        """Return whether the last attempt ended too soon for an outage of MozDef's broker."""
        return self._attempt_seconds < _FAST_SECONDS

    def others_pass(self) -> bool:
        """Return whether something passed a moment ago."""
        return self._clock() - self._last_pass < _PASSING_SECONDS

    def just_passed(self) -> bool:
        """Return whether the last attempt passed, just now."""
        return self._just_passed and self._clock() - self._last_pass < _FAST_SECONDS

    # For the states: suspects.

    def suspect(self, event: bytes, error: TransportError, then: Sending) -> float:
        """Look closer at *event*, which failed alone with *error*."""
        if self.was_fast():
            self.state = Trying(then, failures=1)
        else:
            self.state = CrossChecking(event, error, then, is_proof=True, is_slow=True)
        return 0.0

    def try_suspects(self, then: Sending) -> float | None:
        """Try the first event, a suspect, or let others pass it until it is due."""
        first = self.next_events(self.batch_events)
        now = self._clock()
        if not self.suspects.seconds_until_due(first[:1], now):
            self.state = Trying(then)
            return self.state.step(self)
        ahead = self.look_ahead()
        wait = self.suspects.seconds_until_due(ahead, now)
        is_all = len(ahead) >= len(self.buffer)
        if wait and (is_all or self._rotated >= len(self.buffer)):
            self.none_is_due = True
            return wait
        undue = 0
        for event in first:
            if not self.suspects.seconds_until_due([event], now):
                break
            self.buffer.requeue(event)
            undue += 1
        self.settle(undue)
        self._rotated += undue
        return 0.0

    # For the states: outages.

    def wait_after(self, error: TransportError, then: State) -> float:
        """Wait after *error*, for *then*; recover before that where the error is ambiguous."""
        wait = self.backoff.wait_after(error)
        if error.ambiguous:
            then = self._begin_outage(then)
        self.state = Waiting(
            Deadline.after(wait, self._clock), then, is_binding=error.retry_after is not None
        )
        waiting = count_of(len(self.buffer), "event", "wait")
        self.own_log.warn(
            f"delivery {type(error).__name__} {error.retryable}",
            f"{self.transport.name}: {error}; {waiting}, the next attempt is in {wait:.1f} s",
        )
        return wait

    def _begin_outage(self, then: State) -> State:
        """Return the state that leads to *then*, through probes where they make sense."""
        if self._outage is None:
            self._outage = _Outage(self._clock() - self._attempt_seconds)
        if not self.was_fast():
            self._outage.was_slow = True
        if isinstance(then, Sending) and self.probes_needed():
            return Recovering(then)
        return then

    def recover_from_slow(self, then: Sending) -> None:
        """Send probes before *then*: an event failed slowly, alone."""
        self._outage = _Outage(self._clock(), was_slow=True)
        self.state = Recovering(then) if self.transport.recovery_probes else then

    def probes_needed(self) -> int:
        """Return how many probes must pass before a batch is sent."""
        if not self.transport.recovery_probes:
            # One all the same where a second attempt failed as well: only so can poison be
            # distinguished from an outage.
            return int(self.backoff.failures_in_row > 1)
        return self.transport.recovery_probes if self._may_lose() else 1

    def _may_lose(self) -> bool:
        """Return whether the destination may lose what it accepts right after this outage."""
        outage = self._outage
        return outage is not None and (
            outage.was_slow or self._clock() - outage.since >= _SHORT_OUTAGE_SECONDS
        )

    def end_outage(self, then: State) -> float:
        """Wait as long as the destination needs after its probes, for *then*."""
        pause = self.transport.recovery_pause if self._may_lose() else 0.0
        self._outage = None
        if not pause or not self.transport.recovery_probes:
            self.state = then
            return 0.0
        self.state = Waiting(Deadline.after(pause, self._clock), then, is_binding=True)
        return pause
