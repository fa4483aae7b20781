"""NDJSON to standard output, or to anything else that has a reader of its own.

- **Descriptor.** Standard output is what the descriptor 1 is when the transport is made: a
  duplicate is kept, so that events follow no later redirection, and never go to a socket or a
  database that was given the number 1 after it was closed.
- **Waiting.** A reader that is slow holds the sender for the write time-out at most. The
  descriptor is shared with other programs, so it is not made non-blocking: on Linux the pipe or
  terminal is opened a second time, for this transport alone; elsewhere it is waited for room.
- **Whole lines.** Lines go out in pieces of at most ``PIPE_BUF`` bytes, which POSIX makes
  atomic: what the program prints, or another process writes, comes between lines. A longer line
  can be torn by them, but only while the pipe is full. The rest of a line that did not fit is
  written first by the next attempt.
- A reader that is gone (EPIPE) is told, and the events are kept.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
import weakref
from collections.abc import Sequence

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.file.errors import transport_error_of, whole_lines

_STANDARD_OUTPUT = 1
#: What is written at once, or not at all.
_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
#: Seconds between two attempts where nothing tells that there is room.
_POLL_INTERVAL = 0.005


class Stream:
    """Writes lines to *fd*, which stays the caller's.

    Args:
        fd: of a pipe, a socket, a terminal, or a file whose position is shared.
        can_return: whether another reader can come where one is gone.
    """

    def __init__(self, fd: int, *, can_return: bool) -> None:
        self._fd = fd
        self._can_return = can_return
        # The line that was written in part, and what is left of it.
        self._torn = b""
        self._rest = b""

    def send(self, lines: Sequence[bytes], deadline: float) -> SendResult:
        """Write *lines*, after what is left of the last one, until *deadline*."""
        written = 0
        try:
            self._write_rest(deadline)
            # The line that was torn comes again as the first one, unless it was dropped.
            if self._torn and lines and lines[0] == self._torn:
                written = len(lines[0])
            self._torn = b""
            data = memoryview(b"".join(lines))
            for size in _pieces(lines, written):
                end = written + size
                while written < end:
                    written += self._write_some(data[written:end], deadline)
            return ALL_ACCEPTED
        except OSError as error:
            failure = transport_error_of(error, "nobody takes the events")
            is_gone = error.errno == errno.EPIPE
            failure.retryable |= is_gone and self._can_return
        return self._keep_rest(lines, written, failure, is_gone=is_gone)

    def _keep_rest(
        self, lines: Sequence[bytes], written: int, failure: TransportError, *, is_gone: bool
    ) -> SendResult:
        count, size = whole_lines(lines, written)
        if is_gone:
            self.close_after_fork()  # another reader must not begin with the rest of a line
        elif written > size:
            self._torn = lines[count]
            self._rest = self._torn[written - size :]
        if not count:
            raise failure
        return SendResult(retry=range(count, len(lines)), error=failure)

    def _write_rest(self, deadline: float) -> None:
        while self._rest:
            part = memoryview(self._rest)[:_ATOMIC_BYTES]
            self._rest = self._rest[self._write_some(part, deadline) :]

    def _write_some(self, data: memoryview, deadline: float) -> int:
        while True:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise TimeoutError(errno.ETIMEDOUT, "timed out")
            if not _has_room(self._fd, seconds):
                continue
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                time.sleep(_POLL_INTERVAL)  # less room than the piece needs

    def begin_line(self) -> None:
        """Write a newline before anything else: another process died within a line."""
        self._rest = b"\n"

    def finish(self, deadline: float) -> None:
        """Write what is left of a line, if that can be done until *deadline*."""
        try:
            self._write_rest(deadline)
        except OSError:
            pass  # its event was never called delivered

    def close_after_fork(self) -> None:
        """Leave the rest of a line to the parent process."""
        self._rest = self._torn = b""


class StandardOutput:
    """Writes lines to what is standard output when it is made.

    Args:
        write_timeout: seconds that a batch may wait for the reader.

    Raises:
        ValueError: there is none.
    """

    def __init__(self, write_timeout: float) -> None:
        self._write_timeout = write_timeout
        try:
            # Where the program was started without one, the number 1 belongs to whatever it opened
            # first, a database for example; Python has no `sys.__stdout__` then.
            fd = -1 if sys.__stdout__ is None else os.dup(_STANDARD_OUTPUT)
        except OSError:
            fd = -1
        if fd < 0:
            raise ValueError("url is '-'; standard output, which it means, is closed")
        kind = os.fstat(fd).st_mode
        self.confirms = stat.S_ISREG(kind)
        if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            fd = _opened_again(fd)
        weakref.finalize(self, os.close, fd).atexit = False
        self._stream = Stream(fd, can_return=False)
        # Of a file to which nothing was written yet: how it ends is looked at once.
        self._fresh_file = fd if self.confirms else None

    def send(self, lines: Sequence[bytes]) -> SendResult:
        """Write *lines*."""
        if self._fresh_file is not None:
            if _ends_within_a_line(self._fresh_file):
                self._stream.begin_line()
            self._fresh_file = None
        return self._stream.send(lines, time.monotonic() + self._write_timeout)

    def close_after_fork(self) -> None:
        """Leave the rest of a line to the parent process; the output itself is shared."""
        self._stream.close_after_fork()

    def close(self) -> None:
        """End the last line; the output stays open for later events."""
        self._stream.finish(time.monotonic() + self._write_timeout)


def _opened_again(fd: int) -> int:
    """The same pipe or terminal, non-blocking for this descriptor alone; *fd* where that fails."""
    try:
        # Refused, for example, where the pipe belongs to another user (su).
        again = os.open(
            f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        )
    except (OSError, AttributeError):
        return fd
    os.close(fd)
    return again


def _ends_within_a_line(fd: int) -> bool:
    """Whether the file *fd*, of which only writing is sure, has a torn line at its end."""
    try:
        readable = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # nobody can tell
    try:
        size = os.fstat(readable).st_size
        return size > 0 and os.pread(readable, 1, size - 1) != b"\n"
    except OSError:
        return False
    finally:
        os.close(readable)


def _has_room(fd: int, seconds: float) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    # An error counts as room: the write tells which it is.
    return bool(poll.poll(max(1, int(seconds * 1000))))


def _pieces(lines: Sequence[bytes], skip: int) -> list[int]:
    """Sizes of what is written at once: as many whole lines as are atomic, or parts of one."""
    pieces: list[int] = []
    current = 0
    for line in lines[1 if skip else 0 :]:
        if current and current + len(line) > _ATOMIC_BYTES:
            pieces.append(current)
            current = 0
        current += len(line)
        while current > _ATOMIC_BYTES:
            pieces.append(_ATOMIC_BYTES)
            current -= _ATOMIC_BYTES
    return [*pieces, current] if current else pieces
