"""Syslog over UDP: events that the host rejects are kept, all others count as sent."""

from __future__ import annotations

import json
import socket

import pytest
from support.errors import error_of
from support.receivers import unused_port
from support.running import wait_for
from support.syslog_servers import EVENT, OTHER, QUICK, Rsyslog, event_of, numbered

from structlog_mozdef import Sink
from structlog_mozdef.transports.syslog.channel import Timings
from structlog_mozdef.transports.syslog.datagrams import UDPChannel


@pytest.fixture
def rsyslog():
    with Rsyslog() as server:
        yield server


@pytest.fixture
def receiver():
    """A receiver of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        yield receiver


class Sockets(list):
    """Every socket that was opened to *address*, as a channel's ``connect``."""

    def __init__(self, address):
        super().__init__()
        self.address = address

    def __call__(self):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self.address)
        self.append(sock)
        return sock


@pytest.fixture
def sockets(receiver):
    sockets = Sockets(receiver.getsockname())
    yield sockets
    for sock in sockets:
        sock.close()


@pytest.mark.rsyslog
def test_counts_as_sent(rsyslog):
    """What goes over UDP is counted as sent, and nothing as delivered."""
    with Sink(rsyslog.url("udp")) as sink:
        for event in numbered(0, 50):
            sink.put(event)
        assert sink.flush(10)
        stats = sink.stats()
    assert (stats.sent, stats.delivered, stats.buffered) == (50, 0, 0)
    assert sorted(rsyslog.events(50)) == numbered(0, 50)


@pytest.mark.rsyslog
def test_too_large_is_a_dead_letter(rsyslog):
    """An event that fits into no datagram is kept as a dead letter, and never cut."""
    large = json.dumps({"summary": "x" * 70_000}).encode()
    with Sink(rsyslog.url("udp"), max_message_bytes=100_000) as sink:
        sink.put(large)
        sink.put(EVENT)
        assert sink.flush(10)
        assert [letter.event for letter in sink.dead_letters()] == [large]
        assert sink.stats().sent == 1
    assert rsyslog.events(1) == [EVENT]


def test_waits_for_a_receiver():
    """While the host says that there is no receiver, events are kept."""
    port = unused_port()
    sink = Sink(f"syslog+udp://127.0.0.1:{port}", retry=QUICK, linger=0.01)
    for event in numbered(0, 20):
        sink.put(event)
    assert wait_for(lambda: sink.stats().failed_attempts > 2)
    assert (sink.stats().sent, sink.stats().buffered) == (0, 20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(10)
        arrived = {event_of(receiver.recv(65_536)) for _ in range(20)}
    assert arrived == set(numbered(0, 20))
    assert sink.close(10)


def test_rejection_repeats_the_batch(receiver, sockets):
    """A rejection says that a datagram was lost, not which one: the complete batch is kept."""
    channel = UDPChannel(sockets, 10.0)
    channel.send([EVENT])
    receiver.close()
    error = error_of(channel.send, [EVENT, OTHER])
    assert (str(error), error.retryable) == (
        "the receiver cannot be reached: Connection refused",
        True,
    )


def test_rejection_of_one_event(receiver, sockets):
    """A rejection that comes with the last datagram of a batch is seen with that batch."""
    channel = UDPChannel(sockets, 10.0)
    channel.send([EVENT])
    receiver.close()
    error_of(channel.send, [EVENT])


@pytest.mark.parametrize("age", [60.0, 0.0])
def test_late_rejection(receiver, sockets, age):
    """A rejection that came after the last batch is an error of the next one, before it is sent."""
    channel = UDPChannel(sockets, 10.0, Timings(address_age=age))
    channel.send([EVENT])
    receiver.close()
    sockets[-1].send(b"x")  # is rejected at once, and the channel has not looked yet
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(sockets.address)
        back.settimeout(10)
        error_of(channel.send, [OTHER])
        channel.send([OTHER])
        assert back.recv(65_536) == OTHER


def test_address_is_looked_up_again(sockets):
    """A name that has another address by now is noticed after a minute."""
    now = [0.0]
    channel = UDPChannel(sockets, 10.0, clock=lambda: now[0])
    for now[0], lookups in ((0.0, 1), (59.0, 1), (61.0, 2), (119.0, 2), (122.0, 3)):
        channel.send([EVENT])
        assert len(sockets) == lookups
