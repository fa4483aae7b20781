"""SIGTERM that came right before the main thread began to wait in C: nobody would notice it.

Python only notes a signal, and runs its handler when the main thread runs again. A system call is
interrupted for that; but where the signal comes a moment before one, the thread waits all the same
(a worker of `multiprocessing.Pool` forever, for its next task). So a thread reads what Python
writes down of each signal, and repeats one whose handler does not run.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.threads import start_without_signals

#: Seconds that a handler gets before its signal is repeated.
INTERVAL = 0.05
# Far from the numbers that a program closes and uses again.
_HIGH_FD = 300


class MissedSignals:
    """Repeat SIGTERM for the main thread until *is_noticed*.

    Args:
        is_noticed: whether the handler runs, or is not ours any more.
    """

    def __init__(self, is_noticed: Callable[[], bool]) -> None:
        self._is_noticed = is_noticed
        self._read = self._write = -1
        self._thread: threading.Thread | None = None
        self._repeated_at = -1.0
        reset_after_fork(self)

    def prepare(self) -> None:
        """Let Python write down signals from now on, in the main thread. Needs no thread yet."""
        if sys.platform == "win32" or self._write >= 0:
            return
        try:
            self._read, self._write = map(_high, os.pipe())
            os.set_blocking(self._write, False)
            others = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except (OSError, ValueError):  # no descriptor can be had
            return
        if others >= 0:  # an event loop reads them, and so does not miss any
            signal.set_wakeup_fd(others)

    def start(self) -> None:
        """Start the thread, once. Not under gevent, where it would hold up all greenlets."""
        is_gevent = type(time.sleep) is not types.BuiltinFunctionType
        if self._read < 0 or self._thread is not None or is_gevent or sys.is_finalizing():
            return
        thread = threading.Thread(target=self._run, name="structlog-mozdef-signals", daemon=True)
        try:
            start_without_signals(thread)
        except RuntimeError as error:  # no thread can be had
            pass_on(error)
        finally:
            self._thread = thread if thread.is_alive() else None

    def after_fork_in_child(self) -> None:
        """Leave the pipe to the parent, who would take our signals for its own."""
        if self._write >= 0:
            if (others := signal.set_wakeup_fd(-1)) != self._write:
                signal.set_wakeup_fd(others)
            os.close(self._read)
            os.close(self._write)
        self._read = self._write = -1
        self._thread = None

    def was_repeated(self) -> bool:
        """Return whether a SIGTERM that comes now may be one that was repeated here."""
        return monotonic() - self._repeated_at < 10 * INTERVAL

    def _run(self) -> None:
        if sys.platform == "win32":
            return
        while numbers := os.read(self._read, 64):
            while signal.SIGTERM in numbers:
                time.sleep(INTERVAL)
                main = threading.main_thread().ident
                if self._is_noticed() or main is None:
                    break
                self._repeated_at = monotonic()
                signal.pthread_kill(main, signal.SIGTERM)


def _high(fd: int) -> int:
    """Return a duplicate of *fd* with a high number, or *fd* where none can be had."""
    if sys.platform == "win32":
        return fd
    import fcntl

    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:
        return fd
    os.close(fd)
    return high
