"""Warnings that are found where a lock is held, and said where none is."""

from __future__ import annotations

from structlog_mozdef._log import RateLimitedLogger


class DeferredWarnings:
    """Keeps warnings until `mark_reported` is called, with no lock held.

    A log handler may wait for a thread that waits for the lock, in a log call of its own.

    Args:
        own_log: to say them.
    """

    def __init__(self, own_log: RateLimitedLogger) -> None:
        self._own_log = own_log
        self._messages: dict[str, str] = {}

    def add(self, cause: str, message: str) -> None:
        """Warn of *cause* soon; of several messages for it, of the last."""
        self._messages[cause] = message

    def flush(self) -> None:
        """Say all of it. Several threads may do so at the same moment."""
        while self._messages:
            try:
                cause = next(iter(self._messages))
                self._own_log.warn(cause, self._messages.pop(cause))
            except (KeyError, StopIteration, RuntimeError):
                break  # another thread says it
