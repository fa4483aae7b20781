"""A file of NDJSON that any number of processes append to, and that others rotate.

- **Whole lines.** A batch is one ``write`` to a descriptor with ``O_APPEND``, under an ``flock``
  of the file. Where the disk is full in the middle of it, the file is cut back to the last whole
  line, unless somebody without the lock has appended meanwhile; and a batch that finds the file
  without a newline at its end (another process died there) begins with one.
- **Rotation.** Before each batch it is looked whether the path still means the open file; where it
  was renamed or removed, a new one is made. A file that was removed while a batch was written is
  written again. A file that was copied and truncated goes on at its beginning; what was written
  between the two is lost, as for every program (copytruncate of logrotate).
- **Links.** A symbolic link to an existing file is followed, since logs are often kept elsewhere
  so. A file is never made through one: a link to nothing in a folder that others can write to
  would let them choose where.
- **Anything else** that can be opened under the path, a named pipe or ``/dev/stdout``, is written
  to as `structlog_mozdef.transports.file.pipe` says.

Threads of one process need no lock beside: each `flock` belongs to one open descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Sequence

from structlog_mozdef import _flock
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.file.errors import transport_error_of, whole_lines
from structlog_mozdef.transports.file.pipe import Stream

_FLAGS = os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
# A named pipe without a reader is an error, instead of a wait without an end.
_FLAGS |= getattr(os, "O_NONBLOCK", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
#: Seconds between two attempts to lock the file.
_POLL_INTERVAL = 0.005
#: File systems that know no locks.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
#: How often a path that changes all the time is opened for one batch.
_ATTEMPTS = 10


class _ReplacedError(OSError):
    """The path means another file than the open one."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "it is replaced all the time")


class NamedFile:
    """Appends lines to the file at a path.

    Args:
        path: where it is.
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
        self._stream: Stream | None = None

    @property
    def confirms(self) -> bool:
        """Whether what was written is safe from the end of any process."""
        if self._stream is not None:
            return False
        try:
            return self._fd >= 0 or stat.S_ISREG(os.stat(self._path).st_mode)  # noqa: PTH116
        except OSError:
            return True  # what is made here is a file

    def send(self, lines: Sequence[bytes]) -> SendResult:
        """Append all of *lines*."""
        deadline = time.monotonic() + self._write_timeout
        for _ in range(_ATTEMPTS):
            try:
                self._open_current()
                if self._stream is not None:
                    return self._stream.send(lines, deadline)
                return self._append(lines, deadline)
            except _ReplacedError as error:
                self.close()
                failure = transport_error_of(error, "the file cannot be written")
            except OSError as error:
                failure = transport_error_of(error, "the file cannot be written")
                self.close()  # it is opened anew: what is wrong may be the descriptor
                break
        raise failure

    def _open_current(self) -> None:
        # A regular file is looked at when it is locked.
        if self._stream is not None and not self._is_current():
            self.close()
        if self._fd < 0:
            fd = self._open()
            kind = os.fstat(fd).st_mode
            if stat.S_ISBLK(kind):
                os.close(fd)
                raise OSError(errno.EACCES, "it is a disk, not a file")
            self._fd = fd
            if not stat.S_ISREG(kind):
                self._stream = Stream(fd, can_return=True)

    def _is_current(self) -> bool:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - a text
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
        # Who opens a named pipe for reading, too, is taken for its reader.
        if stat.S_ISREG(os.stat(self._path).st_mode):  # noqa: PTH116 - a text
            # Reading is for the last byte, and may be refused.
            with contextlib.suppress(PermissionError):
                return os.open(self._path, _FLAGS | os.O_RDWR)
        return os.open(self._path, _FLAGS | os.O_WRONLY)

    def _make(self) -> int:
        flags = _FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
        fd = os.open(self._path, flags, self._mode)
        try:
            os.fchmod(fd, self._mode)  # the umask took its part
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

    def _append(self, lines: Sequence[bytes], deadline: float) -> SendResult:
        fd = self._fd
        is_locked = _lock(fd, deadline)
        try:
            if not self._is_current():
                raise _ReplacedError  # it was rotated while this process waited
            result = self._write(fd, lines)
            if self._fsync:
                _force(fd)
            if not os.fstat(fd).st_nlink:
                raise _ReplacedError  # it was removed, and the lines with it
        finally:
            if is_locked:
                _flock.unlock(fd)
        return result

    def _write(self, fd: int, lines: Sequence[bytes]) -> SendResult:
        before = os.fstat(fd).st_size
        start = b"" if _ends_a_line(fd, before) else b"\n"
        data = memoryview(start + b"".join(lines))
        written = 0
        try:
            while written < len(data):
                written += os.write(fd, data[written:])
            return ALL_ACCEPTED
        except OSError as error:
            failure = transport_error_of(error, "the file cannot be written")
        count = _cut_back(fd, before, len(start), written, lines)
        if not count:
            raise failure
        return SendResult(retry=range(count, len(lines)), error=failure)

    def close_after_fork(self) -> None:
        """Let the descriptor of the parent process go."""
        self._close()

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.finish(time.monotonic() + self._write_timeout)
        self._close()

    def _close(self) -> None:
        self._stream = None
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):  # what it could tell, `fsync` tells before
                os.close(fd)


def _force(fd: int) -> None:
    try:
        getattr(os, "fdatasync", os.fsync)(fd)
        return
    except OSError as error:
        failure = transport_error_of(error, "the disk does not take the file", ambiguous=True)
    raise failure


def _lock(fd: int, deadline: float) -> bool:
    """Lock *fd*; False where its file system has no locks."""
    while True:
        try:
            if _flock.try_lock(fd):
                return True
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return False
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process keeps it locked")
        time.sleep(_POLL_INTERVAL)


def _cut_back(fd: int, before: int, start: int, written: int, lines: Sequence[bytes]) -> int:
    """Cut a file that had *before* bytes back to its last whole line; how many of *lines* it has.

    Args:
        fd: of the file.
        before: its size before *written* bytes came to it.
        start: how many of these come before the lines.
        written: see above.
        lines: what should have been written.
    """
    count, size = whole_lines(lines, written - start)
    # Somebody without the lock may have appended: then a torn line stays, and is ended later.
    if written > start + size and os.fstat(fd).st_size == before + written:
        os.ftruncate(fd, before + (start + size if count else 0))
    return count


def _ends_a_line(fd: int, size: int) -> bool:
    if not size:
        return True
    try:
        return os.pread(fd, 1, size - 1) in (b"\n", b"")
    except OSError:
        return True  # it may be written, but not read
