"""Syslog to the local socket, whose daemon may end, be replaced, or read nothing."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
import time

import pytest
from support.errors import error_of, kind_of
from support.running import wait_for
from support.syslog_servers import EVENT, OTHER, ConnectionReceiver, event_of, numbered

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.syslog import SyslogTransport
from structlog_mozdef.transports.syslog.local import LocalDatagramChannel, connect_local


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def transport(path):
    with contextlib.closing(
        SyslogTransport(f"syslog://{path}", max_message_bytes=100_000_000)
    ) as transport:
        yield transport


def daemon(path):
    """Bind a socket for datagrams to *path*, as a daemon does when it starts."""
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    receiver.settimeout(10)
    return receiver


@contextlib.contextmanager
def read_by(receiver, count):
    """Read *count* datagrams in a thread; yield the list that their events come to."""
    events: list[bytes] = []

    def read():
        events.extend(event_of(receiver.recv(65_536)) for _ in range(count))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield events
    thread.join(10)


def test_socket_is_replaced(path, transport):
    """A daemon that made a new socket gets what comes next, also while the old one is open."""
    with daemon(path) as old:
        with read_by(old, 1) as first:
            transport.send([EVENT])
        with daemon(path) as new, read_by(new, 1) as second:
            transport.send([OTHER])
    assert (first, second) == ([EVENT], [OTHER])


def test_socket_becomes_one_of_connections(path, transport):
    """Another daemon may listen for connections."""
    with daemon(path) as old, read_by(old, 1):
        transport.send([EVENT])
    path.unlink()
    with ConnectionReceiver(path) as receiver:
        transport.send([OTHER])
        assert wait_for(lambda: receiver.received[0].endswith(OTHER + b"\0"))


def test_daemon_is_away(path, transport):
    """Without a daemon events are kept, whether its socket is still there or not."""
    assert str(error_of(transport.send, [EVENT])).endswith("No such file or directory")
    daemon(path).close()
    error = error_of(transport.send, [EVENT])
    assert str(error).endswith("Connection refused")
    assert kind_of(error) == (TransportError, True, False)
    with daemon(path) as receiver, read_by(receiver, 1) as events:
        transport.send([EVENT])
    assert events == [EVENT]


@pytest.mark.parametrize("successor", [False, True])
def test_daemon_ends_before_it_reads(path, transport, successor):
    """What a daemon had not read when it ended is not counted as sent."""
    receiver = daemon(path)
    ended = threading.Event()

    def end():
        select.select([receiver], [], [], 10)  # something has arrived
        with daemon(path) if successor else contextlib.nullcontext():
            receiver.close()
            ended.wait(10)

    thread = threading.Thread(target=end)
    thread.start()
    error = error_of(transport.send, [EVENT, OTHER])
    ended.set()
    thread.join(10)
    assert error.ambiguous is True


def test_daemon_that_is_slow(path):
    """A daemon that reads nothing holds the sender until the timeout, and nothing counts."""
    with (
        daemon(path),
        contextlib.closing(SyslogTransport(f"syslog://{path}", write_timeout=0.2)) as transport,
    ):
        began = time.monotonic()
        error = error_of(transport.send, numbered(0, 500))  # the kernel holds a handful
        assert time.monotonic() - began < 5
        assert (str(error).endswith("timed out"), error.retryable) == (True, True)


def test_event_that_does_not_fit(path, transport):
    """An event that fits into no datagram is rejected with the reason."""
    with daemon(path) as receiver, read_by(receiver, 1):
        result = transport.send([b"{" + b" " * 20_000_000 + b"}", EVENT])
    assert list(result.rejected) == [0]
    assert "do not fit into a datagram of the local syslog" in result.rejected[0]


class SocketWithoutBuffer:
    """A socket whose kernel has no buffer for messages larger than *limit*."""

    def __init__(self, path, code, limit):
        self._sock = connect_local(str(path), socket.SOCK_DGRAM, 5.0)
        self._code, self._limit = code, limit

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def send(self, message):
        if len(message) > self._limit:
            raise OSError(self._code, "no buffer")
        return self._sock.send(message)


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE])
def test_event_for_which_there_is_no_buffer(path, code):
    """Where the send buffers are large, Linux fails so for 5 MB; it must not block the others."""
    with daemon(path) as receiver, read_by(receiver, 1) as events:
        channel = LocalDatagramChannel(
            str(path), lambda: SocketWithoutBuffer(path, code, 4_000_000), 5.0
        )
        result = channel.send([b"{" + b" " * 5_000_000 + b"}", OTHER])
        channel.close()
    assert (list(result.rejected), events) == ([0], [OTHER])


def test_memory_shortage_is_waited_out(path):
    """An event that usually fits is kept."""
    with daemon(path):
        channel = LocalDatagramChannel(
            str(path), lambda: SocketWithoutBuffer(path, errno.ENOBUFS, 10), 5.0
        )
        assert error_of(channel.send, [OTHER]).retryable is True
