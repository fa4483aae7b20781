"""How a command ends that is asked to: by Ctrl-C, SIGTERM or SIGHUP, or by whoever reads from it.

The status is 128 and the number of the signal, as a shell would say: a process that handles its
signals can say it as process 1 of a container as well.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NoReturn, cast

_SIGPIPE = 13  # Windows has none
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


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


def end_output() -> int:
    """Let nothing be written any more: nobody reads it. Return the exit status that says so."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())  # what it still holds is written at exit
    os.close(nowhere)
    return 128 + _SIGPIPE


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


class Input:
    """Standard input that ends when a signal comes; a second signal raises `Interrupted`.

    So all that was read is worked off. What still waits in a pipe was not read.

    Args:
        timeout: seconds after the first signal that `Interrupted` is raised as well.

    Attributes:
        stream: to read from.
        status: the exit status that the signal asks for; 0 where there was none.
    """

    def __init__(self, timeout: float) -> None:
        self.status = 0
        self._timeout = timeout
        is_windows = sys.platform == "win32"  # there, select knows sockets only
        self._raw = None if is_windows else _EndableInput(sys.stdin.fileno())
        self.stream: BinaryIO = sys.stdin.buffer
        if self._raw is not None:
            self.stream = cast("BinaryIO", io.BufferedReader(self._raw))

    def handle(self, number: int, _: types.FrameType | None) -> None:
        """End the input: a handler of signals."""
        if self.status or self._raw is None:
            raise_interrupted(number)
        self.status = 128 + number
        self._raw.is_ended = True
        if sys.platform != "win32":
            signal.signal(signal.SIGALRM, raise_interrupted)
            signal.setitimer(signal.ITIMER_REAL, max(self._timeout, 0.01))

    def done(self) -> None:
        """Let no timeout end what comes after."""
        if self.status and sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)


class _EndableInput(io.RawIOBase):
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.is_ended = False
        # Python writes to it for each signal: one that comes right before a wait ends that as well.
        self._woken, self._wake = os.pipe()
        if sys.platform != "win32":
            for end in (self._woken, self._wake):
                os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.is_ended:
            ready, _, _ = select.select([self._fd, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
            else:
                data = os.read(self._fd, len(buffer))
                buffer[: len(data)] = data
                return len(data)
        return 0
