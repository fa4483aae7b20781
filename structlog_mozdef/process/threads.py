"""Starting threads that take no signals, and knowing which ones keep a program from its end."""

from __future__ import annotations

import inspect
import signal
import sys
import threading

from structlog_mozdef._raised import pass_on

# Those of a fault in the thread itself: blocked, the system would end the process without a word,
# and faulthandler could not show where.
_FAULTS = {
    getattr(signal, name, None)
    for name in ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP")
}
_BLOCKED = signal.valid_signals() - _FAULTS  # here, since it makes an enum's member of each


def start_without_signals(thread: threading.Thread) -> None:
    """Start *thread* with all signals blocked in it.

    A program that blocks a signal in its own threads, to wait for it with ``sigwait`` or to be
    left alone by it, would otherwise get it, or be ended by it, through ours.

    Raises:
        RuntimeError: no thread can be started.
    """
    if sys.platform == "win32":  # it has no such signals
        thread.start()
        return
    # A thread inherits the mask of the one that starts it. Were they blocked by the new thread
    # itself, there would be a moment before. The mask is read first, so that it is restored even
    # if a signal handler raises as soon as the signals are blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        thread.start()
    except Exception as error:
        # Where a handler raises in `Thread.start`, that can end with a KeyError of its own.
        pass_on(error)
        raise
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        finally:
            # Once more: a handler, for a signal that came before, may have raised instead. A thread
            # that keeps all signals blocked cannot be ended any more, nor can its children.
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def main_thread_has_ended() -> bool:
    """Return whether all that the main thread still does is to wait for others."""
    # It counts as alive while it waits for the threads of executors.
    is_shutting_down = getattr(threading, "_SHUTTING_DOWN", False)
    return is_shutting_down or not threading.main_thread().is_alive()


def is_in_closed_loop() -> bool:
    """Return whether the calling thread belongs to the executor of a loop that is being closed.

    ``asyncio.run`` waits for the default executor of its loop when its coroutine has returned.
    """
    if not threading.current_thread().name.startswith("asyncio_"):
        return False
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "_worker" and "executor_reference" in frame.f_locals:
            executor = frame.f_locals["executor_reference"]()
            return executor is None or getattr(executor, "_shutdown", False)
        frame = frame.f_back
    return False
