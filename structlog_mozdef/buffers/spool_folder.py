"""The folder of a spool: who may use it, which streams are in it, and which of them are orphans.

All names are looked up relative to open descriptors and never through symbolic links, so that
nobody who can write somewhere above can redirect them.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from structlog_mozdef.buffers import locks
from structlog_mozdef.exceptions import SpoolError

#: Of `stream.json`. A stream of a later format is left alone.
FORMAT = 1
STREAM_FILE = "stream.json"
POSITION_FILE = "position"
DEAD_LETTERS_FILE = "dead-letters.ndjson"
#: Stands for the destination of whoever only looks.
ANY_DESTINATION = "*"
_STREAM_NAME = re.compile(r"\d{13}-\d{1,10}-[0-9a-f]{16}")
_SEGMENT_NAME = re.compile(r"(\d{10})\.ndjson")
_UNFINISHED = ".new-"
# A stream that its maker left unfinished holds no event; it is swept away after so many seconds.
_UNFINISHED_AGE = 60.0
#: Flags for every file: no link is followed, no pipe waited for, no child inherits it. (getattr:
#: where these are missing, a spool is refused anyway.)
PRIVATE = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_READ = os.O_RDONLY | PRIVATE
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)


class StreamFolder(NamedTuple):
    """A stream that is locked by this process.

    Attributes:
        name: of the subfolder.
        fd: descriptor of the subfolder.
        lock_fd: descriptor that holds the lock; the lock ends when it is closed.
    """

    name: str
    fd: int
    lock_fd: int

    def close(self) -> None:
        """Let others have the stream."""
        os.close(self.lock_fd)
        os.close(self.fd)


class Usage(NamedTuple):
    """What a folder holds: bytes, and the number of streams."""

    bytes: int
    streams: int


class SpoolFolder:
    """A folder that serves one destination.

    Args:
        path: made (0700) where it is missing.
        destination: without credentials.

    Raises:
        SpoolError: see `structlog_mozdef.buffers.spool.Spool`.
    """

    def __init__(self, path: str | os.PathLike[str], destination: str) -> None:
        if not locks.AVAILABLE:
            raise SpoolError(
                "a spool needs fcntl, which this platform does not have; use spool=None"
            )
        self.path = os.fspath(path)
        self.destination = destination
        self.fd = self._open()
        try:
            self._check_destination()
        except SpoolError:
            os.close(self.fd)
            raise

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> SpoolFolder:
        """The folder at *path*, whatever it holds, for a look from outside.

        Raises:
            SpoolError: there is none, or it is not this user's.
        """
        if not Path(path).is_dir():
            raise SpoolError(f"spool is {os.fspath(path)!r}; it must be an existing folder")
        return cls(path, ANY_DESTINATION)

    def _open(self) -> int:
        try:
            return _open_private_folder(self.path)
        except OSError as error:
            raise SpoolError(
                f"spool is {self.path!r}; it must be a folder that can be made and written:"
                f" {error.strerror}"
            ) from None

    def _check_destination(self) -> None:
        if self.destination == ANY_DESTINATION:
            return
        for name in self.stream_names():
            noted = self.destination_of(name)
            if noted is not None and noted != self.destination:
                raise SpoolError(
                    f"spool is {self.path!r}, which holds events for {noted}; a folder serves one"
                    f" destination, and this sink ships to {self.destination}"
                )

    def stream_names(self) -> list[str]:
        """The streams in the folder, oldest first."""
        return sorted(filter(_STREAM_NAME.fullmatch, os.listdir(self.fd)))

    def destination_of(self, name: str) -> str | None:
        """The destination that a stream notes; None where it notes none that can be read."""
        try:
            with _opened(f"{name}/{STREAM_FILE}", _READ, self.fd) as fd:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    return None
                noted = json.loads(os.read(fd, 10_000))["destination"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return noted if isinstance(noted, str) else None

    def create_stream(self) -> StreamFolder:
        """Make a stream of this process: locked, empty, and there from one moment to the next.

        Raises:
            OSError: it cannot be made.
        """
        try:
            return self._create_stream()
        except FileNotFoundError:
            # Somebody has removed the folder itself.
            fd, self.fd = self.fd, _open_private_folder(self.path)
            os.close(fd)
            return self._create_stream()

    def _create_stream(self) -> StreamFolder:
        assert self.destination != ANY_DESTINATION  # noqa: S101 - nobody would adopt it
        name = f"{time.time_ns() // 1_000_000:013d}-{os.getpid()}-{os.urandom(8).hex()}"
        unfinished = _UNFINISHED + name
        os.mkdir(unfinished, 0o700, dir_fd=self.fd)
        fd = open_folder(unfinished, self.fd)
        try:
            os.fchmod(fd, 0o700)
            lock_fd = create_file(STREAM_FILE, os.O_RDWR, fd)
            try:
                locks.try_lock(lock_fd)
                note = {"format": FORMAT, "destination": self.destination, "pid": os.getpid()}
                os.write(lock_fd, json.dumps(note).encode() + b"\n")
                os.rename(unfinished, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
            except OSError:
                os.close(lock_fd)
                raise
        except OSError:
            os.close(fd)
            raise
        return StreamFolder(name, fd, lock_fd)

    def adopt(self, most: int) -> Iterator[StreamFolder]:
        """Lock up to *most* streams whose owners are dead, oldest first.

        Streams of other destinations, of later formats and of other users are left alone.
        """
        for name in self.stream_names():
            if most <= 0:
                return
            adopted = self._lock_orphan(name)
            if adopted is not None:
                most -= 1
                yield adopted

    def _lock_orphan(self, name: str) -> StreamFolder | None:
        try:
            fd = open_folder(name, self.fd)
        except OSError:
            return None  # no folder, or gone meanwhile
        lock_fd = -1
        try:
            _check_owner(fd)
            flags = os.O_RDWR | os.O_CREAT | PRIVATE
            lock_fd = os.open(STREAM_FILE, flags, 0o600, dir_fd=fd)
            if locks.try_lock(lock_fd):
                # Another sink may have drained and removed it between the two calls.
                now = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
                if os.path.samestat(now, os.fstat(fd)) and self._is_ours(lock_fd):
                    return StreamFolder(name, fd, lock_fd)
        except OSError:
            pass  # somebody holds it, or it is nothing that we could use
        if lock_fd >= 0:
            os.close(lock_fd)
        os.close(fd)
        return None

    def _is_ours(self, lock_fd: int) -> bool:
        try:
            note = json.loads(os.pread(lock_fd, 10_000, 0))
            return bool(note["format"] == FORMAT and note["destination"] == self.destination)
        except (ValueError, KeyError, TypeError, RecursionError):
            return True  # damaged: the folder itself serves our destination

    def remove_stream(self, stream: StreamFolder) -> None:
        """Remove a stream that is drained, with what nobody needs any more in it."""
        with contextlib.suppress(OSError):
            for name in os.listdir(stream.fd):
                os.unlink(name, dir_fd=stream.fd)
            os.rmdir(stream.name, dir_fd=self.fd)
        stream.close()

    def sweep(self) -> None:
        """Remove streams that their makers died over, before they took an event."""
        for name in os.listdir(self.fd):
            if name.startswith(_UNFINISHED):
                with contextlib.suppress(OSError):
                    fd = open_folder(name, self.fd)
                    if time.time() - os.fstat(fd).st_mtime > _UNFINISHED_AGE:
                        self.remove_stream(StreamFolder(name, fd, os.dup(fd)))
                    else:
                        os.close(fd)

    def usage(self) -> Usage:
        """The bytes of everything in the folder, and the number of streams (1 at least)."""
        total, streams = 0, 0
        for entry in os.scandir(self.fd):
            with contextlib.suppress(OSError):
                if not _STREAM_NAME.fullmatch(entry.name):
                    total += entry.stat(follow_symlinks=False).st_size
                    continue
                streams += 1
                with _opened(entry.name, _FOLDER, self.fd) as fd:
                    for file in os.scandir(fd):
                        total += file.stat(follow_symlinks=False).st_size
        return Usage(total, max(streams, 1))


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


def _check_owner(fd: int) -> None:
    if os.fstat(fd).st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")


def segment_name(number: int) -> str:
    """The file name of a segment."""
    return f"{number:010d}.ndjson"


def segment_numbers(folder_fd: int) -> list[int]:
    """The segments of a stream, oldest first."""
    matches = map(_SEGMENT_NAME.fullmatch, os.listdir(folder_fd))
    return sorted(int(match[1]) for match in matches if match)


@contextlib.contextmanager
def _opened(name: str, flags: int, folder_fd: int) -> Iterator[int]:
    fd = os.open(name, flags, dir_fd=folder_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def _open_private_folder(path: str) -> int:
    for part in (Path(path).absolute(), *Path(path).absolute().parents):
        if part.is_symlink() and part.lstat().st_uid not in (0, os.geteuid()):
            raise SpoolError(
                f"spool is {path!r}, which leads through {str(part)!r}, a symbolic link of another"
                " user; it must be a folder of this user's"
            )
    made = False
    if not Path(path).is_dir():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mkdir(path, 0o700)
            made = True
        except FileExistsError:
            pass  # another process was faster, or it is no folder: see below
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    status = os.fstat(fd)
    complaint = None
    if status.st_uid != os.geteuid():
        complaint = f"belongs to user {status.st_uid}; it must belong to user {os.geteuid()}"
    elif made:
        os.fchmod(fd, 0o700)
    elif status.st_mode & 0o022:
        mode = stat.S_IMODE(status.st_mode)
        complaint = f"has mode {mode:o}; nobody else may write to it: chmod 700"
    if complaint is None and not os.access(path, os.W_OK | os.X_OK):
        complaint = "cannot be written by this user"
    if complaint is not None:
        os.close(fd)
        raise SpoolError(f"spool is {path!r}, which {complaint}")
    return fd
