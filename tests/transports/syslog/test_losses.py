"""What syslog loses over a connection when a receiver ends, and what it does not.

The documentation says the same.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from support.errors import error_of, kind_of
from support.running import wait_for
from support.syslog_servers import (
    EVENT,
    OTHER,
    QUICK,
    ConnectionReceiver,
    Rsyslog,
    event_of,
    frames,
    keep_open,
    numbered,
    reset,
)

from structlog_mozdef import Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.syslog import SyslogTransport
from structlog_mozdef.transports.syslog.channel import Timings
from structlog_mozdef.transports.syslog.connection import TAIL_BYTES, ConnectionChannel
from structlog_mozdef.transports.syslog.framing import octet_counted


@pytest.fixture
def rsyslog():
    with Rsyslog() as server:
        yield server


def transport_to(receiver, **options):
    url = f"syslog+tcp://127.0.0.1:{receiver.port}"
    return contextlib.closing(SyslogTransport(url, **options))


def channel_to(*receivers, warn=print, timings=Timings()):  # noqa: B008 - it is frozen
    """Return a channel whose connections lead to one receiver after the other."""
    ports = iter([receiver.port for receiver in receivers])
    return ConnectionChannel(
        lambda: socket.create_connection(("127.0.0.1", next(ports))),
        octet_counted,
        30.0,
        warn,
        timings,
    )


@pytest.mark.rsyslog
def test_unread_events_are_repeated(rsyslog):
    """What a receiver had not read when it was killed is sent again to the next one."""
    with contextlib.closing(SyslogTransport(rsyslog.url("tcp"))) as transport:
        transport.send([EVENT])
        assert rsyslog.events(1) == [EVENT]
        rsyslog.pause()
        transport.send(numbered(0, 100))
        rsyslog.kill()
        rsyslog.start()
        transport.send(numbered(100, 101))
        assert rsyslog.events(103)[1:] == [EVENT, *numbered(0, 101)]


@pytest.mark.rsyslog
def test_closing_repeats_what_was_not_read(rsyslog):
    """A receiver that was killed before the end gets what it had not read from the last batches."""
    transport = SyslogTransport(rsyslog.url("tcp"))
    transport.send([EVENT])
    assert rsyslog.events(1) == [EVENT]
    rsyslog.pause()
    transport.send([OTHER])
    rsyslog.kill()
    rsyslog.start()
    transport.close()
    assert rsyslog.events(3)[1:] == [EVENT, OTHER]


def test_nothing_is_repeated_after_an_orderly_end():
    """A receiver that closes has read everything: the next connection begins with what is new."""
    with ConnectionReceiver() as receiver:
        with transport_to(receiver) as transport:
            transport.send([EVENT])
            assert wait_for(lambda: receiver.received and receiver.received[0])
            receiver.connections[0].shutdown(socket.SHUT_WR)
            transport.send([OTHER])
            assert wait_for(lambda: len(receiver.received) == 2 and receiver.received[1])
        assert [event_of(frame) for frame in frames(receiver.received[1])] == [OTHER]


class ResettingReceiver(ConnectionReceiver):
    """Reads *size* bytes of a connection, and resets it when `reset` is called."""

    def __init__(self, size):
        super().__init__(serve=self._read_and_reset)
        self._size = size
        self._go, self._over = threading.Event(), threading.Event()

    def _read_and_reset(self, connection):
        while self._size:
            self._size -= len(connection.recv(min(self._size, 1_000_000)))
        self._go.wait(20)
        reset(connection)
        self._over.set()

    def reset(self):
        self._go.set()
        assert self._over.wait(20)


def repeated_after_reset(batches):
    """Return what is sent on the next connection after *batches* on one that is reset then."""
    size = sum(len(octet_counted(message)) for batch in batches for message in batch)
    with ResettingReceiver(size) as first, ConnectionReceiver() as second:
        channel = channel_to(first, second)
        for batch in batches:
            channel.send(batch)
        first.reset()
        channel.send([OTHER])
        channel.close()
        return frames(second.received[0])


def test_the_tail_is_bounded():
    """No more is kept for a repeat than the documentation says."""
    batches = [numbered(part * 1000, part * 1000 + 1000) for part in range(8)]
    repeated = repeated_after_reset(batches)
    assert repeated == [*batches[6], *batches[7], OTHER]
    assert sum(map(len, repeated)) <= TAIL_BYTES


def test_the_last_batch_is_repeated_in_any_case():
    """The last batch is kept also where it is larger than that."""
    batch = [b"x" * 100_000] * 11
    assert sum(map(len, batch)) > TAIL_BYTES
    assert repeated_after_reset([[EVENT], batch]) == [*batch, OTHER]


@pytest.mark.parametrize("is_back", [True, False])
def test_closing_repeats_what_is_left_of_a_lost_connection(caplog, is_back):
    """Events that were lost are repeated also after attempts in between that failed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        transport = SyslogTransport(f"syslog+tcp://127.0.0.1:{address[1]}")
        transport.send([EVENT])
        reset(listener.accept()[0])
    with pytest.raises(TransportError, match="no connection"):
        transport.send([OTHER])
    if not is_back:
        transport.close()
        assert "the receiver did not read everything" in caplog.text
        return
    with socket.create_server(address) as listener:
        listener.settimeout(10)
        closing = threading.Thread(target=transport.close)
        closing.start()
        with listener.accept()[0] as connection:
            received = b""
            while data := connection.recv(65_536):
                received += data
        closing.join()
    assert [event_of(frame) for frame in frames(received)] == [EVENT]
    assert not caplog.text


def test_closing_waits_for_a_receiver_that_does_not_read():
    """Where the receiver does not read everything, closing ends in time, with a warning."""
    warnings = []
    with ConnectionReceiver(serve=keep_open) as receiver:
        timings = Timings(closing=0.5)
        channel = channel_to(receiver, receiver, warn=warnings.append, timings=timings)
        channel.send([EVENT])
        began = time.monotonic()
        channel.close()
        assert 0.4 < time.monotonic() - began < 10
    (warning,) = warnings
    assert warning == (
        "the receiver did not read everything before the connection ended, events may be lost:"
        " timed out"
    )


def test_closing_waits_for_the_receiver(caplog):
    """Closing ends when the receiver has read everything."""
    with ConnectionReceiver() as receiver:
        with transport_to(receiver) as transport:
            transport.send([EVENT])
        assert receiver.received[0].endswith(EVENT)
    assert caplog.text == ""


def test_a_receiver_that_does_not_read():
    """A batch that is not read within the timeout is perhaps delivered, and is kept."""
    with (
        ConnectionReceiver(serve=keep_open) as receiver,
        transport_to(receiver, write_timeout=0.3, max_message_bytes=200_000) as transport,
    ):
        began = time.monotonic()
        error = error_of(transport.send, [b"x" * 100_000] * 500)
        assert str(error) == "the connection failed: timed out"
        assert kind_of(error) == (TransportError, True, True)
        assert time.monotonic() - began < 20


def test_a_receiver_that_talks():
    """What a receiver says means nothing, and does not stop the delivery."""
    with ConnectionReceiver() as receiver:
        with transport_to(receiver) as transport:
            transport.send([EVENT])
            assert wait_for(lambda: receiver.connections)
            receiver.connections[0].sendall(b"hello\n" * 1000)
            transport.send([OTHER])
        assert len(frames(receiver.received[0])) == 2


def test_late_rejections_are_awaited():
    """Where connections are closed after their first batch, that is watched for longer."""
    with ConnectionReceiver() as receiver:
        channel = channel_to(*[receiver] * 4)
        for number, trial in enumerate([0.2, 0.4, 0.8]):
            channel.send([EVENT])
            assert channel.trial == trial
            assert wait_for(lambda number=number: len(receiver.connections) == number + 1)
            receiver.connections[number].shutdown(socket.SHUT_RDWR)
            assert wait_for(lambda number=number: len(receiver.ends) == number + 1)
        channel.send([EVENT])
        channel.send([EVENT])
        assert channel.trial == 0.2
        channel.close()


@pytest.mark.slow
@pytest.mark.rsyslog
def test_killed_under_load(rsyslog):
    """A receiver is killed again and again: nothing is torn, and only what it had read is lost."""
    sink = Sink(rsyslog.url("tcp"), retry=QUICK, linger=0.02)
    count, kills = 0, 3
    for _ in range(kills):
        for event in numbered(count, count + 3000):
            sink.put(event)
        count += 3000
        before = len(rsyslog.messages())
        wait_for(lambda before=before: len(rsyslog.messages()) > before + 100, 10)
        rsyslog.kill()
        rsyslog.start()
    seen = set(rsyslog.events())
    for event in numbered(count, count + 500):
        sink.put(event)
    assert sink.close(30)
    stats = sink.stats()
    assert (stats.sent, stats.delivered, stats.buffered) == (count + 500, 0, 0)
    sent = set(numbered(0, count + 500))
    last = set(numbered(count, count + 500))
    assert wait_for(lambda: last <= set(rsyslog.events()))
    arrived = set(rsyslog.events())
    # rsyslog's own file may have a torn line where it was killed.
    assert len(arrived - sent) <= kills
    assert arrived >= seen


@pytest.mark.rsyslog
def test_restarted_in_order(rsyslog):
    """A receiver that is restarted as an administrator does loses nothing."""
    sink = Sink(rsyslog.url("tcp"), retry=QUICK, linger=0.02)
    for part in range(3):
        for event in numbered(part * 1000, part * 1000 + 1000):
            sink.put(event)
        assert sink.flush(10)
        rsyslog.stop()
        rsyslog.start()
    assert sink.close(30)
    assert set(rsyslog.events(3000)) >= set(numbered(0, 3000))


@pytest.mark.rsyslog
@pytest.mark.parametrize("size", [210_000, 5_000_000])
def test_event_larger_than_a_frame_of_rsyslog(rsyslog, size):
    """Behind it rsyslog would lose everything on this connection: it is a dead letter."""
    large = b'{"x": "' + b"x" * size + b'"}'
    url, limit = rsyslog.url("tcp"), 10_000_000
    with contextlib.closing(SyslogTransport(url, max_message_bytes=limit)) as transport:
        assert list(transport.send([EVENT, large, OTHER]).rejected) == [1]
        assert list(transport.send([large]).rejected) == [0]
        assert not transport.send([EVENT]).rejected
        assert rsyslog.events(3) == [EVENT, OTHER, EVENT]
