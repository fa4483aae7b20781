"""A file of NDJSON under a path, which any number of processes append to and others rotate.

- **Rotation.** Before each batch the transport checks whether the path still means the open file;
  where it was renamed or removed, a new one is made. A file that was removed while a batch was
  written is written again. A file that was copied and truncated goes on at its beginning; what was
  written between the two is lost, as for every program (copytruncate of logrotate).
- **Links.** A symbolic link to an existing file is followed, since logs are often kept elsewhere
  so. A file is never made through one: a link to nothing in a folder that others can write to
  would let them choose where.
- **Anything else** that can be opened under the path, a named pipe or ``/dev/stdout``, is written
  to as `structlog_mozdef.transports.file.pipe` says.

`structlog_mozdef.transports.file.append` describes how a batch is written to the open file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence

from structlog_mozdef import _flock
from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef.files.descriptor import with_high_number
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.file.append import append_lines, force_to_disk, run_locked
from structlog_mozdef.transports.file.errors import file_error
from structlog_mozdef.transports.file.pipe import Pipe

_FLAGS = os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
# A named pipe without a reader is an error, instead of a wait without an end.
_FLAGS |= getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
#: How often a path that changes all the time is opened for one batch.
_ATTEMPTS = 10


class _ReplacedError(OSError):
    """The path means another file than the open one."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "it is replaced all the time")


class NamedFile:
    """Appends lines to the file at a path.

    Args:
        path: of the file.
        mode: permissions of a file that is made.
        write_timeout: seconds to wait for the lock, or for the reader of a pipe.
        fsync: force each batch to the disk.

    Raises:
        ValueError: on a platform without locks.
    """

    def __init__(self, path: str, mode: int, write_timeout: float, *, fsync: bool) -> None:
        if not _flock.AVAILABLE:
            raise ValueError("file:// needs fcntl, which this platform does not have")
        self._path = path
        self._mode = mode
        self._write_timeout = write_timeout
        self._fsync = fsync
        self._fd = -1
        # Set where the path leads to no regular file.
        self._pipe: Pipe | None = None

    @property
    def confirms(self) -> bool:
        """Whether what was written is safe from the end of any process."""
        if self._pipe is not None:
            return False
        try:
            return self._fd >= 0 or stat.S_ISREG(os.stat(self._path).st_mode)  # noqa: PTH116
        except OSError:
            return True  # what is made here is a file

    def send(self, lines: Sequence[bytes]) -> SendResult:
        """Append *lines*."""
        deadline = Deadline.after(allowed(self._write_timeout))
        with mapped_errors(file_error, OSError):
            for _ in range(_ATTEMPTS):
                try:
                    self._open_current()
                    if self._pipe is not None:
                        return self._pipe.send(lines, deadline)
                    return self._append(lines, deadline)
                except _ReplacedError:
                    self.close()
                except OSError:
                    self.close()  # it is opened again: what is wrong may be the descriptor
                    raise
            raise _ReplacedError

    def _append(self, lines: Sequence[bytes], deadline: Deadline) -> SendResult:
        fd = self._fd
        return run_locked(fd, deadline, lambda: self._append_locked(fd, lines))

    def _append_locked(self, fd: int, lines: Sequence[bytes]) -> SendResult:
        if not self._is_current():
            raise _ReplacedError  # it was rotated while this process waited
        result = append_lines(fd, lines)
        if self._fsync:
            force_to_disk(fd)
        if not os.fstat(fd).st_nlink:
            raise _ReplacedError  # it was removed, and the lines with it
        return result

    def _open_current(self) -> None:
        # A regular file is checked when it is locked.
        if self._pipe is not None and not self._is_current():
            self.close()
        if self._fd < 0:
            fd = with_high_number(self._open())
            kind = os.fstat(fd).st_mode
            if stat.S_ISBLK(kind):
                os.close(fd)
                raise OSError(errno.EACCES, "it is a disk, not a file")
            self._fd = fd
            if not stat.S_ISREG(kind):
                self._pipe = Pipe(fd, can_return=True)

    def _is_current(self) -> bool:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - a string
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._fd))

    def _open(self) -> int:
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return self._open_existing()
            with contextlib.suppress(FileExistsError):
                return self._make()
            if os.path.islink(self._path) and not os.path.exists(self._path):  # noqa: PTH110, PTH114
                raise OSError(errno.ELOOP, "it is a symbolic link to nothing")
        raise _ReplacedError

    def _open_existing(self) -> int:
        # A program that opens a named pipe for reading, too, counts as its reader.
        if stat.S_ISREG(os.stat(self._path).st_mode):  # noqa: PTH116 - a string
            # Reading is for the last byte, and may be forbidden.
            with contextlib.suppress(PermissionError):
                return os.open(self._path, _FLAGS | os.O_RDWR)
        return os.open(self._path, _FLAGS | os.O_WRONLY)

    def _make(self) -> int:
        flags = _FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
        fd = os.open(self._path, flags, self._mode)
        try:
            os.fchmod(fd, self._mode)  # the umask has removed some
            if self._fsync:
                folder = os.open(os.path.dirname(self._path) or "/", os.O_RDONLY)  # noqa: PTH120
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError:
            os.close(fd)
            raise
        return fd

    def close(self) -> None:
        """Write what is left of a line to a pipe, and close the file."""
        if self._pipe is not None:
            self._pipe.close(Deadline.after(allowed(self._write_timeout)))
        self.close_after_fork()

    def close_after_fork(self) -> None:
        """Close the descriptor of the parent process; write nothing to it."""
        self._pipe = None
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):  # `fsync` has reported before what this could report
                os.close(fd)
