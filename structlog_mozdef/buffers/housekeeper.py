"""What a spool does once a second, whatever its sender is waiting for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_INTERVAL = 1.0


class Housekeeper:
    """A daemon thread that calls *keep_house* once a second and forces files to the disk.

    Args:
        keep_house: returns a descriptor to synchronise and close, or -1.
        syncs: False where files are only closed.
    """

    def __init__(self, keep_house: Callable[[], int], syncs: bool) -> None:
        self._keep_house = keep_house
        self._syncs = syncs
        self._thread: threading.Thread | None = None
        self._complete: list[int] = []
        #: Why the disk refuses to write; None while it does not.
        self.trouble: str | None = None

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="structlog-mozdef-spool", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                pass  # no thread can be had, as at exit: `stop` does its work

    def sync_and_close(self, fd: int) -> None:
        """Take over a descriptor that is not written to any more."""
        self._complete.append(fd)

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            time.sleep(_INTERVAL)
            if self._thread is me:
                self._work()

    def _work(self) -> None:
        try:
            self._finish(self._keep_house())
            while self._complete:
                self._finish(self._complete.pop())
        except OSError as error:
            self.trouble = error.strerror

    def _finish(self, fd: int) -> None:
        if fd < 0:
            return
        try:
            if self._syncs:
                os.fdatasync(fd)
        finally:
            os.close(fd)

    def stop(self) -> None:
        """Do the work a last time, and end the thread; `start` begins anew."""
        self._thread = None
        self._work()
