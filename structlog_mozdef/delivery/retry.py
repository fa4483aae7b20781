"""When to try again: arithmetic without a clock, a sleep or a random source of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog_mozdef._validate import LONGEST_DURATION, check_number
from structlog_mozdef.exceptions import TransportError


@dataclass(frozen=True)
class RetryPolicy:
    """Wait exponentially longer, with full jitter and no end: no outage makes us drop an event.

    Full jitter (any delay between 0 and the exponential bound) spreads a fleet of clients that
    lost the same server over the whole interval.

    Args:
        wait_initial: bound of the first delay, in seconds. Default 1.
        wait_max: bound at which the exponential growth stops, in seconds. Default 60.
        retry_after_max: longest wait that a server can ask for with ``Retry-After``, in seconds.
            Default 300.

    Raises:
        ValueError: for a bound that is not a positive number, or a ``wait_max`` below
            ``wait_initial``.
    """

    wait_initial: float = 1.0
    wait_max: float = 60.0
    retry_after_max: float = 300.0

    def __post_init__(self) -> None:
        for name in ("wait_initial", "wait_max", "retry_after_max"):
            check_number(name, getattr(self, name), minimum=0, maximum=LONGEST_DURATION)
        if not self.wait_initial > 0:
            raise ValueError(f"wait_initial is {self.wait_initial!r}; it must be more than 0 s")
        if not self.wait_max >= self.wait_initial:
            raise ValueError(
                f"wait_max is {self.wait_max!r}; it must be at least wait_initial,"
                f" {self.wait_initial!r} s"
            )

    def delay(self, failures: int, chance: float, retry_after: float | None = None) -> float:
        """Return the seconds to wait before the next attempt.

        Args:
            failures: attempts that failed in a row, 1 after the first.
            chance: a random number, 0 <= chance < 1.
            retry_after: seconds that the server asked for, or None.
        """
        # Larger powers than 2**64 would only cost time, and overflow in the end.
        bound = min(self.wait_max, self.wait_initial * 2.0 ** min(max(failures - 1, 0), 64))
        jittered = bound * chance
        if retry_after is None:
            return jittered
        # Jitter comes on top: all clients of a server are given the same Retry-After.
        # (0.0 comes first, so that it is what is left of a NaN.)
        return min(max(0.0, retry_after), self.retry_after_max) + min(jittered, self.wait_initial)

    def slow_delay(self, chance: float) -> float:
        """Return the seconds to wait where only a change of settings can help: near `wait_max`."""
        return self.wait_max * (0.5 + chance / 2)


class Backoff:
    """Count the attempts that failed, and say how long to wait after them.

    Args:
        policy: the arithmetic.
        chance: returns random numbers, 0 <= n < 1.

    Attributes:
        failed_attempts: all attempts that failed so far.
        failures_in_row: those without a success since.
        last_error: the last of these failures; None while deliveries succeed.
    """

    def __init__(self, policy: RetryPolicy, chance: Callable[[], float]) -> None:
        self._policy = policy
        self._chance = chance
        self.failed_attempts = 0
        self.failures_in_row = 0
        self.last_error: str | None = None

    def succeed(self) -> None:
        """Begin again with short waits."""
        self.failures_in_row = 0
        self.last_error = None

    def wait_after(self, error: TransportError) -> float:
        """Return the seconds to wait after *error*, the latest failure."""
        self.failures_in_row += 1
        self.last_error = str(error)
        if not error.retryable:
            return self._policy.slow_delay(self._chance())
        return self._policy.delay(self.failures_in_row, self._chance(), error.retry_after)
