"""Threads of the package take no signals: those are for the program's own."""

from __future__ import annotations

import signal
import threading

import pytest
from support.running import run

from structlog_mozdef.process.threads import start_without_signals


@pytest.mark.parametrize(
    ("part", "thread"),
    [
        ("sink", "structlog-mozdef-sender"),
        ("configure", "structlog-mozdef-signals"),
        ("collector", "structlog-mozdef-collector"),
    ],
)
def test_a_signal_that_the_program_blocks_waits(part, thread):
    """A program that blocks SIGTERM in its own threads gets it by ``sigwait``, and lives."""
    assert thread in run("blocks_sigterm", part, timeout=30).stdout


def mask_within():
    """The mask of a thread that was started without signals."""
    masks = []
    thread = threading.Thread(
        target=lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    )
    start_without_signals(thread)
    thread.join()
    return masks[0]


def test_faults_are_left():
    """The signals of a fault stay: faulthandler shows where it was."""
    faults = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
    assert (mask_within() & faults, signal.SIGTERM in mask_within()) == (set(), True)


def test_the_starter_keeps_its_signals():
    """The thread that starts another one has the mask that it had."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    mask_within()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_thread_that_cannot_start_leaves_the_signals():
    """Where no thread can be had, the mask of the calling thread is what it was."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    thread = threading.Thread()
    thread.start()
    with pytest.raises(RuntimeError):
        start_without_signals(thread)  # a second time
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
