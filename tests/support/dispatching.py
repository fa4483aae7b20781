"""A dispatcher on a clock that a test moves, with a destination whose answers a test decides."""

from __future__ import annotations

from collections.abc import Callable

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult


def server_error(seconds: float = 10.0) -> TransportError:
    """What MozDef answers after *seconds*; without its broker it takes 10 or more."""
    error = TransportError("HTTP 500", ambiguous=True)
    error.seconds = seconds
    return error


def fast_error() -> TransportError:
    """What a server answers at once where it cannot digest an event."""
    return server_error(0.01)


def refused_connection() -> TransportError:
    return TransportError("no connection: Connection refused")


def rejected() -> Rejected:
    return Rejected("HTTP 400")


class ScriptedDestination:
    """A transport at the edge: *answer* decides what becomes of the events of each attempt.

    Args:
        answer: events -> None for all accepted, a `SendResult`, or an exception to raise.
    """

    name = "scripted"
    loggers: frozenset[str] = frozenset()

    def __init__(
        self,
        answer: Callable[[list[bytes]], object],
        recovery_probes: int = 3,
        recovery_pause: float = 5.0,
    ) -> None:
        self.answer = answer
        self.recovery_probes = recovery_probes
        self.recovery_pause = recovery_pause
        self.attempts: list[list[bytes]] = []
        self.reconnects = 0
        #: Called with the seconds that an attempt took.
        self.spend: Callable[[float], None] = lambda seconds: None
        #: Everything that was accepted, repeats included, in order.
        self.accepted: list[bytes] = []

    def send(self, events):
        events = list(events)
        self.attempts.append(events)
        result = self.answer(events)
        error = getattr(result, "error", result)
        self.spend(getattr(error, "seconds", 0.01))
        if isinstance(result, BaseException):
            raise result
        if result is None:
            result = ALL_ACCEPTED
        if isinstance(result, SendResult):
            self.accepted += [
                event
                for index, event in enumerate(events)
                if index not in result.retry and index not in result.rejected
            ]
        return result

    def reconnect(self) -> None:
        self.reconnects += 1

    def after_fork_in_child(self) -> None:
        pass

    def close(self) -> None:
        pass

    def stored(self) -> list[bytes]:
        """What arrived, without repeats, in the order of first arrivals."""
        return list(dict.fromkeys(self.accepted))


class Drive:
    """Step a dispatcher on virtual time; the counts must add up after every step."""

    def __init__(
        self,
        answer: Callable[[list[bytes]], object] = lambda events: None,
        *,
        events: int = 0,
        batch_events: int = 100,
        batch_bytes: int = 1_000_000,
        chance: Callable[[], float] = lambda: 0.5,
        retry: RetryPolicy | None = None,
        **recovery: float,
    ) -> None:
        self.now = 1000.0
        self.destination = ScriptedDestination(answer, **recovery)
        self.destination.spend = self.spend
        self.buffer = MemoryBuffer(20_000, 20_000_000, "drop_newest")
        self.dispatcher = Dispatcher(
            self.buffer,
            self.destination,
            retry or RetryPolicy(),
            RateLimitedLogger(),
            batch_events=batch_events,
            batch_bytes=batch_bytes,
            clock=lambda: self.now,
            chance=chance,
        )
        #: The waits that the dispatcher asked for, those of nothing left out.
        self.waits: list[float] = []
        self.put(*(b"%d" % number for number in range(events)))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds + 1e-9  # a sum of floats may fall short

    def spend(self, seconds: float) -> None:
        self.now += seconds

    def put(self, *events: bytes) -> None:
        for event in events:
            self.buffer.append(event)

    def step(self) -> float | None:
        wait = self.dispatcher.step()
        counts = self.buffer.counts()
        assert counts.accepted == (
            counts.delivered + counts.dead_lettered + sum(counts.dropped.values()) + counts.buffered
        )
        assert wait is None or wait >= 0
        if wait:
            self.waits.append(wait)
        return wait

    def steps(self, count: int) -> None:
        """So many steps, each when it is due."""
        for _ in range(count):
            self.pass_time(self.step() or 0.0)

    def run(self, seconds: float = 1e9, most_steps: int = 2000, most_at_once: int = 500) -> Drive:
        """Step until nothing waits or *seconds* are over; a loop without waiting is an error."""
        end = self.now + seconds
        at_once = left = 0
        for _ in range(most_steps):
            wait = self.step()
            if wait is None or self.now >= end:
                return self
            at_once = 0 if wait or len(self.buffer) != left else at_once + 1
            left = len(self.buffer)
            assert at_once < most_at_once, "a loop without waiting"
            self.pass_time(wait)
        raise AssertionError(f"{len(self.buffer)} events wait after {most_steps} steps")

    @property
    def attempts(self) -> list[list[bytes]]:
        return self.destination.attempts

    def sizes(self) -> list[int]:
        return [len(attempt) for attempt in self.attempts]

    def dead(self) -> list[bytes]:
        return [letter.event for letter in self.buffer.dead_letters()]
