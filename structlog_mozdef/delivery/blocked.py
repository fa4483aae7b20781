"""Log calls that wait for room in a full buffer, with ``when_full="block"``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._lock import Turn, locked
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.process.standard_error import count_of


class BlockedCalls:
    """Count them, and measure how long they wait.

    Args:
        clock: returns seconds, monotonic.

    Attributes:
        total: log calls that have had to wait, so far.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock: Any = threading.RLock()
        self._since: dict[object, float] = {}
        self._longest = 0.0
        self._turn = Turn()
        self.total = 0

    def wait(self, function: Callable[[], bool]) -> bool:
        """Call *function*, which waits for room, and return what it returned."""
        # As in `_lock`: a call that stayed after a signal handler raised would be shown forever.
        since, key, begin = self._since, object(), self._clock()
        try:
            since[key] = begin
            self._add()
            return function()
        finally:
            since.pop(key, None)
            self._measure(self._clock() - begin)

    @locked
    def _add(self) -> None:
        self.total += 1

    @locked
    def _measure(self, seconds: float) -> None:
        self._longest = max(self._longest, seconds)

    def waiting(self) -> int:
        """Return how many log calls wait now."""
        return len(self._since)

    def longest(self) -> float:
        """Return the longest wait so far in seconds, those that go on included."""
        return max(self._longest, self._longest_now())

    def _longest_now(self) -> float:
        now = self._clock()
        return max(now - min(list(self._since.values()), default=now), 0.0)

    def warn(self, own_log: RateLimitedLogger, destination: str, backlog: int) -> None:
        """Warn that log calls wait until *destination* has accepted some of *backlog* events."""
        self._turn.take(lambda: self._warn(own_log, destination, backlog))

    def _warn(self, own_log: RateLimitedLogger, destination: str, backlog: int) -> None:
        if own_log.is_due("blocked"):
            own_log.warn_now(
                "blocked",
                f"log calls wait until {destination} has accepted older events:"
                f" {count_of(self.waiting(), 'call')} now, for up to {self._longest_now():.1f} s;"
                f" {count_of(backlog, 'event')} in the buffer, and there is no room for more",
            )
