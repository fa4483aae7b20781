"""SIGTERM: events are sent before the process ends as it would have ended without us.

The signal is handled only where the program leaves it to the operating system. Code that sets a
handler later replaces this one; a program that calls the handler it found, or restores it and
raises the signal again as uvicorn does, comes back here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, Self

from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.missed_signals import MissedSignals


class EndNow(BaseException):
    """Nobody wants to wait any more: raised by the handlers of `Impatience`."""


class Impatience:
    """A context, of the end of a process, in which Ctrl-C and a second SIGTERM raise `EndNow`.

    A first SIGTERM is only noted: a `multiprocessing.Pool` or gunicorn terminates workers that are
    ending. (It is the first one as far as we know: a program's own handler may have had another.)
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._is_terminated = _is_ending
        self._is_raised = False
        self._came: set[int] = set()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                # None: it was not set by Python, and could not be restored.
                if handler not in (None, signal.SIG_IGN):
                    self._before[number] = handler
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: types.FrameType | None) -> None:
        if number == signal.SIGTERM and _is_ending and _missed.was_repeated():
            return
        self._came.add(number)
        if number == signal.SIGTERM and not self._is_terminated:
            self._is_terminated = True
        elif not self._is_raised:
            self._is_raised = True
            raise EndNow

    def _leaves_sigterm_to_us(self) -> bool:
        before = self._before.get(signal.SIGTERM)
        return before is signal.SIG_DFL or before is _end

    @property
    def ends_process(self) -> bool:
        """Whether SIGTERM came, and is to end the process."""
        return signal.SIGTERM in self._came and self._leaves_sigterm_to_us()


_close_all: Callable[[], object] | None = None
_is_interrupted: Callable[[], bool] = bool
_is_ending = False


def handle_sigterm(close_all: Callable[[], object], is_interrupted: Callable[[], bool]) -> None:
    """Call *close_all* when SIGTERM comes, and let the process end by the signal then.

    Outside of the main thread, and where the program has a handler, nothing is changed.

    Args:
        close_all: what to call.
        is_interrupted: whether it could do nothing at this moment, since the code that the signal
            has interrupted is in the middle of something. It goes on, and the signal comes again.
    """
    global _close_all, _is_interrupted
    _close_all, _is_interrupted = close_all, is_interrupted
    _install()
    watch_uvicorn()


def _install() -> None:
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _end)
        _missed.prepare()


class _Inherited:
    """In a forked child the default is right, which misses nothing, until there is an event."""

    def __init__(self) -> None:
        self.is_ours = False
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        if signal.getsignal(signal.SIGTERM) is _end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.is_ours = True


_inherited = _Inherited()
_missed = MissedSignals(lambda: _is_ending or signal.getsignal(signal.SIGTERM) is not _end)


def prepare_for_events() -> None:
    """Make sure of the signal when there are events; call it when the sender's thread starts."""
    if _inherited.is_ours:
        _inherited.is_ours = False
        _install()
    watch_uvicorn()
    _missed.start()


def _end(_: int, __: types.FrameType | None) -> None:
    """Close everything, and end by SIGTERM: the handler that is installed."""
    gevent: Any = sys.modules.get("gevent")
    # (`get_hub` would make one, in the middle of its being made perhaps.)
    if gevent is not None and isinstance(gevent.getcurrent(), gevent.hub.Hub):
        # Its hub runs all greenlets, and must not wait itself.
        gevent.spawn(_end_process)
        return
    # (Not where a handler of the program has called this one: it would go on meanwhile.)
    is_ours = signal.getsignal(signal.SIGTERM) is _end
    if not (is_ours and _is_interrupted() and _missed.postpone()):
        _end_process()


def _end_process() -> None:
    global _is_ending  # noqa: PLW0603 - once in the life of a process
    _is_ending = True
    try:
        if _close_all is not None:
            _close_all()
    finally:
        raise_by_default(signal.SIGTERM)


def raise_by_default(number: int) -> None:
    """End this process by signal *number*, as its default action does."""
    signal.signal(number, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.raise_signal(number)
    # Process 1 of a container: the kernel does not end it by a default action.
    os._exit(128 + number)


class _Captured(list[int]):
    """The signals that uvicorn has captured, to be raised again after its shutdown.

    Right before it raises them it has restored the handlers from before, and asks for the signals
    in reverse.
    """

    def __reversed__(self) -> Iterator[int]:
        _install()
        return super().__reversed__()


class _CapturedSignals:
    """The attribute in which servers of uvicorn keep them, on the class: of all that there will be.

    uvicorn imports applications while its own handlers are in place; its worker for gunicorn resets
    all handlers, and may have logged before.
    """

    def __get__(self, server: Any, _: type | None = None) -> Any:
        if server is None:
            return self
        captured = vars(server).get(_CAPTURED, ())
        if type(captured) is not _Captured:
            captured = vars(server)[_CAPTURED] = _Captured(captured)
        return captured

    def __set__(self, server: Any, captured: list[int]) -> None:
        vars(server)[_CAPTURED] = _Captured(captured)


_CAPTURED = "_captured_signals"


def watch_uvicorn() -> None:
    """Handle the SIGTERM that uvicorn raises again, if `handle_sigterm` was called."""
    uvicorn: Any = sys.modules.get("uvicorn.server")
    server_type: Any = getattr(uvicorn, "Server", None)
    if _close_all is None or server_type is None or _CAPTURED in vars(server_type):
        return
    setattr(server_type, _CAPTURED, _CapturedSignals())  # it has no public way
