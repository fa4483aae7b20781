"""Syslog to the local socket of a daemon, which is of either kind and may be replaced at any time.

A datagram to a local socket waits until the daemon reads it, and the kernel reports when the daemon
is gone. A connection to one is like any other: see `structlog_mozdef.transports.syslog.connection`.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.sockets import with_high_number
from structlog_mozdef.transports.syslog.channel import Channel, socket_error
from structlog_mozdef.transports.syslog.connection import ConnectionChannel
from structlog_mozdef.transports.syslog.datagrams import DatagramChannel
from structlog_mozdef.transports.syslog.framing import ended_by_zero
from structlog_mozdef.transports.syslog.sockets import wait_until_received

#: As large as the kernel allows: a complete datagram has to fit into the send buffer.
_SEND_BUFFER_BYTES = 4 * 1024 * 1024


class LocalChannel:
    """Sends messages to a local socket of either kind.

    Args:
        path: of the socket.
        connect_timeout: longest time in seconds that connecting may take.
        write_timeout: longest time in seconds that a batch may take.
        warn: called with a sentence about what closing could not achieve.
    """

    def __init__(
        self,
        path: str,
        connect_timeout: float,
        write_timeout: float,
        warn: Callable[[str], object],
    ) -> None:
        self._path = path
        self._connect_timeout = connect_timeout
        self._connection = ConnectionChannel(
            lambda: connect_local(path, socket.SOCK_STREAM, connect_timeout),
            ended_by_zero,
            write_timeout,
            warn,
        )
        self._datagrams = LocalDatagramChannel(
            path, lambda: connect_local(path, socket.SOCK_DGRAM, connect_timeout), write_timeout
        )
        self._current: Channel | None = None
        self._identity: tuple[int, int, int] | None = None

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Send *messages* by the kind of socket that is there now."""
        if self._current is not None:
            if _identity_of(self._path) == self._identity:
                try:
                    return self._send(self._current, messages)
                except TransportError as error:
                    self._current = None  # the next one may be of the other kind
                    if error.ambiguous:
                        raise
            else:
                # A daemon that is restarted makes a new socket; the old one may still be open.
                self._current.close()
        self._identity = _identity_of(self._path)
        self._current = self._find_kind()
        return self._send(self._current, messages)

    def _send(self, channel: Channel, messages: Sequence[bytes]) -> SendResult:
        result = channel.send(messages)
        if _identity_of(self._path) != self._identity:
            raise TransportError(
                "the local syslog was replaced, perhaps before it read the events", ambiguous=True
            )
        return result

    def _find_kind(self) -> Channel:
        doing = "the local syslog is not there"
        with mapped_errors(lambda error: socket_error(error, doing, ambiguous=False), OSError):
            try:
                connect_local(self._path, socket.SOCK_DGRAM, self._connect_timeout).close()
            except OSError as error:
                if error.errno != errno.EPROTOTYPE:
                    raise
                return self._connection
        return self._datagrams

    def close(self) -> None:
        """End what is open, in order."""
        self._connection.close()
        self._datagrams.close()
        self._current = None

    def close_after_fork(self) -> None:
        """Close what the parent process opened; send nothing on it."""
        self._connection.close_after_fork()
        self._datagrams.close_after_fork()
        self._current = None


class LocalDatagramChannel(DatagramChannel):
    """Sends messages as datagrams to a local socket.

    Args:
        path: of the socket.
        connect: opens a socket that is connected to it.
        write_timeout: longest time in seconds that a batch may take.
    """

    _problem = "the local syslog does not accept events"

    def __init__(
        self, path: str, connect: Callable[[], socket.socket], write_timeout: float
    ) -> None:
        super().__init__(connect, write_timeout)
        self._path = path

    def _check(self, sock: socket.socket, deadline: Deadline) -> None:
        """Wait until everything was read: a daemon that ends discards what it has not read."""
        wait_until_received(sock, deadline)
        sock.connect(self._path)  # fails where the daemon is gone

    def _after_failure(
        self,
        count: int,
        sent: int,
        rejected: dict[int, str],
        failure: TransportError,
        *,
        gone: bool,
    ) -> SendResult:
        # Everything that was sent may still be unread.
        raise failure

    def _too_long(self, size: int) -> str:
        return (
            f"its {size} bytes do not fit into a datagram of the local syslog; syslog+tcp:// and"
            " syslog+tls:// have no such limit"
        )


def connect_local(path: str, kind: int, timeout: float) -> socket.socket:
    """Connect to a socket in the file system.

    Args:
        path: of the socket.
        kind: ``socket.SOCK_STREAM`` or ``socket.SOCK_DGRAM``.
        timeout: in seconds.
    """
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise OSError(errno.EAFNOSUPPORT, "this system has no local sockets")
    sock = with_high_number(socket.socket(family, kind))
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.settimeout(allowed(timeout))
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _identity_of(path: str) -> tuple[int, int, int] | None:
    """Return which file *path* is now; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a string
    except OSError:
        return None
    # The number alone may be that of a file that is gone.
    return found.st_dev, found.st_ino, found.st_ctime_ns
