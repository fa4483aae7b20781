"""NDJSON to standard output, as it is when the transport is made.

- **Descriptor.** A duplicate of descriptor 1 is kept, so that events follow no later redirection,
  and never go to a socket or a database that got the number 1 after standard output was closed.
- **Blocking.** The descriptor is shared with other programs, so it is not made non-blocking: on
  Linux the pipe or terminal is opened a second time, for this transport alone. Elsewhere the
  transport waits until there is space.

`structlog_mozdef.transports.file.pipe` describes how lines are written.
"""

from __future__ import annotations

import os
import stat
import sys
import weakref
from collections.abc import Sequence

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.file.pipe import Pipe

_STANDARD_OUTPUT = 1
#: Of a descriptor of our own; Windows has none of these.
_OWN_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC"))


class StandardOutput:
    """Writes lines to what is standard output when it is made.

    Args:
        write_timeout: seconds that a batch may wait for the reader.

    Attributes:
        confirms: whether it is a file, which keeps what was written when its readers end.

    Raises:
        ValueError: standard output is closed.
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
            own_fd = _open_again(fd, os.O_WRONLY)
            if own_fd >= 0:
                os.close(fd)
                fd = own_fd
        weakref.finalize(self, os.close, fd).atexit = False
        self._pipe = Pipe(fd, can_return=False)
        # Of a file to which nothing was written yet: its end is checked once.
        self._unchecked_fd = fd if self.confirms else -1

    def send(self, lines: Sequence[bytes]) -> SendResult:
        """Write *lines*."""
        if self._unchecked_fd >= 0:
            if _ends_within_a_line(self._unchecked_fd):
                self._pipe.begin_line()
            self._unchecked_fd = -1
        return self._pipe.send(lines, Deadline.after(allowed(self._write_timeout)))

    def close_after_fork(self) -> None:
        """Leave the rest of a line to the parent process; the output itself is shared."""
        self._pipe.close_after_fork()

    def close(self) -> None:
        """End the last line; the output stays open for later events."""
        self._pipe.close(Deadline.after(allowed(self._write_timeout)))


def _open_again(fd: int, mode: int) -> int:
    """Open what *fd* leads to for this process alone, non-blocking; return -1 where that fails.

    It fails, for example, on systems other than Linux, and where a pipe belongs to another user
    (su).
    """
    try:
        return os.open(f"/proc/self/fd/{fd}", mode | _OWN_FLAGS)
    except OSError:
        return -1


def _ends_within_a_line(fd: int) -> bool:
    """Whether the file *fd*, which perhaps cannot be read, has a torn line at its end."""
    readable = _open_again(fd, os.O_RDONLY)
    if readable < 0:
        return False  # it cannot be known
    with os.fdopen(readable, "rb") as file:
        try:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return file.read(1) not in (b"\n", b"")
        except OSError:
            return False
