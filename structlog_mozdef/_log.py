"""The package's own warnings: through the stdlib logger, and rarely."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger("structlog_mozdef")

#: Default of the minimum time between two warnings of the same cause, in seconds.
INTERVAL = 60.0


class RateLimitedLogger:
    """Warn at most once an interval for each cause, and say how many warnings were suppressed.

    Args:
        clock: returns seconds, monotonic.
        interval: minimum time between two warnings of the same cause, in seconds. Default 60.

    Attributes:
        interval: the same; it can be set at any time.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, interval: float = INTERVAL
    ) -> None:
        self._clock = clock
        self.interval = interval
        self._last: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._write: Callable[[str], None] | None = None

    def write_with(self, write: Callable[[str], None]) -> None:
        """Hand warnings to *write* from now on: at exit, log handlers may write to closed files."""
        self._write = write

    def warn(self, cause: str, message: str) -> bool:
        """Log *message* unless the same *cause* was reported within the interval. Never raises.

        Returns:
            Whether it was logged.
        """
        try:
            message = self._allowed(cause, message)
            if not message:
                return False
            if self._write is not None:
                self._write(message)
            else:
                logger.warning("%s", message)
        except Exception:
            pass  # a broken handler must not stop the delivery
        return True

    def _allowed(self, cause: str, message: str) -> str:
        """Return *message* with the number of suppressed ones; "" where it is suppressed too."""
        now = self._clock()
        last = self._last.get(cause)
        if last is not None and now - last < self.interval:
            self._suppressed[cause] = self._suppressed.get(cause, 0) + 1
            return ""
        self._last[cause] = now
        repeats = self._suppressed.pop(cause, 0)
        if repeats:
            message = f"{message} (and {repeats} more such warnings since the last one)"
        return message
