"""Syslog by datagrams, one message each: UDP (RFC 5426), or a local socket of that kind.

A datagram arrives as a whole or not at all. UDP says nothing of it, but for a host that is there
and has no receiver: it answers, and the next operation on the socket fails. A local socket holds
a datagram until the receiver reads it, and tells when the receiver is gone.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.syslog.connection import StreamChannel
from structlog_mozdef.transports.syslog.errors import transport_error_of
from structlog_mozdef.transports.syslog.sockets import (
    connect_local,
    identity_of,
    left,
    wait_until_taken,
)

#: Seconds within which the host of a receiver that is not there can say so.
_REFUSAL = 0.2
#: Seconds after which the address of a name is asked for again: nothing tells that it moved.
_ADDRESS_AGE = 60.0
#: Linux has no memory in one piece for a datagram of some MB, where its settings allow one that
#: large, and never will have: what is larger than this does not fit, what is smaller can wait.
_WITHOUT_A_BUFFER_BYTES = 1024 * 1024


class Channel(Protocol):
    """Takes messages to a receiver."""

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Send *messages*; see `structlog_mozdef.transports.base.Transport`."""

    def close_after_fork(self) -> None:
        """Let what the parent process opened go, without a word on it."""

    def close(self) -> None:
        """End what is open."""


class _DatagramChannel:
    """What UDP and local datagrams have in common."""

    _receiver = ""
    #: How many of the messages that were sent an error proves not to have arrived.
    _disproved = 0

    def __init__(self, connect: Callable[[], socket.socket], write_timeout: float) -> None:
        self._connect = connect
        self._write_timeout = write_timeout
        self._sock: socket.socket | None = None
        # When it was opened.
        self._since = 0.0

    def send(self, messages: Sequence[bytes]) -> SendResult:
        rejected: dict[int, str] = {}
        sent = 0
        try:
            deadline = time.monotonic() + self._write_timeout
            sock = self._open_socket()
            for message in messages:
                sock.settimeout(left(deadline))
                try:
                    sock.send(message)
                except OSError as error:
                    if not _is_too_long(error, message):
                        raise
                    rejected[sent] = self._too_long(len(message))
                sent += 1
                if sent == 1:
                    self._check_first(sock)
            self._check(sock, deadline)
        except OSError as error:
            failure = transport_error_of(error, self._receiver, ambiguous=sent > self._disproved)
            # The address may be another by now.
            self.close_after_fork()
            gone = isinstance(error, (ConnectionError, FileNotFoundError))
        else:
            return SendResult(rejected)
        return self._what_is_left(len(messages), sent, rejected, failure, gone=gone)

    def _what_is_left(
        self,
        count: int,
        sent: int,
        rejected: dict[int, str],
        failure: TransportError,
        *,
        gone: bool,
    ) -> SendResult:
        # A receiver that is gone took nobody knows how many of those before.
        if gone or not sent:
            raise failure
        return SendResult(rejected, range(sent, count), failure)

    def _open_socket(self) -> socket.socket:
        if self._sock is None:
            self._sock = self._connect()
            self._since = time.monotonic()
        return self._sock

    def _check_first(self, sock: socket.socket) -> None:
        """Look what became of the first message of a batch."""

    def _check(self, sock: socket.socket, deadline: float) -> None:
        """Look what became of a batch."""
        raise NotImplementedError

    def _too_long(self, size: int) -> str:
        raise NotImplementedError

    def close_after_fork(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        self.close_after_fork()


class UDPChannel(_DatagramChannel):
    """Sends messages over UDP.

    Args:
        connect: opens a connected socket, which is told of refusals.
        write_timeout: the longest time that a batch may take, in seconds.
    """

    _receiver = "the receiver cannot be reached"
    _disproved = 1

    def __init__(self, connect: Callable[[], socket.socket], write_timeout: float) -> None:
        super().__init__(connect, write_timeout)
        # Whether a receiver is there, of which nothing is known yet.
        self._in_doubt = True

    def _open_socket(self) -> socket.socket:
        if self._sock is not None:
            _raise_pending(self._sock)  # what the batch before this one met
            if time.monotonic() - self._since > _ADDRESS_AGE:
                self.close_after_fork()
        return super()._open_socket()

    def _check_first(self, sock: socket.socket) -> None:
        if not self._in_doubt:
            return
        sock.settimeout(_REFUSAL)
        try:
            sock.recv(1)  # nobody answers in syslog; a refusal is raised here
        except (TimeoutError, BlockingIOError):
            pass
        self._in_doubt = False

    def _check(self, sock: socket.socket, deadline: float) -> None:
        _raise_pending(sock)

    def _too_long(self, size: int) -> str:
        return (
            f"its {size} bytes do not fit into a datagram of UDP, which holds 65507;"
            " syslog+tcp:// and syslog+tls:// have no such limit"
        )

    def close_after_fork(self) -> None:
        super().close_after_fork()
        self._in_doubt = True


class LocalDatagramChannel(_DatagramChannel):
    """Sends messages to a local socket.

    Args:
        path: where it is.
        write_timeout: the longest time that a batch may take, in seconds.
    """

    _receiver = "the local syslog does not take events"

    def __init__(self, path: str, write_timeout: float) -> None:
        super().__init__(
            lambda: connect_local(path, socket.SOCK_DGRAM, write_timeout), write_timeout
        )
        self._path = path

    def _check(self, sock: socket.socket, deadline: float) -> None:
        """A receiver that ends throws away what it has not read: is it still there afterwards?"""
        wait_until_taken(sock, deadline)
        sock.connect(self._path)

    def _what_is_left(
        self,
        count: int,
        sent: int,
        rejected: dict[int, str],
        failure: TransportError,
        *,
        gone: bool,
    ) -> SendResult:
        # All that was sent may still lie there unread.
        raise failure

    def _too_long(self, size: int) -> str:
        return (
            f"its {size} bytes do not fit into a datagram of the local syslog; syslog+tcp:// and"
            " syslog+tls:// have no such limit"
        )


class LocalChannel:
    """Sends messages to a local socket of either kind, which may be replaced at any time.

    Args:
        path: where it is.
        frame: puts the mark of its end to a message of a stream.
        timeouts: to connect, and for a batch, in seconds.
        warn: is told what closing could not achieve.
    """

    def __init__(
        self,
        path: str,
        frame: Callable[[bytes], bytes],
        timeouts: tuple[float, float],
        warn: Callable[[str], object],
    ) -> None:
        self._path = path
        self._connect_timeout, self._write_timeout = timeouts
        self._stream = StreamChannel(
            lambda: connect_local(path, socket.SOCK_STREAM, self._connect_timeout),
            frame,
            self._write_timeout,
            warn,
        )
        self._datagrams = LocalDatagramChannel(path, self._write_timeout)
        self._current: Channel | None = None
        self._identity: tuple[int, int, int] | None = None

    def send(self, messages: Sequence[bytes]) -> SendResult:
        if self._current is not None:
            if identity_of(self._path) == self._identity:
                try:
                    return self._send(self._current, messages)
                except TransportError as error:
                    self._current = None  # the next one may be of the other kind
                    if error.ambiguous:
                        raise
            else:
                # A daemon that was restarted makes the socket anew; the old one may still be open.
                self._current.close()
        self._identity = identity_of(self._path)
        self._current = self._find_kind()
        return self._send(self._current, messages)

    def _send(self, channel: Channel, messages: Sequence[bytes]) -> SendResult:
        result = channel.send(messages)
        if identity_of(self._path) != self._identity:
            raise TransportError(
                "the local syslog was replaced, perhaps before it read the events", ambiguous=True
            )
        return result

    def _find_kind(self) -> Channel:
        try:
            connect_local(self._path, socket.SOCK_DGRAM, self._connect_timeout).close()
            return self._datagrams
        except OSError as error:
            if error.errno == errno.EPROTOTYPE:
                return self._stream
            failure = transport_error_of(error, "the local syslog is not there", ambiguous=False)
        raise failure

    def close_after_fork(self) -> None:
        self._stream.close_after_fork()
        self._datagrams.close_after_fork()
        self._current = None

    def close(self) -> None:
        self._stream.close()
        self._datagrams.close()
        self._current = None


def _is_too_long(error: OSError, message: bytes) -> bool:
    if error.errno in (errno.ENOBUFS, errno.ENOMEM):
        return len(message) > _WITHOUT_A_BUFFER_BYTES
    return error.errno == errno.EMSGSIZE


def _raise_pending(sock: socket.socket) -> None:
    if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, "the host has no receiver there")
