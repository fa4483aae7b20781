"""Opening and making files, safely.

All names are looked up relative to open folders and never through symbolic links, so that nobody
who can write somewhere above can redirect them. A file belongs to the owner of the folder that it
is in; root, too, makes files for that user there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from structlog_mozdef._raised import is_from_signal_handler

#: Ends the name of what cannot be removed, and is left for a person to look at.
QUARANTINED_SUFFIX = ".aside"
#: Flags for every file: no link is followed, no pipe waited for, no child inherits it. (getattr:
#: Windows has none of them.)
PRIVATE = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | PRIVATE
#: What opening says where a process may open no more; it says nothing about the file.
TOO_MANY_OPEN = frozenset({errno.EMFILE, errno.ENFILE})
#: What opening says of a file that is gone, a link, or no regular file.
NO_FILE = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV})


class ignored_errors:  # noqa: N801 - like `contextlib.suppress`
    """Ignore errors of the system, but none that a signal handler of the program raises."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> bool:
        return isinstance(error, OSError) and not is_from_signal_handler(error)


def quarantine(name: str, folder_fd: int) -> None:
    """Remove *name*, whatever it is; a folder that is not empty gets another name.

    Raises:
        OSError: neither can be done. A missing file is no error.
    """
    try:
        os.unlink(name, dir_fd=folder_fd)
    except FileNotFoundError:
        pass
    except OSError:
        try:
            os.rmdir(name, dir_fd=folder_fd)
        except OSError:
            other = f"{name}{QUARANTINED_SUFFIX}-{os.urandom(4).hex()}"
            os.rename(name, other, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def create_file(name: str, flags: int, folder_fd: int) -> int:
    """Make a file that nobody else can read, whatever the umask. It must not exist."""
    fd = os.open(name, flags | os.O_CREAT | os.O_EXCL | PRIVATE, 0o600, dir_fd=folder_fd)
    try:
        os.fchmod(fd, 0o600)
        give_to_owner_of(folder_fd, fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def give_to_owner_of(folder_fd: int, fd: int) -> None:
    """Where root works in the folder of another user, make *fd* that user's."""
    if os.geteuid() == 0:
        owner = os.fstat(folder_fd)
        if owner.st_uid != 0:
            os.fchown(fd, owner.st_uid, owner.st_gid)


def open_folder(name: str, folder_fd: int) -> int:
    """Open a subfolder that is no link.

    Raises:
        OSError: it is something else, or missing.
    """
    return os.open(name, _FOLDER, dir_fd=folder_fd)


@contextlib.contextmanager
def opened_folder(name: str, folder_fd: int) -> Iterator[int]:
    """Open a subfolder for as long as the context lasts."""
    fd = open_folder(name, folder_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def open_file(name: str, folder_fd: int, flags: int = os.O_RDONLY) -> int:
    """Open a regular file of the folder's owner, and nothing else.

    Raises:
        OSError: it is something else (a link, a pipe, a folder, somebody else's), or missing.
    """
    fd = os.open(name, flags | PRIVATE, dir_fd=folder_fd)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.fstat(folder_fd).st_uid:
        os.close(fd)
        raise OSError(errno.EINVAL, f"{name} is no regular file of this user")
    return fd


def read_file(name: str, folder_fd: int, size: int) -> bytes:
    """Return the first *size* bytes of a regular file; b"" where there is no such file.

    Raises:
        OSError: no file can be opened now.
    """
    try:
        fd = open_file(name, folder_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return b""
    try:
        with ignored_errors():
            return os.pread(fd, size, 0)
        return b""
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write *data*.

    Raises:
        OSError: the disk did not accept all of it.
    """
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
