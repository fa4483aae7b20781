"""Threads of the package start without signals, and leave those of their starter alone."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest
from support.interruptions import Interruption

from structlog_mozdef.process.threads import start_without_signals


class Raised(BaseException):
    """As KeyboardInterrupt is."""


def act():
    raise Raised


# Where the handler raises in `Thread.start`, Python reports that the thread cannot begin.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_handler_that_raises_leaves_no_signal_blocked():
    """Wherever it strikes, the thread that was starting another one gets its signals as before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    number, happened, left_blocked = 0, True, []
    try:
        while happened:
            interruption = Interruption(number, act)
            thread = threading.Thread(target=int, daemon=True)
            with contextlib.suppress(Raised, RuntimeError), interruption:  # of a condition
                start_without_signals(thread)
            if signal.pthread_sigmask(signal.SIG_BLOCK, ()) != before:
                left_blocked.append(number)
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            happened = interruption.happened
            number += 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert number > 5
    assert left_blocked == []
