"""Sockets to syslog receivers, opened within a time, and what the kernel knows of them."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - loaded by whoever configures: see HTTPTransport.__init__
import errno
import os
import selectors
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from structlog_mozdef.transports.syslog.errors import PeerClosedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: What TLS packs into one record at most: a larger piece could take its time-out many times.
_PIECE_BYTES = 16_384
#: Seconds between two looks at what is not acknowledged yet.
_POLL_INTERVAL = 0.001
#: As large as the kernel allows: a local datagram has to fit into the send buffer as a whole.
_LOCAL_BUFFER_BYTES = 4 * 1024 * 1024
#: Linux: how much of what was sent the other side's kernel has not acknowledged (TCP), or the
#: other process has not read (local sockets). `termios` names it, but not everywhere.
_SIOCOUTQ = 0x5411 if sys.platform == "linux" else None
#: Seconds that a server may keep silent after the handshake of TLS.
_SPEAK_UP = 0.2


def left(deadline: float) -> float:
    """Seconds until *deadline*; TimeoutError where there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError(errno.ETIMEDOUT, "timed out")
    return seconds


def connect_inet(host: str, port: int, kind: int, timeout: float) -> socket.socket:
    """Connect to the first address of *host* that answers, within *timeout* seconds together."""
    deadline = time.monotonic() + timeout
    # Only the resolver's own settings bound this.
    addresses = socket.getaddrinfo(host, port, type=kind)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    for index, (family, kind_, protocol, _, address) in enumerate(addresses):
        sock = None
        try:
            sock = socket.socket(family, kind_, protocol)
            # One address that answers nothing leaves the others their share.
            sock.settimeout(left(deadline) / (len(addresses) - index))
            sock.connect(address)
        except OSError as error:
            if sock is not None:
                sock.close()
            failure = error
        else:
            return sock
    try:
        raise failure
    finally:
        del failure  # it would hold this frame, and this frame it


def connect_tcp(host: str, port: int, timeout: float) -> socket.socket:
    """Connect over TCP."""
    sock = connect_inet(host, port, socket.SOCK_STREAM, timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


def connect_tls(
    host: str, port: int, timeout: float, make_context: Callable[[], ssl.SSLContext]
) -> socket.socket:
    """Connect over TLS; *make_context* is called each time, so that renewed files count."""
    deadline = time.monotonic() + timeout
    context = make_context()
    plain = connect_tcp(host, port, left(deadline))
    try:
        plain.settimeout(left(deadline))
        sock = context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    if sock.version() == "TLSv1.3":
        # That a client's certificate is refused comes after the handshake, and could be lost if
        # something was sent meanwhile. Other servers send tickets for later sessions at once.
        try:
            watch(sock, _SPEAK_UP, once=True)
        except OSError:
            sock.close()
            raise
    return sock


def connect_local(path: str, kind: int, timeout: float) -> socket.socket:
    """Connect to a socket in the file system."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise OSError(errno.EAFNOSUPPORT, "this system has no local sockets")
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LOCAL_BUFFER_BYTES)
        sock.settimeout(timeout)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def write_all(sock: socket.socket, data: bytes, deadline: float) -> None:
    """Write *data* by *deadline*, however slowly the other side takes it."""
    view = memoryview(data)
    step = _PIECE_BYTES if isinstance(sock, ssl.SSLSocket) else len(data)
    start = 0
    while start < len(view):
        sock.settimeout(left(deadline))
        start += sock.send(view[start : start + step])


def check_open(sock: socket.socket) -> None:
    """Take what the other side said, which means nothing in syslog.

    Raises:
        PeerClosedError: it closed the connection.
        OSError: it reset the connection.
    """
    sock.settimeout(0)
    for _ in range(64):  # one that never stops talking is not listened to for ever
        try:
            if not sock.recv(65_536):
                raise PeerClosedError
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return


def watch(sock: socket.socket, seconds: float, *, once: bool = False) -> None:
    """Raise as `check_open` does, if there is a reason to within *seconds*.

    Args:
        sock: a connected stream.
        seconds: see above.
        once: return as soon as the other side has said something.
    """
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while (rest := deadline - time.monotonic()) > 0:
            spoke = selector.select(rest)
            check_open(sock)
            if once and spoke:
                return


def wait_until_taken(
    sock: socket.socket, deadline: float, check: Callable[[], object] = lambda: None
) -> None:
    """Wait until the other side's kernel has what was sent; on a local socket: until it was read.

    Args:
        sock: any socket.
        deadline: of ``time.monotonic``; TimeoutError after it.
        check: raises where waiting is in vain.
    """
    while _waiting_bytes(sock):
        check()
        time.sleep(min(_POLL_INTERVAL, left(deadline)))


def _waiting_bytes(sock: socket.socket) -> int:
    if _SIOCOUTQ is None:
        return 0
    answer = fcntl.ioctl(sock.fileno(), _SIOCOUTQ, bytes(4))
    return int(struct.unpack("i", answer)[0])


def say_goodbye(sock: Any, timeout: float) -> None:
    """End an orderly connection; returns when the other side has read everything and closed.

    Raises:
        OSError: it did not within *timeout* seconds, or not everything.
    """
    deadline = time.monotonic() + timeout
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(left(deadline))
        try:
            sock = sock.unwrap()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError):
            return  # many close without the last word of TLS, after ours
    sock.shutdown(socket.SHUT_WR)
    while True:
        sock.settimeout(left(deadline))
        if not sock.recv(65_536):
            return


def identity_of(path: str) -> tuple[int, int, int] | None:
    """Which file *path* is now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a text
    except OSError:
        return None
    # The number alone may be that of a file which is gone.
    return found.st_dev, found.st_ino, found.st_ctime_ns
