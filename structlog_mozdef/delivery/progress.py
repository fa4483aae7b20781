"""Waiting for what another thread brings about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Progress:
    """Callers wait in `wait_for` until something is done; who does it calls `mark_reported`."""

    def __init__(self) -> None:
        # Its lock is re-entrant: a signal handler may wait while its own thread does.
        self._changed = threading.Condition()
        self._watchers = 0

    def wait_for(self, done: Callable[[], bool], timeout: float) -> bool:
        """Wait until *done*, or for *timeout* seconds at most.

        Returns:
            Whether it is done.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._watchers += 1
            try:
                while not done():
                    left = deadline - time.monotonic()
                    if left <= 0:
                        return False
                    self._changed.wait(left)
            finally:
                self._watchers -= 1
        return True

    def notify_all(self) -> None:
        """Make all that wait look again. Costs next to nothing where nobody does."""
        if self._watchers:
            with self._changed:
                self._changed.notify_all()
