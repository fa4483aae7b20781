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
from typing import Any

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._raised import pass_on
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.threads import start_without_signals

#: Seconds that a handler gets before its signal is repeated.
INTERVAL = 0.05
# Where the handler itself has asked for another time: seconds until then, and how often.
_POSTPONED = 0.005
_MOST_POSTPONED = 200


class MissedSignals:
    """Repeat SIGTERM for the main thread until *is_noticed*.

    Args:
        is_noticed: whether the handler runs, or is not ours any more.
    """

    def __init__(self, is_noticed: Callable[[], bool]) -> None:
        self._is_noticed = is_noticed
        self._read: Descriptor | None = None
        self._write: Descriptor | None = None
        self._thread: threading.Thread | None = None
        self._repeated_at = -1.0
        self._postponed = 0
        reset_after_fork(self)

    def prepare(self) -> None:
        """Let Python write down signals from now on, in the main thread. Needs no thread yet."""
        if sys.platform == "win32" or (self._write is not None and self._write.is_ours()):
            return
        try:
            self._read, self._write = map(Descriptor, os.pipe())
            os.set_blocking(self._write.fd, False)
            if _event_loop_wants_to_be_alone():
                return
            others = signal.set_wakeup_fd(self._write.fd, warn_on_full_buffer=False)
        except (OSError, ValueError):  # no descriptor can be had
            return
        if others >= 0:  # an event loop reads them, and so does not miss any
            signal.set_wakeup_fd(others)

    def start(self) -> None:
        """Start the thread, once. Not under gevent, where it would hold up all greenlets."""
        is_gevent = type(time.sleep) is not types.BuiltinFunctionType
        if self._read is None or self._thread is not None or is_gevent or sys.is_finalizing():
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
        if self._write is not None and (others := signal.set_wakeup_fd(-1)) != self._write.fd:
            signal.set_wakeup_fd(others)
        for end in (self._read, self._write):
            if end is not None:
                end.close()
        self._read = self._write = self._thread = None

    def postpone(self) -> bool:
        """Repeat SIGTERM in a moment, which has come at a bad one; return whether that is done."""
        thread, write = self._thread, self._write
        if (
            thread is None
            or not thread.is_alive()
            or write is None
            or not write.is_ours()
            or self._postponed >= _MOST_POSTPONED
        ):
            return False
        self._postponed += 1
        os.write(write.fd, bytes([signal.SIGTERM]))
        return True

    def was_repeated(self) -> bool:
        """Return whether a SIGTERM that comes now may be one that was repeated here."""
        return monotonic() - self._repeated_at < 10 * INTERVAL

    def _run(self) -> None:
        read = self._read
        if sys.platform == "win32" or read is None:
            return
        while read.is_ours() and (numbers := os.read(read.fd, 64)):
            while signal.SIGTERM in numbers:
                time.sleep(_POSTPONED if self._postponed else INTERVAL)
                main = threading.main_thread().ident
                if self._is_noticed() or main is None:
                    break
                self._repeated_at = monotonic()
                signal.pthread_kill(main, signal.SIGTERM)


def _event_loop_wants_to_be_alone() -> bool:
    """Return whether trio is used, which warns of everybody else who lets signals be written down.

    anyio may load it later; but hardly in a worker, which misses a signal the easiest.
    """
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    is_worker = multiprocessing is not None and multiprocessing.parent_process() is not None
    return "trio" in sys.modules or ("anyio" in sys.modules and not is_worker)
