"""NDJSON to anything that has a reader of its own: a pipe, a socket, a terminal.

- **Complete lines.** Lines go out in pieces of at most ``PIPE_BUF`` bytes, which POSIX makes
  atomic: what the program prints, or another process writes, comes between lines. A longer line
  can be torn by them, but only while the pipe is full. The rest of a line that did not fit is
  written first by the next attempt.
- **Waiting.** A reader that is slow holds the sender until the write timeout at most.
- **No reader.** Where the reader is gone (EPIPE), that is reported, and the events are kept.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from collections.abc import Sequence

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.file.errors import file_error
from structlog_mozdef.transports.file.lines import complete_lines

#: The largest piece that is written at once or not at all.
_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
#: Seconds between two attempts where the system does not say when there is space.
_POLL_INTERVAL = 0.005


class Pipe:
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

    def send(self, lines: Sequence[bytes], deadline: Deadline) -> SendResult:
        """Write what is left of the last line, then *lines*, until *deadline*."""
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
            failure = file_error(error, "nobody reads the events")
            is_gone = error.errno == errno.EPIPE
            failure.retryable |= is_gone and self._can_return
        return self._keep_rest(lines, written, failure, is_gone=is_gone)

    def _keep_rest(
        self, lines: Sequence[bytes], written: int, failure: TransportError, *, is_gone: bool
    ) -> SendResult:
        count, size = complete_lines(lines, written)
        if is_gone:
            self.close_after_fork()  # another reader must not begin with the rest of a line
        elif written > size:
            self._torn = lines[count]
            self._rest = self._torn[written - size :]
        if not count:
            raise failure
        return SendResult(retry=range(count, len(lines)), error=failure)

    def _write_rest(self, deadline: Deadline) -> None:
        while self._rest:
            part = memoryview(self._rest)[:_ATOMIC_BYTES]
            self._rest = self._rest[self._write_some(part, deadline) :]

    def _write_some(self, data: memoryview, deadline: Deadline) -> int:
        while seconds := deadline.left():
            if not _has_space(self._fd, seconds):
                continue
            try:
                return os.write(self._fd, data)
            except BlockingIOError:
                time.sleep(_POLL_INTERVAL)  # less space than the piece needs
        raise TimeoutError(errno.ETIMEDOUT, "timed out")

    def begin_line(self) -> None:
        """Write a newline before anything else: another process died within a line."""
        self._rest = b"\n"

    def close(self, deadline: Deadline) -> None:
        """Write what is left of a line, if that can be done until *deadline*."""
        try:
            self._write_rest(deadline)
        except OSError:
            pass  # its event was never counted as delivered

    def close_after_fork(self) -> None:
        """Leave the rest of a line to the parent process."""
        self._rest = self._torn = b""


def _has_space(fd: int, seconds: float) -> bool:
    """Wait until *fd* can be written to; False after *seconds*. An error counts as space."""
    if sys.platform == "win32" or not hasattr(select, "poll"):
        return True  # the write waits
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(max(1, int(seconds * 1000))))


def _pieces(lines: Sequence[bytes], skip: int) -> list[int]:
    """Return the sizes of what is written at once: complete lines as far as they are atomic.

    Args:
        lines: to be written.
        skip: not 0: the first line has been written.
    """
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
