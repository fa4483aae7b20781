"""The package's own warnings: through the stdlib logger, and rarely.

A warning of lost events that nobody gets is no warning. Where the logging of the program has
nobody who takes it, it goes to standard error.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._lock import locked
from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.standard_error import count_of, write_line
from structlog_mozdef.process.threads import start_without_signals

logger = logging.getLogger("structlog_mozdef")

#: Default of the minimum time between two warnings of the same cause, in seconds.
INTERVAL = 60.0
# How long a thread that others wait for waits for log handlers, in seconds.
_PATIENCE = 1.0


class RateLimitedLogger:
    """Warn at most once an interval for each cause, and say how many warnings were suppressed.

    `CountedWarning` is for warnings that have a number.

    Args:
        clock: returns seconds, monotonic.
        interval: minimum time between two warnings of the same cause, in seconds. Default 60.

    Attributes:
        interval: the same; it can be set at any time.
    """

    def __init__(self, clock: Callable[[], float] = monotonic, interval: float = INTERVAL) -> None:
        self._clock = clock
        self.interval = interval
        self._last: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}
        self._write: Callable[[str], None] | None = None
        self._is_awaited: Callable[[], bool] = bool

    def never_wait_where(self, is_awaited: Callable[[], bool]) -> None:
        """Do not wait for log handlers in a thread for which *is_awaited* returns True.

        Who waits for that thread may hold the lock of a handler, which calls us in ``emit``.
        """
        self._is_awaited = is_awaited

    def write_with(self, write: Callable[[str], None]) -> None:
        """Hand warnings to *write* from now on: at exit, log handlers may write to closed files."""
        self._write = write

    def warn(self, cause: str, message: str) -> None:
        """Log *message* unless the same *cause* was reported within the interval. Never raises.

        For what has a number of events, use `CountedWarning`.
        """
        if not self.is_due(cause):
            self._suppressed[cause] = self._suppressed.get(cause, 0) + 1
            return
        repeats = self._suppressed.pop(cause, 0)
        if repeats:
            message = f"{message} (and {count_of(repeats, 'more such warning')} since the last one)"
        self.warn_now(cause, message)

    def is_due(self, cause: str) -> bool:
        """Return whether `warn` would log a message now."""
        last = self._last.get(cause)
        return last is None or self._clock() - last >= self.interval

    def warn_now(self, cause: str, message: str) -> None:
        """Log *message* in any case; the next interval of *cause* begins. Never raises."""
        self._last[cause] = self._clock()
        try:
            if self._write is not None:
                self._write(message)
            elif not is_heard():
                write_line(message)
            elif self._is_awaited():
                _log_elsewhere(message)
            else:
                logger.warning("%s", message)
        except Exception as error:
            pass_on(error)  # a broken handler must not stop the delivery


class CountedWarning:
    """A warning that says how many: what one leaves out, as it would come too soon, the next says.

    So the numbers of all warnings add up, once the last one is reported *at_once*.

    Args:
        own_log: to log it.
        cause: of the warning.
    """

    def __init__(self, own_log: RateLimitedLogger, cause: str) -> None:
        self._own_log = own_log
        self._cause = cause
        self._lock: Any = threading.RLock()
        self._total = self._reported = 0
        self._sentence: Callable[[int], str] = str

    @locked
    def add(self, number: int, sentence: Callable[[int], str]) -> None:
        """Count *number* more, to be reported in the words that *sentence* returns for a number."""
        self._sentence = sentence
        self._total += number

    @locked
    def count_to(self, total: int, sentence: Callable[[int], str]) -> None:
        """Let *total* be the number so far."""
        self.add(total - self._total, sentence)

    def report(self, *, at_once: bool = False) -> None:
        """Warn of those that no warning has named, if the interval since the last one is over.

        Args:
            at_once: do not wait for the interval: nobody may report them later.
        """
        if self._total == self._reported or not (at_once or self._own_log.is_due(self._cause)):
            return
        number, message = self._unreported()
        if number:
            self._own_log.warn_now(self._cause, message)

    @locked
    def _unreported(self) -> tuple[int, str]:
        number = self._total - self._reported
        message = self._sentence(number)
        self._reported = self._total
        return number, message


def _log_elsewhere(message: str) -> None:
    thread = threading.Thread(
        target=logger.warning, args=("%s", message), name="structlog-mozdef-warning", daemon=True
    )
    try:
        if sys.is_finalizing():
            raise RuntimeError  # noqa: TRY301 - as Python does from 3.12 on
        start_without_signals(thread)
    except RuntimeError as error:
        pass_on(error)
        write_line(message)
    else:
        thread.join(_PATIENCE)


def is_heard() -> bool:
    """Return whether a warning is taken by somebody, or unwanted by the program that logs.

    Nobody takes it if ``dictConfig`` has disabled the logger, as it does by default with loggers
    that it does not know; if the level of the root logger is above WARNING; or if there is no
    handler but those that ship to MozDef, which leave out this package's own records.

    It is unwanted if the program has said so to this very logger, by a level or a handler of its
    own (a ``NullHandler``, for example), or to all of them, by ``logging.disable``.
    """
    if logger.manager.disable >= logging.WARNING or logger.level > logging.WARNING:
        return True
    if logger.disabled or not logger.isEnabledFor(logging.WARNING):
        return False
    current: logging.Logger | None = logger
    while current is not None:
        for handler in current.handlers:
            takes = current is logger or not isinstance(handler, logging.NullHandler)
            if takes and handler.level <= logging.WARNING and not _ships(handler):
                return True
        current = current.parent if current.propagate else None
    return False


def _ships(handler: logging.Handler) -> bool:
    return getattr(handler, "ships_to_mozdef", False)
