"""A log call can interrupt any other call of the sink: from a signal handler, or a finalizer."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from support.receivers import Receiver
from support.running import run, start, wait_for

from structlog_mozdef.buffers.base import BUFFER_FULL, FULL
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
@pytest.mark.slow
def test_a_storm_of_signals(when_full):
    """Handlers and finalizers that interrupt put, flush and close: no deadlock, nothing lost."""
    with Receiver() as receiver:
        stdout = run("signal_storm", receiver.url, when_full, timeout=40).stdout
        counts = {name: int(count) for name, count in (w.split("=") for w in stdout.split())}
        expected = {f"{name} {number}" for name in counts for number in range(counts[name])}
        assert (counts["handler"] > 100, set(receiver.summaries())) == (True, expected)


def test_block_does_not_wait_inside_of_an_interrupted_call():
    """With block a log call that interrupts `counts` does not wait: nobody could make room."""
    returned = []

    def interrupted_clock():
        if buffer is not None:
            returned.append(buffer.append(b"2"))
        return 0.0

    buffer = None
    filled = MemoryBuffer(1, 1000, "block", clock=interrupted_clock)
    filled.append(b"1")
    buffer = filled
    buffer.counts()
    assert (returned != [FULL], buffer.dropped()) == (True, {BUFFER_FULL: 1})


def test_block_does_not_wait_while_its_own_thread_starts_the_sender(monkeypatch):
    """With block a log call that interrupts the start of the sender does not wait for it."""
    really_start = threading.Thread.start

    def start_interrupted(thread):
        if thread.name == "structlog-mozdef-sender":  # a warning may start another one
            sink.put(b"2")
        really_start(thread)

    sink = Sink(MemoryTransport(), max_events=1, when_full="block")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_interrupted)
        sink.put(b"1")
    sink.close()
    assert sink.stats().dropped == 1


@pytest.mark.parametrize("has_spool", [False, True])
def test_flush_and_close_do_not_wait_inside_of_an_interrupted_call(tmp_path, has_spool):
    """In a handler that interrupts a change of the buffer they return at once: nobody could act."""
    returned = []

    def handle(*_):
        if not returned and sink.is_interrupted():  # a signal more may be on its way
            signal.setitimer(signal.ITIMER_REAL, 0)
            began = time.monotonic()
            returned.extend([sink.flush(5), sink.close(5), time.monotonic() - began < 4])

    options = {"spool": tmp_path / "spool"} if has_spool else {}
    sink = Sink(MemoryTransport(), linger=60, max_events=10, when_full="drop_oldest", **options)
    sink.put(b"{}")  # or there would be nothing to wait for
    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while not returned:
        sink.put(b"{}")
    signal.signal(signal.SIGALRM, before)
    assert (returned, sink.close()) == ([False, False, True], True)


def test_flush_and_close_do_not_wait_while_their_own_thread_starts_the_sender(monkeypatch):
    """In a handler that interrupts the start of the sender they return at once as well."""
    returned = []
    really_start = threading.Thread.start

    def start_interrupted(thread):
        began = time.monotonic()
        returned.extend([sink.flush(3), sink.close(3), time.monotonic() - began < 2])
        really_start(thread)

    sink = Sink(MemoryTransport())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_interrupted)
        sink.put(b"{}")
    assert (returned, sink.close()) == ([False, False, True], True)


def test_signals_are_left_to_the_program():
    """The package handles no signal: SIGTERM ends a program that does not handle it."""
    with Receiver() as receiver:
        process = start("sleeper", receiver.url)
        wait_for(receiver.summaries)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
def test_handlers_that_raise(when_full, spool, tmp_path):
    """Handlers that raise anywhere in put, flush, stats and close keep no lock from any thread."""
    environment = {"SPOOL": str(tmp_path / "spool")} if spool else {}
    with Receiver() as receiver:
        out = run("raising_signals", receiver.url, when_full, env=environment, timeout=100).stdout
        values = {name: float(value) for name, value in (word.split("=") for word in out.split())}
        assert values["raised"] > 1000
        assert (values["stuck"], values["flushed"], values["closed"], values["sum"]) == (0, 1, 1, 1)
        assert values["slowest"] < 10
        assert "last" in receiver.summaries()
