"""Appending complete lines to an open file, under a lock that other processes respect.

- A batch is one ``write`` to a descriptor with ``O_APPEND``, under an ``flock`` of the file.
- Where the disk is full in the middle of it, the file is cut back to the last complete line, unless
  a program without the lock has appended meanwhile.
- A batch that finds the file without a newline at its end (another process died there) begins with
  one.

Threads of one process need no other lock: each ``flock`` belongs to one open descriptor.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from structlog_mozdef import _flock
from structlog_mozdef._deadline import Deadline
from structlog_mozdef._fsync import sync_data
from structlog_mozdef._raised import pass_on
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.file.errors import file_error
from structlog_mozdef.transports.file.lines import complete_lines

#: Errors of file systems that have no locks.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})

_R = TypeVar("_R")


def run_locked(fd: int, deadline: Deadline, function: Callable[[], _R]) -> _R:
    """Call *function* while *fd* is locked, if its file system has locks.

    Raises:
        TransportError: another process keeps it locked.
    """
    # As in `structlog_mozdef._lock`: a file that stayed locked would hold up other processes.
    unlock, arguments = _flock.fcntl.flock, (fd, _flock.fcntl.LOCK_UN)
    try:
        _lock(fd, deadline)
        return function()
    finally:
        try:
            unlock(*arguments)
        except OSError as error:  # its file system has no locks
            pass_on(error)


def _lock(fd: int, deadline: Deadline) -> None:
    try:
        is_locked = _flock.lock_by(fd, deadline)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return
    if not is_locked:
        raise TransportError("the file cannot be written: another process keeps it locked")


def append_lines(fd: int, lines: Sequence[bytes]) -> SendResult:
    """Append *lines* to the file *fd*, which is locked.

    Raises:
        TransportError: not one line fitted.
        OSError: the end of the file cannot be examined or cut.
    """
    before = os.fstat(fd).st_size
    start = b"" if _ends_a_line(fd, before) else b"\n"
    data = memoryview(start + b"".join(lines))
    written = 0
    try:
        while written < len(data):
            written += os.write(fd, data[written:])
        return ALL_ACCEPTED
    except OSError as error:
        failure = file_error(error)
    count = _cut_back(fd, before, len(start), written, lines)
    if not count:
        raise failure
    return SendResult(retry=range(count, len(lines)), error=failure)


def _ends_a_line(fd: int, size: int) -> bool:
    if not size:
        return True
    try:
        return os.pread(fd, 1, size - 1) in (b"\n", b"")
    except OSError:
        return True  # it may be written, but not read


def _cut_back(fd: int, before: int, start: int, written: int, lines: Sequence[bytes]) -> int:
    """Cut a file back to its last complete line; return how many of *lines* it has then.

    Args:
        fd: of the file.
        before: its size before this batch.
        start: how many bytes were to be written before the lines.
        written: how many bytes of the batch were written.
        lines: what should have been written.
    """
    count, size = complete_lines(lines, written - start)
    # Where a program without the lock has appended, a torn line stays, and is ended later.
    if written > start + size and os.fstat(fd).st_size == before + written:
        os.ftruncate(fd, before + (start + size if count else 0))
    return count


def force_to_disk(fd: int) -> None:
    """Force the contents of *fd* to the disk.

    Raises:
        TransportError: the disk reports an error; what was written may be there or not.
    """
    doing = "the file cannot be forced to the disk"
    with mapped_errors(lambda error: file_error(error, doing, ambiguous=True), OSError):
        sync_data(fd)
