"""Sockets that are opened, written to and waited for within a deadline.

A timeout of Python's socket module counts from the start with every piece of data: a peer that
sends or reads one byte at a time could hold the sender for days. Here, one `Deadline` bounds
everything together.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.files import descriptor

#: The largest record of TLS. A larger piece could use up its timeout once for each record.
RECORD_BYTES = 16_384
#: What a non-blocking socket raises where there is nothing to read, or no space to write.
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
#: What is waited for longer, in seconds, is reported before it has failed.
LATE_SECONDS = 3.0
#: Dead peers are noticed within two minutes, and middle boxes do not drop an idle connection.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}
# A timeout that is longer by less is left as it is, in seconds.
_SLACK = 0.01


def time_left(deadline: Deadline) -> float:
    """Return the seconds until *deadline*, more than 0; TimeoutError once it has expired."""
    seconds = deadline.left()
    if not seconds:
        raise TimeoutError(errno.ETIMEDOUT, "timed out")
    return seconds


def limit(sock: socket.socket, deadline: Deadline) -> None:
    """Let the next operation on *sock* end by *deadline*; TimeoutError once it has expired.

    A timeout is not set where the last one still does: that is a system call, and each one gives
    the interpreter to the threads that log, for 5 ms.
    """
    seconds = time_left(deadline)
    before = sock.gettimeout()
    if before is None or not 0 <= before - seconds < _SLACK:
        sock.settimeout(seconds)


def connect(
    host: str,
    port: int,
    deadline: Deadline,
    *,
    kind: int = socket.SOCK_STREAM,
    on_socket: Callable[[socket.socket], object] = lambda _: None,
    on_late: Callable[[], object] = lambda: None,
) -> socket.socket:
    """Connect to the first address of *host* that answers.

    Args:
        host: name or address of the receiver.
        port: of the receiver.
        deadline: for all addresses together. An address that does not answer leaves the others
            their share of the time. The resolver is bounded by its own settings only.
        kind: of the socket.
        on_socket: called with each socket before it connects: a process that is forked meanwhile
            has to close it.
        on_late: called for each address that has not answered after `LATE_SECONDS`.

    Raises:
        OSError: no address answers; that of the last one.
    """
    addresses = socket.getaddrinfo(host, port, type=kind)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    for index, (family, kind_, protocol, _, address) in enumerate(addresses):
        sock = None
        try:
            sock = with_high_number(socket.socket(family, kind_, protocol))
            on_socket(sock)
            seconds = time_left(deadline) / (len(addresses) - index)
            _connect_within(sock, address, seconds, on_late)
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


def _connect_within(
    sock: socket.socket, address: Any, seconds: float, on_late: Callable[[], object]
) -> None:
    sock.settimeout(min(seconds, LATE_SECONDS))
    try:
        sock.connect(address)
        return
    except TimeoutError as error:
        if error.errno or seconds <= LATE_SECONDS:  # the kernel's own has a number
            raise
    on_late()  # the kernel goes on connecting
    if not wait_until_ready(sock, seconds - LATE_SECONDS, read=False, write=True):
        raise TimeoutError(errno.ETIMEDOUT, "timed out")
    if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))


def with_high_number(sock: socket.socket) -> socket.socket:
    """Return *sock* under a high number; see `structlog_mozdef.files.descriptor`.

    A program that closes all descriptors, and then opens connections of its own, never finds our
    events, and our passwords, in them.
    """
    if sys.platform == "win32":
        return sock
    timeout = sock.gettimeout()
    high = socket.socket(fileno=descriptor.with_high_number(sock.detach()))
    high.settimeout(timeout)
    return high


def connect_tcp(
    host: str,
    port: int,
    deadline: Deadline,
    *,
    on_socket: Callable[[socket.socket], object] = lambda _: None,
    on_late: Callable[[], object] = lambda: None,
) -> socket.socket:
    """Connect over TCP, as `connect` does, without delays and with signs of life."""
    sock = connect(host, port, deadline, on_socket=on_socket, on_late=on_late)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    except OSError:
        sock.close()  # the other side has reset it
        raise
    return sock


def start_tls(
    sock: socket.socket,
    context: ssl.SSLContext,
    host: str,
    deadline: Deadline,
    *,
    on_socket: Callable[[socket.socket], object] = lambda _: None,
) -> ssl.SSLSocket:
    """Return *sock* with TLS over it; it is closed where that fails.

    Args:
        sock: connected. Not usable any more afterwards.
        context: of a client.
        host: the name that the certificate of the other side must have.
        deadline: for the handshake.
        on_socket: called with the result before the handshake.

    Raises:
        OSError: the handshake failed.
    """
    wrapped = sock
    try:
        wrapped = secured = context.wrap_socket(
            sock, server_hostname=host, do_handshake_on_connect=False
        )
        on_socket(secured)
        limit(secured, deadline)
        secured.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return secured


def wait_until_ready(
    sock: socket.socket, seconds: float, *, read: bool = True, write: bool = False
) -> bool:
    """Wait until *sock* can be read from or written to, as asked for; False after *seconds*.

    Data that TLS has received already does not count: read until `WOULD_BLOCK` before.
    """
    events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
    # poll needs no descriptor, unlike epoll, and knows no largest one, unlike select. It is looked
    # up each time: gevent replaces it.
    make = getattr(selectors, "PollSelector", selectors.SelectSelector)
    with make() as selector:
        selector.register(sock, events)
        return bool(selector.select(seconds))
