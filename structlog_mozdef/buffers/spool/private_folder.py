"""A folder that only this user can write to, wherever its path leads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from structlog_mozdef.exceptions import SpoolError

# As for the kernel: a path that leads through more is refused when it is opened.
_MOST_LINKS = 40


def open_private_folder(path: str) -> int:
    """Open the folder at *path*, which is made (0700) where it is missing.

    Raises:
        SpoolError: others can write to it, or decide where the path leads.
        OSError: it cannot be made or opened.
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
