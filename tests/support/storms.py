"""A storm of signals whose handler raises, as a time limit of Celery or pytest-timeout does."""

from __future__ import annotations

import gc
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

#: Marks a test with a storm: Python swallows what is raised in a finalizer, and pytest warns of it.
stormy = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Interrupted(BaseException):
    """What the handler raises."""


def storm(call: Callable[[], object], raises: int = 3000, longest: float = 2e-4) -> int:
    """Let a handler raise at any moment of *call*, again and again; return how often it did.

    Args:
        call: what to interrupt.
        raises: after how many it is over. It is also over after 30 s.
        longest: seconds from the start of *call* to the signal, at most.
    """
    raised, is_armed = 0, False

    def handle(signum: int, frame: object) -> None:
        nonlocal raised
        if is_armed:
            raised += 1
            raise Interrupted

    gc.disable()  # finalizers of other tests are not to run in here
    before = signal.signal(signal.SIGALRM, handle)
    end = time.monotonic() + 30
    try:
        while raised < raises and time.monotonic() < end:
            try:
                is_armed = True
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, longest))
                for _ in range(20):
                    call()
                is_armed = False
            except Interrupted:
                is_armed = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    return raised


def ends_elsewhere(call: Callable[[], object], timeout: float = 5) -> bool:
    """Whether *call* ends in another thread: it does not where this one keeps a lock."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(timeout)
    return not thread.is_alive()
