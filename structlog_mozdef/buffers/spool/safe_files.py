"""Opening, making and closing the files of a spool, safely.

All names are looked up relative to open folders and never through symbolic links, so that nobody
who can write somewhere above can redirect them. A file belongs to the owner of the folder that it
is in; root, too, makes files for that user there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

from structlog_mozdef.buffers.spool.format import QUARANTINED_SUFFIX
from structlog_mozdef.exceptions import SpoolError

try:
    import fcntl
    import grp
    import pwd
    import resource
except ImportError:  # Windows, where `SpoolFolder` says that there is no spool
    pass

#: Flags for every file: no link is followed, no pipe waited for, no child inherits it. (getattr:
#: Windows has none of them.)
PRIVATE = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | PRIVATE
#: What opening says where a process may open no more; it says nothing about the file.
TOO_MANY_OPEN = frozenset({errno.EMFILE, errno.ENFILE})
#: What opening says of a file that is gone, a link, or no regular file.
NO_FILE = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV})
# As for the kernel: a path that leads through more is refused when it is opened.
_MOST_LINKS = 40
# Long-lived descriptors get numbers from here on, where the limit of the process allows it.
_HIGH_NUMBER = 768


def is_foreign(error: BaseException) -> bool:
    """Tell whether a signal handler of the program raised *error*, and not the disk."""
    traceback = error.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if module != "structlog_mozdef" and module not in sys.stdlib_module_names:
            return True
        traceback = traceback.tb_next
    return False


class ignored_errors:  # noqa: N801 - like `contextlib.suppress`
    """Ignore errors of the system, but none that a signal handler of the program raises."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> bool:
        return isinstance(error, OSError) and not is_foreign(error)


class Descriptor:
    """An open file that lives long: its number is high, and it is known by its inode.

    A program that closes all descriptors, as daemons do, and then opens files of its own gets the
    lowest numbers. So it never finds our events in its files, nor C code our files under the
    numbers 0 to 2; and what we find under our number is ours, or EBADF. Where a program opens so
    many files that it reaches our number, the inode tells: it is compared before each read and
    each ack, and for the file that is appended to with each credit and once a second.

    Args:
        fd: a descriptor, which this object takes over.

    Attributes:
        fd: the high number; -1 once it is closed.
    """

    __slots__ = ("__weakref__", "_inode", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = _with_high_number(fd)
        status = os.fstat(self.fd)
        self._inode = (status.st_dev, status.st_ino)
        _open[self.fd] = (weakref.ref(self), self._inode)

    def is_ours(self) -> bool:
        """Tell whether the number still stands for the file that was opened."""
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
            _open.pop(fd, None)
            os.close(fd)


# Those of this process: number -> object, and inode.
_open: dict[int, tuple[weakref.ref[Descriptor], tuple[int, int]]] = {}


def close_lost_descriptors() -> None:
    """Close the files of objects that an exception of a signal handler has cost their owners.

    (``__del__`` would run in log calls as well, and swallow what another handler raises there.)
    """
    for fd, (reference, inode) in list(_open.items()):
        if reference() is None and _open.pop(fd, None) is not None:
            with ignored_errors():
                status = os.fstat(fd)
                if (status.st_dev, status.st_ino) == inode:
                    os.close(fd)


def _with_high_number(fd: int) -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for lowest in (min(_HIGH_NUMBER, limit * 3 // 4), 3):
        try:
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
        except OSError as error:
            if is_foreign(error):
                raise
            continue
        os.close(fd)
        return high
    if fd < 3:
        os.close(fd)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return fd


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


def open_private_folder(path: str) -> int:
    """Open the folder at *path*, which is made (0700) where it is missing.

    Raises:
        SpoolError: others can write to it, or decide where the path leads.
        OSError: it cannot be made or opened.
    """
    absolute = Path(path).absolute()
    _check_links(absolute, path)
    _make(absolute)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        complaint = complaint_about(Path(path).stat())
        if complaint:
            raise SpoolError(f"spool is {path!r}, which {complaint}") from None
        raise
    try:
        complaint = complaint_about(os.fstat(fd)) or _complaint_about_parents(absolute)
        if not complaint and not os.access(path, os.W_OK | os.X_OK):
            complaint = "cannot be written by this user"
    except BaseException:
        os.close(fd)
        raise
    if complaint:
        os.close(fd)
        raise SpoolError(f"spool is {path!r}, which {complaint}")
    return fd


def complaint_about(status: os.stat_result) -> str:
    """Say what is wrong with the owner or the mode of a folder; "" where nothing is."""
    user = os.geteuid()
    if user not in (0, status.st_uid):
        return (
            f"belongs to user {status.st_uid}; it must belong to user {user}. Where root starts a"
            f" service that then runs as user {user}, make the folder for that user beforehand:"
            f" install -d -m 700 -o {user} FOLDER"
        )
    if status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        return f"has mode {mode:o}; nobody else may write to it: chmod 700"
    return ""


def _complaint_about_parents(path: Path) -> str:
    for parent in path.resolve().parents:
        status = parent.stat()
        others = status.st_mode & 0o002 or (
            status.st_mode & 0o020 and not _is_private_group(status.st_gid)
        )
        if others and not status.st_mode & stat.S_ISVTX:
            return (
                f"is below {str(parent)!r} of mode {stat.S_IMODE(status.st_mode):o}; others could"
                " put another folder in its place: chmod go-w, or use another folder"
            )
    return ""


def _is_private_group(group: int) -> bool:
    """Tell whether nobody but this user, or root, is in *group*: many systems make such groups."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    return group == 0 or (entry.gr_name == name and not set(entry.gr_mem) - {name})


def _check_links(path: Path, given: str, depth: int = 0) -> None:
    for part in (*reversed(path.parents), path):
        if not part.is_symlink():
            continue
        if part.lstat().st_uid not in (0, os.geteuid()):
            raise SpoolError(
                f"spool is {given!r}, which leads through {str(part)!r}, a symbolic link of another"
                " user; it must be a folder of this user's"
            )
        if depth < _MOST_LINKS:
            _check_links(part.parent / part.readlink(), given, depth + 1)


def _make(path: Path) -> None:
    """Make the folder and those above it that are missing, for this user alone."""
    if path.is_dir():
        return
    _make(path.parent)
    try:
        path.mkdir(0o700)
    except FileExistsError:
        return  # another process was faster, or it is no folder
    path.chmod(0o700)  # whatever the umask
    fd = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
