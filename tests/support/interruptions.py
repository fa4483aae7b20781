"""Doing something at each point of a call where a signal handler, or another thread, can act."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import Self


class Interruption:
    """Call *act* once, at the *number*-th point where a signal handler can run (context manager).

    The interpreter looks for signals where a function begins, behind each call, and when a call of
    the operating system was interrupted before it did anything.

    Entering the lock of a ``with`` is no such point: a profiler of Python 3.14 and later sees a
    call, but only 3.14 itself has the fault of running handlers after it. An exception there leaves
    the lock held, those of `threading` included: no thread could be started afterwards.

    Nor is a collection of garbage: it comes at any moment, and no exception leaves its callbacks
    (Hypothesis has one), so there is none meanwhile.

    Attributes:
        happened: whether there were that many points.
    """

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.left, self.act = number, act
        self.happened = False

    def profile(self, frame, event, argument) -> None:
        is_system_call = getattr(argument, "__module__", "") == "posix"
        if event not in ("call", "c_return") and not (event == "c_call" and is_system_call):
            return
        if frame.f_code is Interruption.__exit__.__code__:
            return
        if event == "c_return" and argument.__name__ == "__enter__":
            return
        self.left -= 1
        if self.left < 0 and not self.happened:
            self.happened = True
            sys.setprofile(None)
            self.act()

    def __enter__(self) -> Self:
        # Python 3.11 still calls a profiler that has just been freed by unsetting it.
        self._profiler = self.profile
        self._collected = gc.isenabled()
        gc.disable()
        sys.setprofile(self._profiler)
        return self

    def __exit__(self, *exc_info: object) -> None:
        sys.setprofile(None)
        if self._collected:
            gc.enable()


class Meanwhile:
    """Let another thread call *function* when this is called; go on where it has to wait for us."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        self._thread = threading.Thread(target=self._function)
        self._thread.start()
        self._thread.join(0.02)  # longer than it takes, unless it waits for a lock of ours

    def finish(self) -> None:
        """Wait for the end of *function*, if it was called."""
        if self._thread is not None:
            self._thread.join(10)
            assert not self._thread.is_alive()


def calls_in(function: Callable[[], object]) -> int:
    """How many functions *function* calls, those of C included."""
    count = 0

    def profile(frame, event, argument) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count
