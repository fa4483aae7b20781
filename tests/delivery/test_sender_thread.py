"""The sender's thread survives what it meets, is replaced where not, and keeps up."""

from __future__ import annotations

import logging
import subprocess
import threading

import pytest
from support.running import finish, no_threads, run, start, wait_for
from support.transport_doubles import DyingTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.delivery.wakeup import SenderTimings
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(1), RecursionError(), OSError("x")])
def test_an_unexpected_error_loses_nothing(error):
    """What a transport raises, whatever it is, neither ends the delivery nor loses its batch."""
    transport = DyingTransport(error)
    with Sink(transport, linger=0.01) as sink:
        sink.put(b"1")
        assert wait_for(lambda: len(transport.events) == 1, timeout=10)


def test_a_thread_that_dies_is_replaced(monkeypatch):
    """Where the thread itself ends by an error, another one goes on with what waits."""
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    class Killing(MemoryTransport):
        calls = 0

        def send(self, events):
            self.calls += 1
            if self.calls == 1:
                raise KeyboardInterrupt
            return super().send(events)

    transport = Killing()
    with Sink(transport, linger=0.01) as sink:
        sink.put(b"1")
        assert wait_for(lambda: len(transport.events) == 1, timeout=10)


def test_a_thread_that_dies_while_its_starter_is_held_up(monkeypatch):
    """Where the thread is gone before its starter is through with it, that one starts another."""
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    really_start = threading.Thread.start

    def start_and_watch(thread):
        really_start(thread)
        if thread.name == "structlog-mozdef-sender":
            monkeypatch.setattr(threading.Thread, "start", really_start)
            thread.join(10)

    transport = DyingTransport(KeyboardInterrupt())
    sink = Sink(transport, linger=0.01)
    monkeypatch.setattr(threading.Thread, "start", start_and_watch)
    sink.put(b"1")
    assert wait_for(lambda: len(transport.events) == 1, timeout=5)
    sink.close()


def test_threads_can_be_had_again():
    """Events of a time in which no thread could be started are sent when one can be."""

    class EagerSink(Sink):
        timings = SenderTimings(restart_interval=0.0)

    transport = MemoryTransport()
    with EagerSink(transport, linger=0.01) as sink:
        with no_threads():
            sink.put(b"1")
        sink.put(b"2")
        assert wait_for(lambda: len(transport.events) == 2, timeout=10)


def test_threads_are_not_tried_with_every_event():
    """Where no thread can be had, the next second's log calls do not try again."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        with no_threads() as attempts:
            for _ in range(100):
                sink.put(b"1")
        assert len(attempts) == 1


def test_a_flush_without_threads():
    """Where no thread can be started a flush delivers by itself."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        with no_threads():
            sink.put(b"1")
            flushed = sink.flush(5)
        assert (flushed, len(transport.events)) == (True, 1)


def test_a_high_rate_does_not_starve_the_sender():
    """200,000 events in a tight loop, with default bounds and a real server: none is dropped."""
    server = start("receive", stdin=subprocess.PIPE)
    dropped = run("flood", server.stdout.readline().strip()).stdout
    received = finish(server).stdout
    assert (int(dropped), int(received)) == (0, 200_000 + 1)  # and the end of the stream


def test_an_idle_transport_is_called():
    """A transport can keep its connection alive while there is nothing to send, and only then."""
    idle_with = []

    class Idling(MemoryTransport):
        def idle(self):
            idle_with.append(len(self.events))

    with Sink(Idling(), linger=0.01) as sink:
        sink.put(b"1")
        assert wait_for(lambda: idle_with)
    assert set(idle_with) == {1}


def test_an_idle_transport_that_fails_loses_nothing():
    """What goes wrong while there is nothing to send does not end the delivery."""

    class Failing(MemoryTransport):
        def idle(self):
            raise OSError("gone")

    transport = Failing()
    with Sink(transport, linger=0.01) as sink:
        for number in range(2):
            sink.put(b"%d" % number)
            assert sink.flush(10)
    assert transport.events == [0, 1]


class Shipping(logging.Handler):
    """A handler of a program, which puts records into a sink that holds one."""

    def __init__(self):
        super().__init__()
        self.waits = threading.Event()
        self.sink = Sink(
            FailsOnce(self.waits), max_events=1, when_full="block", retry=RetryPolicy(0.01, 0.01)
        )

    def emit(self, record):
        if self.sink.stats().buffered:
            self.waits.set()
        self.sink.put(b"{}")


class FailsOnce(MemoryTransport):
    """Fails as soon as somebody waits, and never again."""

    def __init__(self, waits):
        super().__init__()
        self.waits = waits
        self.attempts = 0

    def send(self, events):
        self.attempts += 1
        if self.attempts == 1:
            assert self.waits.wait(20)
            raise TransportError("down")
        return super().send(events)


def test_a_log_handler_that_waits_for_room():
    """A handler keeps its lock while it waits; the sender, which warns meanwhile, goes on."""
    handler, logger = Shipping(), logging.getLogger()
    logger.addHandler(handler)
    try:
        program = threading.Thread(
            target=lambda: [logger.warning("%d", number) for number in range(3)], daemon=True
        )
        program.start()
        program.join(20)
        assert not program.is_alive()
    finally:
        logger.removeHandler(handler)
    assert handler.sink.close()
