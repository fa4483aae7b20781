"""The files of a spool: their names, and how they are opened, made and set aside.

All names are looked up relative to open folders and never through symbolic links, so that nobody
who can write somewhere above can redirect them.
"""

from __future__ import annotations

import errno
import os
import re
import stat

STREAM_FILE = "stream.json"
POSITION_FILE = "position"
DEAD_LETTERS_FILE = "dead-letters.ndjson"
_SEGMENT_NAME = re.compile(r"(\d{10})\.ndjson")
#: Ends the name of what cannot be removed, and is left for a person to look at.
QUARANTINED_SUFFIX = ".aside"
#: Flags for every file: no link is followed, no pipe waited for, no child inherits it. (getattr:
#: where these are missing, a spool is refused anyway.)
PRIVATE = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_READ = os.O_RDONLY | PRIVATE
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)
#: What opening says where a process may open no more; it says nothing about the file.
TOO_MANY_OPEN = frozenset({errno.EMFILE, errno.ENFILE})


def quarantine(name: str, folder_fd: int) -> None:
    """Remove *name*, whatever it is; a folder that is not empty gets another name.

    Raises:
        OSError: neither can be done. That it is missing is none.
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
    flags |= os.O_CREAT | os.O_EXCL | PRIVATE
    fd = os.open(name, flags, 0o600, dir_fd=folder_fd)
    os.fchmod(fd, 0o600)
    return fd


def open_folder(name: str, folder_fd: int) -> int:
    """Open a subfolder that is no link.

    Raises:
        OSError: it is something else, or missing.
    """
    return os.open(name, _FOLDER, dir_fd=folder_fd)


def open_to_read(name: str, folder_fd: int) -> int:
    """Open a regular file of this user, and nothing else.

    Raises:
        OSError: it is something else (a link, a pipe, a folder, somebody else's), or missing.
    """
    fd = os.open(name, _READ, dir_fd=folder_fd)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        os.close(fd)
        raise OSError(errno.EINVAL, f"{name} is no regular file of this user")
    return fd


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{number:010d}.ndjson"


def segment_numbers(folder_fd: int) -> list[int]:
    """The segments of a stream, oldest first."""
    matches = map(_SEGMENT_NAME.fullmatch, os.listdir(folder_fd))
    return sorted(int(match[1]) for match in matches if match)
