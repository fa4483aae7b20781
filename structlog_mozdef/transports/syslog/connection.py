"""Syslog over a connection: TCP, TLS, or a local socket of that kind.

Nothing in syslog says that a message was read (RFC 6587, section 3.1, and RFC 5425 have no
acknowledgement). What can be known of a connection is used:

- before and after each batch the channel checks whether the receiver has closed the connection, and
  a batch counts only when the receiver's kernel has acknowledged all of it (on Linux);
- the first batch on a connection counts a moment later: a receiver that rejects this machine, or
  its certificate, accepts the connection and closes it then;
- an error in a batch repeats the complete batch;
- a connection that is reset, or does not answer, has lost what the receiver's kernel held for a
  process that died: up to `TAIL_BYTES` that were sent last are repeated on the next connection.
  Where it was closed in order, the receiver had read everything, and nothing is repeated;
- closing waits until the receiver has read everything, and repeats the same where it has not.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.errors import PeerClosedError, describe
from structlog_mozdef.transports.syslog.channel import Timings, socket_error
from structlog_mozdef.transports.syslog.framing import COUNTED_LIMIT_BYTES, Frame, octet_counted
from structlog_mozdef.transports.syslog.sockets import (
    check_open,
    close_in_order,
    wait_until_received,
    watch_for_end,
    write_all,
)

#: How much of what was sent last is kept for the case that the connection is reset.
TAIL_BYTES = 1024 * 1024


class ConnectionChannel:
    """Sends messages over one connection at a time.

    Args:
        connect: opens a connection.
        frame: adds the mark of its end to a message.
        write_timeout: longest time in seconds that a batch may take.
        warn: called with a sentence about what closing could not achieve.
        timings: see `Timings`.

    Attributes:
        trial: how long, in seconds, the first batch on a connection is watched at present.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        frame: Frame,
        write_timeout: float,
        warn: Callable[[str], object],
        timings: Timings = Timings(),  # noqa: B008 - it is frozen
    ) -> None:
        self._limit = COUNTED_LIMIT_BYTES if frame is octet_counted else None
        self._connect = connect
        self._frame = frame
        self._write_timeout = write_timeout
        self._warn = warn
        self._timings = timings
        self._sock: socket.socket | None = None
        # How many batches the connection has carried.
        self._batches = 0
        self.trial = timings.trial
        # What was sent last on this connection, and its size.
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        # The tails of connections that broke: to be repeated.
        self._lost: list[bytes] = []

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Write *messages*, apart from those that are rejected; TransportError if that fails."""
        rejected = self._too_long(messages)
        if rejected:
            messages = [each for index, each in enumerate(messages) if index not in rejected]
            if not messages:
                return SendResult(rejected)
        data = b"".join(map(self._frame, messages))
        wrote = False
        try:
            sock = self._open_socket()
            wrote = True
            self._write(sock, data)
        except OSError as error:
            doing = "the connection failed" if wrote else "no connection"
            failure = socket_error(error, doing, ambiguous=wrote)
            self._abandon(error)
        else:
            return SendResult(rejected) if rejected else ALL_ACCEPTED
        raise failure

    def _too_long(self, messages: Sequence[bytes]) -> dict[int, str]:
        limit = self._limit
        if limit is None or max(map(len, messages), default=0) <= limit:
            return {}
        return {
            index: f"its {len(message)} bytes are more than receivers accept: {limit}"
            for index, message in enumerate(messages)
            if len(message) > limit
        }

    def _open(self) -> socket.socket:
        self._sock = self._connect()
        self._batches = 0
        return self._sock

    def _open_socket(self) -> socket.socket:
        if self._sock is not None:
            try:
                check_open(self._sock)
            except OSError as error:
                self._abandon(error)
        return self._sock or self._open()

    def _write(self, sock: socket.socket, data: bytes) -> None:
        deadline = Deadline.after(allowed(self._write_timeout))
        for part in (*self._lost, data):
            write_all(sock, part, deadline)
        wait_until_received(sock, deadline, lambda: check_open(sock))
        if self._batches:
            check_open(sock)
            self.trial = self._timings.trial
        else:
            watch_for_end(sock, allowed(self.trial))
        self._batches += 1
        for part in (*self._lost, data):
            self._remember(part)
        self._lost = []

    def _remember(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            self._tail_bytes -= len(self._tail.popleft())

    def _abandon(self, error: OSError) -> None:
        """Close a connection that failed; what it may have lost is to be repeated."""
        if not isinstance(error, PeerClosedError):
            self._lost += self._tail
        elif self._batches == 1:
            self.trial = min(self.trial * 2, self._timings.longest_trial)
        self._close_socket()

    def _close_socket(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        """End the connection when the receiver has read everything; repeat what it has not."""
        failure: OSError | TransportError | None = None
        if self._sock is not None:
            failure = self._close_in_order()
        # The connection was lost just now, or earlier and no other could be made since.
        if self._lost:
            try:
                self._write(self._open(), b"")
                failure = self._close_in_order()
            except (OSError, TransportError) as error:
                failure = error
        if failure is not None:
            reason = describe(failure, "receiver") if isinstance(failure, OSError) else failure
            self._warn(
                "the receiver did not read everything before the connection ended, events may be"
                f" lost: {reason}"
            )
        self._close_socket()

    def _close_in_order(self) -> OSError | None:
        """Close the open connection in order, or abandon it and return the error."""
        assert self._sock is not None  # noqa: S101 - for the type checker
        try:
            check_open(self._sock)
            close_in_order(self._sock, Deadline.after(allowed(self._timings.closing)))
        except PeerClosedError:
            pass  # the receiver was first
        except OSError as error:
            self._abandon(error)
            return error
        self._close_socket()
        return None

    def close_after_fork(self) -> None:
        """Close the connection of the parent process; send nothing on it."""
        self._lost = []
        self._close_socket()
