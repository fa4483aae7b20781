"""Descriptors that live long, in programs that close all descriptors and open files."""

from __future__ import annotations

import errno
import os
import weakref

from structlog_mozdef._raised import pass_on
from structlog_mozdef.files.opening import ignored_errors

try:
    import fcntl
    import resource
except ImportError:  # Windows, where nobody keeps files open for long
    pass

# Long-lived descriptors get numbers from here on, where the limit of the process allows it.
_HIGH_NUMBER = 768


class Descriptor:
    """An open file that lives long: its number is high, and it is known by its inode.

    A program that closes all descriptors, as daemons do, and then opens files of its own gets the
    lowest numbers. So it never finds our data in its files, nor C code our files under the numbers
    0 to 2; and what we find under our number is ours, or EBADF. Where a program opens so many files
    that it reaches our number, the inode tells, for those who ask.

    Args:
        fd: a descriptor, which this object takes over.

    Attributes:
        fd: the high number; -1 once it is closed.
    """

    __slots__ = ("__weakref__", "_inode", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = with_high_number(fd)
        status = os.fstat(self.fd)
        self._inode = (status.st_dev, status.st_ino)
        _open[self.fd] = (weakref.ref(self), self._inode)

    def is_ours(self) -> bool:
        """Return whether the number still stands for the file that was opened."""
        with ignored_errors():
            self.status()
            return True
        return False

    def status(self) -> os.stat_result:
        """Return the status of the file.

        Raises:
            OSError: the descriptor was closed, or stands for another file.
        """
        status = os.fstat(self.fd)
        if (status.st_dev, status.st_ino) != self._inode:
            raise OSError(errno.EBADF, "Descriptor closed by the program")
        return status

    def checked(self) -> int:
        """Return the number, which stands for the file that was opened.

        Raises:
            OSError: the descriptor was closed, or stands for another file.
        """
        self.status()
        return self.fd

    def close(self) -> None:
        """Close the file, unless the program has done that."""
        with ignored_errors():
            self.close_after_writing()

    def close_after_writing(self) -> None:
        """Close the file, unless the program has done that.

        Raises:
            OSError: what was written could not be kept; the file is closed all the same.
        """
        is_ours, fd = self.fd >= 0 and self.is_ours(), self.fd
        self.fd = -1
        if is_ours:
            os.close(fd)
            _open.pop(fd, None)


# Those of this process: number -> object, and inode.
_open: dict[int, tuple[weakref.ref[Descriptor], tuple[int, int]]] = {}


def close_lost_descriptors() -> None:
    """Close the files of objects that an exception of a signal handler has cost their owners.

    (``__del__`` would run in log calls as well, and swallow what another handler raises there.)
    """
    # A copy in one step: on Python 3.11 a collection, and in it a `close`, can interrupt ``list``.
    for fd, (reference, inode) in _open.copy().items():
        if reference() is None and _open.pop(fd, None) is not None:
            with ignored_errors():
                status = os.fstat(fd)
                if (status.st_dev, status.st_ino) == inode:
                    os.close(fd)


def with_high_number(fd: int) -> int:
    """Return *fd* under a high number, or under another that is not 0 to 2; close the old one.

    A number that one of our objects takes for its own is not used, though the program has closed
    it: what is written to it would go to this file.

    Raises:
        OSError: there is none; *fd* is closed.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for lowest in (min(_HIGH_NUMBER, limit * 3 // 4), 3):
        try:
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
            while high in _open:
                os.close(high)
                high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, high + 1)
        except OSError as error:
            pass_on(error)
            continue
        os.close(fd)
        return high
    if fd < 3:
        os.close(fd)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return fd
