"""What a sender waits for is reported within seconds, and not when an attempt has failed."""

from __future__ import annotations

import contextlib
import logging
import socket

import pytest
from support.brokers import Broker, Queue
from support.running import wait_for

from structlog_mozdef import Sink
from structlog_mozdef.transports.amqp import AMQPTransport

EVENT = b'{"summary": "a"}'
#: Much less than the timeouts of an attempt.
SOON = 8.0

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(scope="module")
def broker():
    with Broker() as broker:
        yield broker


@pytest.fixture
def black_hole():
    """A host and port that answer nobody."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(address)
        yield f"127.0.0.1:{address[1]}"


@contextlib.contextmanager
def waiting(url):
    """A sink with an event for a broker that never takes it."""
    sink = Sink(url, linger=0, exit_timeout=0)
    sink.put(EVENT)
    yield sink
    sink.close(0)
    sink.mark_reported()


def reported(sink, caplog, text):
    """Whether ``Stats.last_error`` and a warning both say *text* soon."""
    return wait_for(lambda: text in (sink.stats().last_error or ""), SOON) and wait_for(
        lambda: text in caplog.text, SOON
    )


def test_memory_alarm(broker, caplog):
    """An alarm of the broker is reported while the first attempt still waits for its end."""
    caplog.set_level(logging.WARNING)
    with Queue(broker), Sink(broker.url, linger=0) as sink:
        sink.put(EVENT)
        assert sink.flush(20)
        broker.control("set_vm_memory_high_watermark", "0.00001")
        try:
            sink.put(EVENT)
            assert reported(sink, caplog, "it blocks connections (memory or disk alarm)")
            assert sink.stats().failed_attempts == 0
        finally:
            broker.control("set_vm_memory_high_watermark", "absolute", "1GB")
        assert sink.flush(20)
        assert sink.stats().last_error is None


def test_black_hole(black_hole, caplog):
    """A host that does not answer is named while it is waited for."""
    caplog.set_level(logging.WARNING)
    with waiting(f"amqp://{black_hole}") as sink:
        assert reported(sink, caplog, f"no answer from {black_hole} yet")
        assert sink.stats().failed_attempts == 0


def test_black_hole_among_the_hosts(broker, black_hole, caplog):
    """It is named before the next host is tried, which then gets the event."""
    caplog.set_level(logging.WARNING)
    url = f"amqp://{black_hole},{broker.url.removeprefix('amqp://')}"
    transport = AMQPTransport(url, connect_timeout=4.0, chance=lambda: 0.0)
    with Queue(broker), Sink(transport, linger=0) as sink:
        sink.put(EVENT)
        assert reported(sink, caplog, f"no answer from {black_hole} yet")
        assert sink.stats().failed_attempts == 0
        assert sink.flush(20)
        assert (sink.stats().delivered, sink.stats().last_error) == (1, None)


def test_silent_host(caplog):
    """A host that accepts connections, and then says nothing, is named as well."""
    caplog.set_level(logging.WARNING)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        with waiting(f"amqp://{host}") as sink:
            assert reported(sink, caplog, f"no answer from {host} yet")


def test_host_that_is_passed_over(broker, caplog):
    """Where another host is used instead, a warning says which one cannot be, and why."""
    caplog.set_level(logging.WARNING)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{unused.getsockname()[1]}"
        url = broker.url.replace("@", f"@{dead},") if "@" in broker.url else None
        url = url or broker.url.replace("amqp://", f"amqp://{dead},")
        with Queue(broker):
            for _ in range(20):  # the first host is chosen at random
                with Sink(url, linger=0) as sink:
                    sink.put(EVENT)
                    assert sink.flush(20)
                if "another broker is used" in caplog.text:
                    break
    assert f"another broker is used ({dead}: " in caplog.text
