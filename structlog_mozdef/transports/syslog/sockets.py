"""Connections to syslog receivers, and what the kernel knows of them.

Connecting, apart from what only syslog needs, is in `structlog_mozdef.transports.sockets`.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - loaded when the transport is made: see HTTPTransport.__init__
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.transports.errors import END_OF_TLS, PeerClosedError
from structlog_mozdef.transports.sockets import (
    RECORD_BYTES,
    WOULD_BLOCK,
    connect_tcp,
    limit,
    start_tls,
    time_left,
    wait_until_ready,
)

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: Seconds between two looks at what is not acknowledged yet.
_POLL_INTERVAL = 0.001
#: Linux: how much of what was sent the other side's kernel has not acknowledged (TCP), or the
#: other process has not read (local sockets). `termios` has the name, but not everywhere.
_SIOCOUTQ = 0x5411 if sys.platform == "linux" else None
#: Seconds that a server may keep silent after the handshake of TLS.
_SILENCE = 0.2
#: How often a receiver that never stops talking is read from at one check.
_READS = 64


def connect_tls(
    host: str, port: int, deadline: Deadline, make_context: Callable[[], ssl.SSLContext]
) -> socket.socket:
    """Connect over TLS; *make_context* is called each time, so that renewed files count."""
    context = make_context()
    sock = start_tls(connect_tcp(host, port, deadline), context, host, deadline)
    if sock.version() == "TLSv1.3":
        # That a client's certificate is refused comes after the handshake, and could be lost if
        # something was sent meanwhile. Other servers send tickets for later sessions at once.
        try:
            watch_for_end(sock, _SILENCE, once=True)
        except OSError:
            sock.close()
            raise
    return sock


def write_all(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    """Write *data* by *deadline*, however slowly the other side reads."""
    view = memoryview(data)
    step = RECORD_BYTES if isinstance(sock, ssl.SSLSocket) else len(data)
    start = 0
    while start < len(view):
        limit(sock, deadline)
        start += sock.send(view[start : start + step])


def check_open(sock: socket.socket) -> None:
    """Read what the other side has said, which means nothing in syslog.

    Raises:
        PeerClosedError: it closed the connection.
        OSError: it reset the connection.
    """
    sock.settimeout(0)
    for _ in range(_READS):
        try:
            if not sock.recv(65_536):
                raise PeerClosedError
        except WOULD_BLOCK:
            return


def watch_for_end(sock: socket.socket, seconds: float, *, once: bool = False) -> None:
    """Raise as `check_open` does, if there is a reason to within *seconds*.

    Args:
        sock: a connection.
        seconds: see above.
        once: return as soon as the other side has said something.
    """
    deadline = Deadline.after(seconds)
    while not deadline.expired:
        spoke = wait_until_ready(sock, deadline.left())
        check_open(sock)
        if once and spoke:
            return


def wait_until_received(
    sock: socket.socket, deadline: Deadline, check: Callable[[], object] = lambda: None
) -> None:
    """Wait until the other side's kernel has what was sent; on a local socket: until it was read.

    Where the system does not know (other than Linux), return at once.

    Args:
        sock: any socket.
        deadline: TimeoutError after it.
        check: raises an error where waiting is in vain.
    """
    while _waiting_bytes(sock):
        check()
        time.sleep(min(_POLL_INTERVAL, time_left(deadline)))


def _waiting_bytes(sock: socket.socket) -> int:
    if _SIOCOUTQ is None:
        return 0
    answer = fcntl.ioctl(sock.fileno(), _SIOCOUTQ, bytes(4))
    return int(struct.unpack("i", answer)[0])


def close_in_order(sock: Any, deadline: Deadline) -> None:
    """End a connection; return when the other side has read everything and closed it.

    Raises:
        OSError: it did not by *deadline*, or not everything.
    """
    if isinstance(sock, ssl.SSLSocket):
        limit(sock, deadline)
        try:
            sock = sock.unwrap()
        except END_OF_TLS:
            return  # many close without the last message of TLS, after ours
    sock.shutdown(socket.SHUT_WR)
    while True:
        limit(sock, deadline)
        if not sock.recv(65_536):
            return
