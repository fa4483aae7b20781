"""A socket for py-amqp whose every wait ends by a deadline.

It has the methods of py-amqp's own transports. Those wait for a peer without an end as soon as
a connection is open, or count their timeouts from the start with every piece of data; and they
write while they do not read, although a broker that has no memory or disk left says so before it
stops reading.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.transports.errors import PeerClosedError
from structlog_mozdef.transports.sockets import (
    WOULD_BLOCK,
    connect_tcp,
    start_tls,
    time_left,
    wait_until_ready,
)

_HELLO = b"AMQP\x00\x00\x09\x01"
_END = 0xCE
_KINDS = (1, 2, 3, 8)
#: No broker sends more in one frame; larger sizes come from servers that do not speak AMQP.
_FRAME_LIMIT_BYTES = 1024 * 1024
_RECEIVE_BYTES = 65_536
_START = struct.Struct(">BHI")


class NotAMQP(Exception):  # noqa: N818 - says what happened
    """What the peer sends is not AMQP."""


class BoundedSocket:
    """One connection to a broker.

    Attributes:
        deadline: a wait that is longer fails with TimeoutError.
        late: from when on a wait is reported; None where it was.
        connected: for py-amqp.
        last_sent: when bytes were sent, in seconds of *clock*.
        last_received: when bytes were received, in seconds of *clock*.

    Args:
        host: name or address of the broker.
        port: of the broker.
        tls: makes a client context, or None for a plain connection.
        clock: returns seconds, monotonic.
        on_late: called where what *late* bounds is not over by then.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: Callable[[], ssl.SSLContext | None],
        clock: Callable[[], float],
        on_late: Callable[[], object] = lambda: None,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._clock = clock
        self._on_late = on_late
        self.deadline = Deadline.after(0.0, clock)
        self.late: Deadline | None = None
        self.connected = False
        self.last_sent = self.last_received = clock()
        self._sock: socket.socket | None = None
        self._received = bytearray()
        self._unsent = bytearray()

    def connect(self) -> None:
        """Connect, with TLS if asked for, and greet."""
        context = self._tls()
        # Each socket is kept from the start, for `close` and `close_after_fork` meanwhile.
        sock = connect_tcp(
            self._host,
            self._port,
            self.deadline,
            on_socket=self._keep,
            on_late=self._report_late,
        )
        if context is not None:
            sock = start_tls(sock, context, self._host, self.deadline, on_socket=self._keep)
        sock.setblocking(False)
        self.connected = True
        self.write(_HELLO)

    def _keep(self, sock: socket.socket) -> None:
        self._sock = sock

    def _report_late(self) -> None:
        self.late = None
        self._on_late()

    @property
    def unsent(self) -> int:
        """Bytes that are still to be written."""
        return len(self._unsent)

    def write(self, data: Any) -> None:
        """Write *data*. What the system has no space for is written during the next waits."""
        self._unsent += data
        self._send()

    def _send(self) -> None:
        sock = self._open_socket()
        try:
            while self._unsent:
                count = sock.send(self._unsent)
                del self._unsent[:count]
                self.last_sent = self._clock()
        except WOULD_BLOCK:
            pass  # the next wait is for space as well
        except ConnectionError:
            # The broker may have said why: it can be read, or reading fails in its turn.
            self._unsent.clear()

    def wait(self, seconds: float) -> None:
        """Write what is unsent, and wait for data from the broker, up to *seconds*."""
        self._send()
        if self.late is not None and self.late.expired:
            self._report_late()
        left = min(seconds, self.deadline.left())
        if self.late is not None:
            left = min(left, self.late.left())
        if left > 0 and not self.fetch():
            wait_until_ready(self._open_socket(), left, write=bool(self._unsent))

    def fetch(self) -> bool:
        """Read what the broker has sent, without waiting; return whether a frame is complete."""
        while not self._has_frame():
            try:
                data = self._open_socket().recv(_RECEIVE_BYTES)
            except WOULD_BLOCK:
                return False
            if not data:
                raise PeerClosedError
            self.last_received = self._clock()
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
        """Return the next frame: its type, channel and payload."""
        while not self.fetch():
            self.wait(time_left(self.deadline))
        kind, channel, size = _START.unpack_from(self._received)
        end = _START.size + size
        payload = bytes(self._received[_START.size : end])
        if self._received[end] != _END:
            raise NotAMQP
        del self._received[: end + 1]
        return kind, channel, payload

    @contextlib.contextmanager
    def having_timeout(self, timeout: float | None) -> Iterator[None]:
        """Do nothing: this is for py-amqp, and the deadline counts."""
        yield

    def close(self) -> None:
        """Close the connection."""
        self.connected = False
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def abandon(self) -> None:
        """Reset the connection: data that the system has not sent yet are never sent."""
        if self._sock is not None:
            with contextlib.suppress(OSError):  # it is closed in any case
                linger = struct.pack("ii", 1, 0)
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close_after_fork(self) -> None:
        """Close the descriptor in a forked child: the connection is its parent's and goes on."""
        self.connected = False
        if self._sock is not None:
            os.close(self._sock.detach())
            self._sock = None

    def _open_socket(self) -> socket.socket:
        if self._sock is None:
            raise PeerClosedError
        return self._sock
