"""How a command ends that is asked to: by Ctrl-C, SIGTERM or SIGHUP.

The status is 128 and the number of the signal, as a shell would say: a process that handles its
signals can say it as process 1 of a container as well.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would change the ends of lines


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end.

    Attributes:
        status: the exit status that says so.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def raise_interrupted(number: int, _: types.FrameType | None = None) -> NoReturn:
    """Raise `Interrupted`: a handler of signals."""
    raise Interrupted(number)


@contextlib.contextmanager
def handling_signals(handler: Callable[[int, types.FrameType | None], Any]) -> Iterator[None]:
    """Handle all three signals by *handler*, except those that are ignored (by ``nohup``)."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in _SIGNALS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) not in {None, signal.SIG_IGN}:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class StopRequest:
    """Notes a signal, for a loop to end; a second signal raises `Interrupted`.

    Attributes:
        status: the exit status that the signal asks for; 0 where there was none.
    """

    def __init__(self) -> None:
        self.status = 0

    def handle(self, number: int, _: types.FrameType | None) -> None:
        """Ask for the end: a handler of signals."""
        if self.status:
            raise_interrupted(number)
        self.status = 128 + number


class StopReading(StopRequest):
    """Ends what is read when a signal comes, so that all that was read before is worked off.

    What still waits in a pipe was not read. A second signal raises `Interrupted`.

    Args:
        timeout: seconds after the first signal that `Interrupted` is raised as well.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout
        # Python writes to it for each signal: one that comes right before a wait ends that as well.
        self._woken, self._wake = os.pipe()
        self._wakeup_before = -1
        self._is_opening = False

    def __enter__(self) -> Self:
        if sys.platform != "win32":  # there, select knows sockets only
            for end in (self._woken, self._wake):
                os.set_blocking(end, False)
            if threading.current_thread() is threading.main_thread():
                self._wakeup_before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._woken)
        os.close(self._wake)

    def handle(self, number: int, _: types.FrameType | None) -> None:
        """End the input: a handler of signals."""
        if self._is_opening or sys.platform == "win32":
            raise_interrupted(number)
        super().handle(number, _)
        signal.signal(signal.SIGALRM, raise_interrupted)
        signal.setitimer(signal.ITIMER_REAL, max(self._timeout, 0.01))

    def done(self) -> None:
        """Let no timeout end what comes after."""
        if self.status and sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)

    def open(self, path: str) -> int:
        """Return a descriptor of *path*, or -1 where a signal came while a pipe has no writer."""
        try:
            self._is_opening = True
            if self.status:
                return -1
            return os.open(path, os.O_RDONLY | _BINARY)
        except Interrupted as error:
            self.status = error.status
            return -1
        finally:
            self._is_opening = False

    def read(self, fd: int, size: int) -> bytes:
        """Wait for *fd*, and return *size* bytes of it at the most; none at its end."""
        while not self.status:
            if self._is_ready(fd):
                return os.read(fd, size)
        return b""

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until a signal comes."""
        if not self.status:
            self._is_ready(None, seconds)

    def _is_ready(self, fd: int | None, seconds: float | None = None) -> bool:
        if sys.platform == "win32":
            time.sleep(seconds or 0.0)
            return True
        ready, _, _ = select.select([self._woken, *([] if fd is None else [fd])], [], [], seconds)
        if self._woken in ready:
            os.read(self._woken, 4096)
            return False
        return bool(ready)
