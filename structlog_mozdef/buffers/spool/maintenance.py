"""What a spool does once a second, whatever its sender is waiting for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from structlog_mozdef._fsync import sync_data
from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.files.descriptor import Descriptor, close_lost_descriptors
from structlog_mozdef.process.threads import start_without_signals


class MaintenanceThread:
    """A daemon thread that calls *check* once a second and forces files to the disk.

    It also logs the deferred warnings: log calls, which find them, must not wait for a log handler.

    Args:
        check: returns files to synchronise and close.
        ledger: of the spool.
    """

    def __init__(self, check: Callable[[], list[Descriptor]], ledger: SpoolLedger) -> None:
        self._check = check
        self._syncs = ledger.options.sync == "interval"
        self._warnings = ledger.warnings
        self._path = ledger.folder.path
        self._interval = ledger.options.timings.maintenance_interval
        self._thread: threading.Thread | None = None
        self._complete: list[Descriptor] = []

    def start(self) -> None:
        """Start the thread, once.

        Not while the interpreter ends: before Python 3.12 that would wait for the thread forever.
        """
        if sys.is_finalizing():
            return
        if self._thread is None or not (self._thread.is_alive() or self._thread.ident is None):
            thread = threading.Thread(target=self._run, name="structlog-mozdef-spool", daemon=True)
            self._thread = thread
            try:
                start_without_signals(thread)
            except BaseException as error:  # perhaps it runs, and ends at its next turn
                self._thread = None
                pass_on(error)
                if not isinstance(error, RuntimeError):
                    raise
                # No thread can be had: the next one to ask tries again.

    def sync_and_close(self, file: Descriptor) -> None:
        """Synchronise and close a file, at the next turn: nothing is written to it any more."""
        self._complete.append(file)

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            time.sleep(self._interval)
            if self._thread is me:
                self.work()

    def work(self) -> None:
        """Do at once what the thread does each time."""
        try:
            self._complete += self._check()
        except OSError as error:
            self._warn_of(error)
        self.close_files()
        close_lost_descriptors()
        self._warnings.flush()

    def close_files(self) -> None:
        """Synchronise and close the files that were handed over."""
        while self._complete:
            try:
                file = self._complete.pop(0)
            except IndexError:
                break  # the thread and `stop` may work at the same moment
            if self._syncs:
                self.sync(file.fd)
            try:
                file.close_after_writing()
            except OSError as error:  # a network file system may say only then that it is full
                self._warn_of(error)

    def sync(self, fd: int) -> None:
        """Force a file to the disk, or warn: what was written the kernel has."""
        try:
            sync_data(fd)
        except OSError as error:
            pass_on(error)
            self._warn_of(error)

    def _warn_of(self, error: OSError) -> None:
        self._warnings.add(
            "spool sync", f"the spool {self._path} cannot be kept in order: {error.strerror}"
        )

    def stop(self) -> None:
        """Do the work a last time, and end the thread; `start` begins again."""
        self._thread = None
        self.work()
        self._thread = None  # the work may have started it again

    def abandon(self) -> None:
        """End the thread at its next turn, and close the files without any work."""
        self._thread = None
        files, self._complete = self._complete, []
        for file in files:
            file.close()
