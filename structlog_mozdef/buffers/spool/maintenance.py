"""What a spool does once a second, even while its sender waits for an answer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from structlog_mozdef._fsync import sync_data
from structlog_mozdef._log import RateLimitedLogger


class DeferredWarnings:
    """Keep warnings that are found under a lock until `flush` is called without one.

    A log handler may wait for a thread that waits for the lock, in a log call of its own.

    Args:
        own_log: writes them.
    """

    def __init__(self, own_log: RateLimitedLogger) -> None:
        self._own_log = own_log
        self._messages: dict[str, str] = {}

    def add(self, cause: str, message: str) -> None:
        """Remember to warn of *cause*; the last message for a cause replaces earlier ones."""
        self._messages[cause] = message

    def flush(self) -> None:
        """Write all warnings. Several threads may do so at the same moment."""
        while self._messages:
            try:
                cause = next(iter(self._messages))
                self._own_log.warn(cause, self._messages.pop(cause))
            except (KeyError, StopIteration, RuntimeError):
                break  # another thread writes it


class MaintenanceThread:
    """A daemon thread that calls *maintain* once a second and synchronises files to the disk.

    It also writes the deferred warnings: log calls must not wait for a log handler.

    Args:
        maintain: returns descriptors to synchronise and close.
        syncs: False if files are only closed.
        deferred_warnings: of the spool.
        interval: seconds between two runs.
    """

    def __init__(
        self,
        maintain: Callable[[], list[int]],
        syncs: bool,
        deferred_warnings: DeferredWarnings,
        interval: float,
    ) -> None:
        self._maintain = maintain
        self._syncs = syncs
        self._deferred_warnings = deferred_warnings
        self._interval = interval
        self._thread: threading.Thread | None = None
        self._complete: list[int] = []

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="structlog-mozdef-spool", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                self._thread = None  # no thread can be started: the next call tries again
            except BaseException:  # from a signal handler: if the thread runs, it ends by itself
                self._thread = None
                raise

    def sync_and_close(self, fd: int) -> None:
        """Hand over a descriptor that is not written to any more."""
        self._complete.append(fd)

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            time.sleep(self._interval)
            if self._thread is me:
                self.work()

    def work(self) -> None:
        """Do now what the thread does in each interval."""
        try:
            fds = self._maintain()
        except OSError as error:
            self._warn_of(error)
            fds = []
        while self._complete:
            try:
                fds.append(self._complete.pop(0))
            except IndexError:
                break  # the thread and `stop` may work at the same moment
        for fd in fds:
            for step in (sync_data, os.close) if self._syncs else (os.close,):
                try:
                    step(fd)
                except OSError as error:  # closing, too, can say that a write has failed
                    self._warn_of(error)
        self._deferred_warnings.flush()

    def _warn_of(self, error: OSError) -> None:
        self._deferred_warnings.add(
            "spool sync", f"the spool cannot be kept in order: {error.strerror}"
        )

    def stop(self) -> None:
        """Do the work a last time, and end the thread; `start` starts another."""
        self._thread = None
        self.work()
        self._thread = None  # the work may have started it again

    def abandon(self) -> None:
        """Let the thread end, and close the descriptors without further work."""
        self._thread = None
        fds, self._complete = self._complete, []
        for fd in fds:
            os.close(fd)
