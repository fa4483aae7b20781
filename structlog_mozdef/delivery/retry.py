"""When to try again: pure arithmetic, without a clock, a sleep or a random source of its own."""

from __future__ import annotations

from dataclasses import dataclass

from structlog_mozdef._validate import LONGEST_DURATION, check_number


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with full jitter and no end: an outage never throws an event away.

    Full jitter (any delay between 0 and the exponential bound) spreads a fleet of clients that
    lost the same server over the whole interval.

    Args:
        wait_initial: bound of the first delay, in seconds. Default 1.
        wait_max: bound that the exponential growth stops at, in seconds. Default 60.
        retry_after_max: longest wait that a server can ask for with ``Retry-After``, in seconds.
            Default 300.

    Raises:
        ValueError: for a bound that is no number or not positive, or for a ``wait_max`` below
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
        """Seconds to wait before the next attempt.

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
        """Seconds to wait where only a change of settings can help: near ``wait_max``, jittered."""
        return self.wait_max * (0.5 + chance / 2)
