"""Syslog over a stream: TCP, TLS, or a local socket of that kind.

Nothing in syslog says that a message was taken (RFC 6587, section 3.1, and RFC 5425 have no
acknowledgement). What can be known of a connection is used:

- before and after each batch it is looked whether the receiver has closed it, and a batch counts
  only when the receiver's kernel has acknowledged all of it (on Linux);
- the first batch on a connection counts a moment later: a receiver that refuses this machine, or
  its certificate, takes the connection and closes it then;
- an error in a batch repeats the batch as a whole;
- a connection that is reset, or does not answer, has lost what the receiver's kernel held for a
  process that died: up to `TAIL_BYTES` that were sent last are repeated on the next connection.
  Where it was closed in order, the receiver had read everything, and nothing is repeated;
- closing waits until the receiver has read everything, and repeats the same where it has not.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.syslog.errors import (
    PeerClosedError,
    text_of_error,
    transport_error_of,
)
from structlog_mozdef.transports.syslog.sockets import (
    check_open,
    say_goodbye,
    wait_until_taken,
    watch,
    write_all,
)

#: Of what was sent, so much is kept for the case that the connection is reset.
TAIL_BYTES = 1024 * 1024
#: The longest message with counted octets, rsyslog's ``maxFrameSize``. It takes the count of a
#: longer one for an error, waits for a newline from then on, which counted octets never have, and
#: throws away whatever else comes over the connection.
COUNTED_LIMIT_BYTES = 200_000
#: Seconds within which a receiver that wants nothing of this machine closes a new connection: at
#: first, and at most, where connections were closed after their first batch.
_TRIAL = 0.2
_LONGEST_TRIAL = 2.0
#: Seconds that closing waits for a receiver that has not read everything.
_FAREWELL = 2.0


class StreamChannel:
    """Sends messages over a stream.

    Args:
        connect: opens it.
        frame: puts the mark of its end to a message.
        write_timeout: the longest time that a batch may take, in seconds.
        warn: is told what closing could not achieve.
    """

    def __init__(
        self,
        connect: Callable[[], socket.socket],
        frame: Callable[[bytes], bytes],
        write_timeout: float,
        warn: Callable[[str], object],
    ) -> None:
        self._limit = COUNTED_LIMIT_BYTES if frame is octet_counted else None
        self._connect = connect
        self._frame = frame
        self._write_timeout = write_timeout
        self._warn = warn
        self._sock: socket.socket | None = None
        # How many batches it has carried, and how long the first one is watched.
        self._batches = 0
        self._trial = _TRIAL
        # What was sent last on this connection, and how much it is.
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        # The tails of connections that broke: to be repeated.
        self._lost: list[bytes] = []

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Write *messages*, but for those that are refused, or raise TransportError."""
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
            failure = transport_error_of(
                error, "the connection failed" if wrote else "no connection", ambiguous=wrote
            )
            self._give_up(error)
        else:
            return SendResult(rejected) if rejected else ALL_ACCEPTED
        raise failure

    def _too_long(self, messages: Sequence[bytes]) -> dict[int, str]:
        limit = self._limit
        if limit is None or max(map(len, messages), default=0) <= limit:
            return {}
        return {
            index: f"its {len(message)} bytes are more than receivers take: {limit}"
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
                self._give_up(error)
        return self._sock or self._open()

    def _write(self, sock: socket.socket, data: bytes) -> None:
        deadline = time.monotonic() + self._write_timeout
        for part in (*self._lost, data):
            write_all(sock, part, deadline)
        wait_until_taken(sock, deadline, lambda: check_open(sock))
        if self._batches:
            check_open(sock)
            self._trial = _TRIAL
        else:
            watch(sock, self._trial)
        self._batches += 1
        for part in (*self._lost, data):
            self._remember(part)
        self._lost = []

    def _remember(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            self._tail_bytes -= len(self._tail.popleft())

    def _give_up(self, error: OSError) -> None:
        if not isinstance(error, PeerClosedError):
            self._lost += self._tail
        elif self._batches == 1:
            self._trial = min(self._trial * 2, _LONGEST_TRIAL)
        self._drop()

    def _drop(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def close_after_fork(self) -> None:
        """Let the connection of the parent process go, without a word on it."""
        self._lost = []
        self._drop()

    def close(self) -> None:
        """End the connection when the receiver has read everything; repeat what it has not."""
        failure: OSError | TransportError | None = None
        if self._sock is not None:
            failure = self._end()
        # Since the connection was lost no other could be made, or it was lost just now.
        if self._lost:
            try:
                self._write(self._open(), b"")
                failure = self._end()
            except (OSError, TransportError) as error:
                failure = error
        if failure is not None:
            self._warn(
                "the receiver did not read everything before the connection ended, events may be"
                f" lost: {text_of_error(failure)}"
            )
        self._drop()

    def _end(self) -> OSError | None:
        assert self._sock is not None  # noqa: S101 - for the type checker
        try:
            check_open(self._sock)
            say_goodbye(self._sock, _FAREWELL)
        except PeerClosedError:
            pass  # in order
        except OSError as error:
            self._give_up(error)
            return error
        self._drop()
        return None


def octet_counted(message: bytes) -> bytes:
    """*message* with its length before it (RFC 6587, section 3.4.1; RFC 5425, section 4.3)."""
    return b"%d %b" % (len(message), message)


def ended_by_newline(message: bytes) -> bytes:
    """*message* with a newline behind it (RFC 6587, section 3.4.2); it holds no other."""
    return message + b"\n"


def ended_by_zero(message: bytes) -> bytes:
    """*message* with a zero byte behind it, as ``syslog(3)`` writes to local streams."""
    return message + b"\0"
