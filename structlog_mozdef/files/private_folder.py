"""A folder of this user alone: nobody else can write to it, or put another in its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

try:
    import grp
    import pwd
except ImportError:  # Windows, which has no owners and modes of this kind
    pass

# As for the kernel: a path that leads through more cannot be opened.
_MOST_LINKS = 40


class NotPrivateError(OSError):
    """Others can write to a folder, or decide where its path leads.

    Args:
        complaint: goes on behind "..., which".
    """

    def __init__(self, complaint: str) -> None:
        super().__init__(errno.EPERM, complaint)
        self.complaint = complaint


def open_private_folder(path: str) -> int:
    """Open the folder at *path*, which is made (0700) where it is missing.

    Raises:
        NotPrivateError: others can write to it, or decide where the path leads.
        OSError: it cannot be made or opened.
    """
    absolute = Path(path).absolute()
    _check_links(absolute)
    _make(absolute)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        complaint = complaint_about(Path(path).stat())
        if complaint:
            raise NotPrivateError(complaint) from None
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
        raise NotPrivateError(complaint)
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
    """Return whether only this user, or root, is in *group*: many systems make such groups."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    return group == 0 or (entry.gr_name == name and not set(entry.gr_mem) - {name})


def _check_links(path: Path, depth: int = 0) -> None:
    for part in (*reversed(path.parents), path):
        if not part.is_symlink():
            continue
        if part.lstat().st_uid not in (0, os.geteuid()):
            raise NotPrivateError(
                f"leads through {str(part)!r}, a symbolic link of another user; it must be a folder"
                " of this user's"
            )
        if depth < _MOST_LINKS:
            _check_links(part.parent / part.readlink(), depth + 1)


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
