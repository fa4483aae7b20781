"""A socket for py-amqp whose every wait ends by a deadline.

It has the methods of py-amqp's own transports. Those wait for a peer without an end as soon as
a connection is open, or count their time-outs anew with every piece of data; and they write
while they do not read, although a broker that has no room says so before it stops reading.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from typing import Any

from urllib3.util.wait import wait_for_socket

_HELLO = b"AMQP\x00\x00\x09\x01"
_END = 0xCE
_KINDS = (1, 2, 3, 8)
#: No broker sends more in one frame; larger sizes come from who does not speak AMQP.
_FRAME_LIMIT_BYTES = 1024 * 1024
_RECEIVE_BYTES = 65_536
_START = struct.Struct(">BHI")
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
#: So that middle boxes do not forget an idle connection, and dead peers are noticed.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}


class NotAMQP(Exception):  # noqa: N818 - says what happened
    """What the peer sends is not AMQP."""


class ConnectionEnded(ConnectionError):  # noqa: N818 - says what happened
    """The peer closed the connection."""


class BoundedSocket:
    """One connection to a broker.

    Attributes:
        deadline: of ``time.monotonic``; what waits longer fails with TimeoutError.
        connected: for py-amqp.
        last_sent, last_received: when bytes were, of ``time.monotonic``.

    Args:
        host, port: of the broker.
        tls: a client context, or None.
        deadline: until when the connection must be made.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, deadline: float) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self.deadline = deadline
        self.connected = False
        self.last_sent = self.last_received = time.monotonic()
        self._sock: socket.socket | None = None
        self._received = bytearray()
        self._unsent = bytearray()

    def connect(self) -> None:
        """Connect, with TLS where it is asked for, and greet."""
        sock = self._connected()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if self._tls is not None:
            self._sock = sock = self._tls.wrap_socket(
                sock, server_hostname=self._host, do_handshake_on_connect=False
            )
            sock.settimeout(self._left())
            sock.do_handshake()
        sock.setblocking(False)
        self.connected = True
        self.write(_HELLO)

    def _connected(self) -> socket.socket:
        places = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        failure: OSError | None = None
        for number, (family, kind, protocol, _, address) in enumerate(places):
            # Kept from the start, for who closes or forgets it meanwhile.
            self._sock = sock = socket.socket(family, kind, protocol)
            try:
                # A dead address must not use up the time of the others.
                sock.settimeout(self._left() / (len(places) - number))
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure or TimeoutError("timed out")

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    @property
    def unsent(self) -> int:
        """Bytes that are still to be written."""
        return len(self._unsent)

    def write(self, data: Any) -> None:
        """Take *data* to be written; what does not go at once is written during the next waits."""
        self._unsent += data
        self._send()

    def _send(self) -> None:
        sock = self._open_socket()
        try:
            while self._unsent:
                count = sock.send(self._unsent)
                del self._unsent[:count]
                self.last_sent = time.monotonic()
        except _WOULD_BLOCK:
            pass  # the next wait is for room as well
        except ConnectionError:
            # The broker may have said why: reading will tell, or fail in its turn.
            self._unsent.clear()

    def wait(self, until: float) -> None:
        """Write what is to be written and wait for something to read, until then at most."""
        self._send()
        left = min(until, self.deadline) - time.monotonic()
        if left > 0 and not self.fetch():
            wait_for_socket(self._open_socket(), read=True, write=bool(self._unsent), timeout=left)

    def fetch(self) -> bool:
        """Take in what has come, without waiting; whether a whole frame is there."""
        while not self._has_frame():
            try:
                data = self._open_socket().recv(_RECEIVE_BYTES)
            except _WOULD_BLOCK:
                return False
            if not data:
                raise ConnectionEnded("the broker closed the connection")
            self.last_received = time.monotonic()
            self._received += data
        return True

    def _has_frame(self) -> bool:
        received = self._received
        if received and received[0] not in _KINDS:
            raise NotAMQP
        if len(received) < _START.size:
            return False
        size: int = _START.unpack_from(received)[2]
        if size > _FRAME_LIMIT_BYTES:
            raise NotAMQP
        return len(received) > _START.size + size

    def read_frame(self) -> tuple[int, int, bytes]:
        """The next frame: its type, channel and payload."""
        while not self.fetch():
            self._left()
            self.wait(self.deadline)
        kind, channel, size = _START.unpack_from(self._received)
        end = _START.size + size
        payload = bytes(self._received[_START.size : end])
        if self._received[end] != _END:
            raise NotAMQP
        del self._received[: end + 1]
        return kind, channel, payload

    @contextlib.contextmanager
    def having_timeout(self, timeout: float | None) -> Iterator[None]:
        """For py-amqp: the deadline counts."""
        yield

    def close(self) -> None:
        """Close the connection."""
        self.connected = False
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def abort(self) -> None:
        """Close the connection so that what was not written yet is not written any more."""
        if self._sock is not None:
            with contextlib.suppress(OSError):  # it is closed in any case
                linger = struct.pack("ii", 1, 0)
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close_after_fork(self) -> None:
        """Close the descriptor of this process: the connection is another's and goes on."""
        self.connected = False
        if self._sock is not None:
            os.close(self._sock.detach())
            self._sock = None

    def _open_socket(self) -> socket.socket:
        if self._sock is None:
            raise ConnectionEnded("the connection is closed")
        return self._sock
