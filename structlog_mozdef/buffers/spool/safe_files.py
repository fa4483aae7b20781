"""How files and folders are opened, made and removed where somebody may have tampered with them.

The folder of a spool must be one that only this user can write to, wherever its path leads. All
names in it are looked up relative to open folders and never through symbolic links, so that nobody
who can write somewhere above can redirect them.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from structlog_mozdef.exceptions import SpoolError

#: Ends the name of a file or folder that is quarantined: it could not be removed.
QUARANTINED_SUFFIX = ".aside"
#: Flags for every file: no link is followed, no pipe waited for, no child inherits it. (getattr:
#: where these are missing, there is no flock either, and no spool.)
PRIVATE = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_READ = os.O_RDONLY | PRIVATE
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)
#: Errors from opening that concern the process, and not the file.
TOO_MANY_OPEN = frozenset({errno.EMFILE, errno.ENFILE})
# As for the kernel: opening a path with more links fails.
_MAX_LINKS = 40


def quarantine(name: str, folder_fd: int) -> None:
    """Remove *name*, whatever it is; rename it if it is a folder that is not empty.

    Raises:
        OSError: neither is possible. A missing file is no error.
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
    """Create a file that nobody else can read, whatever the umask. It must not exist."""
    flags |= os.O_CREAT | os.O_EXCL | PRIVATE
    fd = os.open(name, flags, 0o600, dir_fd=folder_fd)
    os.fchmod(fd, 0o600)
    return fd


def open_folder(name: str, folder_fd: int) -> int:
    """Open a subfolder, following no link.

    Raises:
        OSError: it is missing, or not a folder.
    """
    return os.open(name, _FOLDER, dir_fd=folder_fd)


def open_to_read(name: str, folder_fd: int) -> int:
    """Open a regular file of this user.

    Raises:
        OSError: it is missing, a link, a pipe, a folder, or another user's.
    """
    fd = os.open(name, _READ, dir_fd=folder_fd)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        os.close(fd)
        raise OSError(errno.EINVAL, f"{name} is not a regular file of this user")
    return fd


def open_private_folder(path: str) -> int:
    """Open the folder at *path*; create it (0700) if it is missing.

    Raises:
        SpoolError: others can write to it, or decide where the path leads.
        OSError: it cannot be created or opened.
    """
    absolute = Path(path).absolute()
    _check_links(absolute, path)
    _make(absolute)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    status = os.fstat(fd)
    complaint = None
    if status.st_uid != os.geteuid():
        complaint = f"belongs to user {status.st_uid}; it must belong to user {os.geteuid()}"
    elif status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        complaint = f"has mode {mode:o}; nobody else may write to it: chmod 700"
    elif not os.access(path, os.W_OK | os.X_OK):
        complaint = "cannot be written by this user"
    if complaint is not None:
        os.close(fd)
        raise SpoolError(f"spool is {path!r}, which {complaint}")
    return fd


def _check_links(path: Path, given: str, depth: int = 0) -> None:
    for part in (*reversed(path.parents), path):
        if not part.is_symlink():
            continue
        if part.lstat().st_uid not in (0, os.geteuid()):
            raise SpoolError(
                f"spool is {given!r}, which leads through {str(part)!r}, a symbolic link of another"
                " user; it must be a folder of this user's"
            )
        if depth < _MAX_LINKS:
            _check_links(part.parent / part.readlink(), given, depth + 1)


def _make(path: Path) -> None:
    """Create the folder and missing parents, for this user alone."""
    if path.is_dir():
        return
    _make(path.parent)
    try:
        path.mkdir(0o700)
    except FileExistsError:
        return  # another process was faster, or it is not a folder
    path.chmod(0o700)  # whatever the umask
    fd = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
