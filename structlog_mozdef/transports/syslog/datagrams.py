"""Syslog by datagrams of UDP, one message each (RFC 5426).

A datagram arrives complete or not at all. UDP reports nothing of it, apart from one case: a host
that is there and has no receiver says so, and the next operation on the socket fails.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence

from structlog_mozdef._deadline import Deadline, allowed, monotonic
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.sockets import limit
from structlog_mozdef.transports.syslog.channel import Timings, socket_error

#: Linux has no contiguous memory for a datagram of several MB where its settings allow one that
#: large, and never will have: a larger message than this does not fit, a smaller one can wait.
_WITHOUT_A_BUFFER_BYTES = 1024 * 1024


class DatagramChannel:
    """What UDP and local datagrams have in common.

    Args:
        connect: opens a connected socket.
        write_timeout: longest time in seconds that a batch may take.
    """

    #: The beginning of the sentence about an error.
    _problem = ""
    #: How many of the messages that were sent an error proves not to have arrived.
    _disproved = 0

    def __init__(self, connect: Callable[[], socket.socket], write_timeout: float) -> None:
        self._connect = connect
        self._write_timeout = write_timeout
        self._sock: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Send *messages*, apart from those that are rejected."""
        rejected: dict[int, str] = {}
        sent = 0
        try:
            deadline = Deadline.after(allowed(self._write_timeout))
            sock = self._open_socket()
            for message in messages:
                limit(sock, deadline)
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
            failure = socket_error(error, self._problem, ambiguous=sent > self._disproved)
            # The address may be another one by now.
            self.close_after_fork()
            gone = isinstance(error, (ConnectionError, FileNotFoundError))
        else:
            return SendResult(rejected)
        return self._after_failure(len(messages), sent, rejected, failure, gone=gone)

    def _after_failure(
        self,
        count: int,
        sent: int,
        rejected: dict[int, str],
        failure: TransportError,
        *,
        gone: bool,
    ) -> SendResult:
        """Return what became of *count* messages, or raise *failure* if that is not known.

        Args:
            count: of the messages in the batch.
            sent: how many of them were sent.
            rejected: why some of these were not.
            failure: what ended the batch.
            gone: the receiver has ended; it may have lost any of those that were sent.
        """
        if gone or not sent:
            raise failure
        return SendResult(rejected, range(sent, count), failure)

    def _open_socket(self) -> socket.socket:
        if self._sock is None:
            self._sock = self._connect()
        return self._sock

    def _check_first(self, sock: socket.socket) -> None:
        """Check what became of the first message of a batch."""

    def _check(self, sock: socket.socket, deadline: Deadline) -> None:
        """Check what became of a batch."""
        raise NotImplementedError

    def _too_long(self, size: int) -> str:
        raise NotImplementedError

    def close(self) -> None:
        """Close the socket; nothing has to be said on it."""
        self.close_after_fork()

    def close_after_fork(self) -> None:
        """Close the socket of the parent process."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class UDPChannel(DatagramChannel):
    """Sends messages over UDP.

    Args:
        connect: opens a connected socket, which reports rejections.
        write_timeout: longest time in seconds that a batch may take.
        timings: see `Timings`.
        clock: returns seconds, monotonic; for the age of an address.
    """

    _problem = "the receiver cannot be reached"
    _disproved = 1

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        write_timeout: float,
        timings: Timings = Timings(),  # noqa: B008 - it is frozen
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(connect, write_timeout)
        self._timings = timings
        self._clock = clock
        # Until when the address of the receiver is good.
        self._good_until = Deadline.after(0.0, clock)
        # Whether nothing is known yet of the receiver.
        self._in_doubt = True

    def _open_socket(self) -> socket.socket:
        if self._sock is not None:
            _raise_pending(self._sock)  # an error of the batch before this one
            if self._good_until.expired:
                self.close_after_fork()
        if self._sock is None:
            self._good_until = Deadline.after(self._timings.address_age, self._clock)
        return super()._open_socket()

    def _check_first(self, sock: socket.socket) -> None:
        if not self._in_doubt:
            return
        sock.settimeout(self._timings.rejection)
        try:
            sock.recv(1)  # nobody answers in syslog; a rejection is raised here
        except (TimeoutError, BlockingIOError):
            pass
        self._in_doubt = False

    def _check(self, sock: socket.socket, deadline: Deadline) -> None:
        _raise_pending(sock)

    def _too_long(self, size: int) -> str:
        return (
            f"its {size} bytes do not fit into a datagram of UDP, which holds 65507;"
            " syslog+tcp:// and syslog+tls:// have no such limit"
        )

    def close_after_fork(self) -> None:
        """Close the socket of the parent process."""
        super().close_after_fork()
        self._in_doubt = True


def _is_too_long(error: OSError, message: bytes) -> bool:
    if error.errno in (errno.ENOBUFS, errno.ENOMEM):
        return len(message) > _WITHOUT_A_BUFFER_BYTES
    return error.errno == errno.EMSGSIZE


def _raise_pending(sock: socket.socket) -> None:
    if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, "the host has no receiver there")
