"""The folder of a spool: who may use it, which streams are in it, and which of them are orphans.

How its files are opened is in `structlog_mozdef.buffers.spool.safe_files`, how they are named in
`structlog_mozdef.buffers.spool.format`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.format import (
    ACK_OFFSET_FILE,
    ANY_DESTINATION,
    DEAD_LETTERS_FILE,
    FORMAT,
    STREAM_FILE,
    read_metadata,
    reason_not_to_adopt,
)
from structlog_mozdef.buffers.spool.safe_files import (
    QUARANTINED_SUFFIX,
    TOO_MANY_OPEN,
    create_file,
    open_folder,
    open_private_folder,
    quarantine,
)
from structlog_mozdef.exceptions import SpoolError

_STREAM_NAME = re.compile(r"\d{13}-\d{1,10}-[0-9a-f]{16}")
_UNFINISHED = ".new-"
# Seconds after which an unfinished stream is removed: its maker died before its first event.
_UNFINISHED_AGE = 60.0


class StreamLock:
    """The lock of this process on one stream: ``flock`` on the subfolder itself.

    Args:
        name: of the subfolder.
        fd: descriptor of the subfolder; the lock ends when it is closed.
    """

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd

    def close(self) -> None:
        """Release the lock, so that others can adopt the stream."""
        # Cleared before it is closed: a child forked meanwhile closes the descriptors it finds.
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):  # `close_streams_after_fork` was faster
                os.close(fd)


# Those of this process.
_folders: weakref.WeakSet[SpoolFolder] = weakref.WeakSet()


class Usage(NamedTuple):
    """What a folder holds: bytes without those of dead letters, and the number of streams."""

    bytes: int
    streams: int


class SpoolFolder:
    """A folder that serves one destination.

    Args:
        path: created (0700) if it is missing.
        destination: without credentials.

    Raises:
        SpoolError: see `structlog_mozdef.buffers.spool.Spool`.
    """

    def __init__(self, path: str | os.PathLike[str], destination: str) -> None:
        if not _flock.AVAILABLE:
            raise SpoolError(
                "a spool needs fcntl, which this platform does not have; use spool=None"
            )
        self.path = os.fspath(path)
        self.destination = destination
        self.fd = -1
        #: Why streams of dead processes cannot be adopted by this process: name -> reason.
        self.left_alone: dict[str, str] = {}
        self.fd = self._open()
        try:
            self._check_destination()
        except (SpoolError, OSError):
            self.close()
            raise
        _folders.add(self)

    def close_streams_after_fork(self) -> None:
        """In a forked child: close every stream that is open, even one not yet recorded anywhere.

        A thread of the parent may have been opening or closing one at the moment of the fork, and
        a child that kept it open would keep its lock, for as long as it lives.
        """
        try:
            names = os.listdir("/dev/fd")
        except OSError:
            return  # this platform has no such list
        kept = {folder.fd for folder in list(_folders)}
        for fd in {int(name) for name in names} - kept:
            with contextlib.suppress(OSError):  # the descriptor of the list itself, and closed ones
                if stat.S_ISDIR(os.fstat(fd).st_mode):
                    parent = os.stat("..", dir_fd=fd)
                    if os.path.samestat(parent, os.fstat(self.fd)):
                        os.close(fd)

    def close(self) -> None:
        """Close the folder."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        # A closed sink can be used again: the folder stays open as long as the sink exists.
        self.close()

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> SpoolFolder:
        """Open the folder at *path* for inspection, whatever its destination.

        Raises:
            SpoolError: it does not exist, or is not private to this user.
        """
        if not Path(path).is_dir():
            raise SpoolError(f"spool is {os.fspath(path)!r}; it must be an existing folder")
        return cls(path, ANY_DESTINATION)

    def _open(self) -> int:
        try:
            return open_private_folder(self.path)
        except OSError as error:
            raise SpoolError(
                f"spool is {self.path!r}; it must be a folder that can be made and written:"
                f" {error.strerror}"
            ) from None

    def _check_destination(self) -> None:
        if self.destination == ANY_DESTINATION:
            return
        for name in self.stream_names():
            found = self.destination_of(name)
            if found is not None and found != self.destination:
                raise SpoolError(
                    f"spool is {self.path!r}, which holds events for {found!r}; a folder serves one"
                    f" destination, and this sink ships to {self.destination!r}"
                )

    def stream_names(self) -> list[str]:
        """Return the names of the streams in the folder, oldest first."""
        return sorted(filter(_STREAM_NAME.fullmatch, self._names()))

    def _names(self) -> list[str]:
        # Other threads and forked processes share the read offset of our descriptor, so that
        # names could be missed.
        with _opened(".", self.fd) as fd:
            return os.listdir(fd)

    def destination_of(self, name: str) -> str | None:
        """Return the destination in the metadata of a stream; None if it cannot be read."""
        try:
            with _opened(name, self.fd) as fd:
                return read_metadata(fd).destination
        except OSError:
            return None

    def create_stream(self) -> StreamLock:
        """Create and lock a new stream; a rename makes it visible to others atomically.

        Raises:
            OSError: it cannot be created.
        """
        try:
            return self._create_stream()
        except FileNotFoundError:
            # Somebody has removed the folder itself.
            fd, self.fd = self.fd, open_private_folder(self.path)
            os.close(fd)
            return self._create_stream()

    def _create_stream(self) -> StreamLock:
        assert self.destination != ANY_DESTINATION  # noqa: S101 - nobody would adopt it
        name = f"{time.time_ns() // 1_000_000:013d}-{os.getpid()}-{os.urandom(8).hex()}"
        unfinished = _UNFINISHED + name
        os.mkdir(unfinished, 0o700, dir_fd=self.fd)
        try:
            # By its name: with an unusual umask the folder cannot be opened before this.
            os.chmod(unfinished, 0o700, dir_fd=self.fd)
            stream = StreamLock(unfinished, open_folder(unfinished, self.fd))
        except BaseException:
            os.rmdir(unfinished, dir_fd=self.fd)
            raise
        try:
            _flock.try_lock(stream.fd)
            metadata = {"format": FORMAT, "destination": self.destination, "pid": os.getpid()}
            with os.fdopen(create_file(STREAM_FILE, os.O_WRONLY, stream.fd), "wb") as file:
                file.write(json.dumps(metadata).encode() + b"\n")
            os.rename(unfinished, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except BaseException:
            self.remove_stream(stream)
            raise
        stream.name = name
        return stream

    def adopt(self, maximum: int) -> Generator[StreamLock]:
        """Lock up to *maximum* streams whose owners are dead, and yield the locks, oldest first.

        Streams of other destinations, of later formats and of other users are left alone; see
        `left_alone`.
        """
        names = self.stream_names()
        self.left_alone = {name: self.left_alone[name] for name in names if name in self.left_alone}
        for name in names:
            if maximum <= 0:
                return
            adopted = self._lock_orphan(name)
            if adopted is not None:
                maximum -= 1
                yield adopted

    def _lock_orphan(self, name: str) -> StreamLock | None:
        try:
            stream = StreamLock(name, open_folder(name, self.fd))
        except OSError as error:
            if error.errno in TOO_MANY_OPEN:
                raise
            return None  # no folder, or gone meanwhile
        try:
            if _flock.try_lock(stream.fd):
                # Another sink may have drained and removed it between the two calls.
                now = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
                reason = reason_not_to_adopt(stream.fd, self.destination)
                if reason is not None:
                    self.left_alone[name] = reason
                elif os.path.samestat(now, os.fstat(stream.fd)):
                    return stream
        except OSError as error:
            if error.errno in TOO_MANY_OPEN:
                stream.close()
                raise
            # Otherwise it is gone.
        stream.close()
        return None

    def remove_stream(self, stream: StreamLock) -> None:
        """Remove a drained stream. What cannot be removed is quarantined."""
        try:
            # The ack offset goes last: after a crash it is needed for the rest.
            for name in sorted(
                os.listdir(stream.fd), key=(ACK_OFFSET_FILE, STREAM_FILE).__contains__
            ):
                quarantine(name, stream.fd)
            os.rmdir(stream.name, dir_fd=self.fd)
        except OSError:
            # It holds a file of somebody else, or is gone already.
            with contextlib.suppress(OSError):
                os.rename(
                    stream.name,
                    f"{stream.name}{QUARANTINED_SUFFIX}",
                    src_dir_fd=self.fd,
                    dst_dir_fd=self.fd,
                )
        stream.close()

    def remove_unfinished(self) -> None:
        """Remove streams whose makers died before the first event."""
        for name in self._names():
            if name.startswith(_UNFINISHED) and not name.endswith(QUARANTINED_SUFFIX):
                with contextlib.suppress(OSError):
                    stream = StreamLock(name, open_folder(name, self.fd))
                    age = time.time() - os.fstat(stream.fd).st_mtime
                    if age > _UNFINISHED_AGE and _flock.try_lock(stream.fd):
                        self.remove_stream(stream)
                    stream.close()

    def sync(self) -> None:
        """Synchronise the names in the folder to the disk."""
        os.fsync(self.fd)

    def usage(self) -> Usage:
        """Measure the folder: the bytes of all files, and the number of streams (minimum 1)."""
        total, streams = 0, 0
        # Opened again: see `_names`.
        with _opened(".", self.fd) as own_fd, os.scandir(own_fd) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if not entry.is_dir(follow_symlinks=False):
                        # Dead letters have a limit of their own.
                        if not entry.name.startswith(DEAD_LETTERS_FILE):
                            total += entry.stat(follow_symlinks=False).st_size
                        continue
                    streams += _STREAM_NAME.fullmatch(entry.name) is not None
                    with _opened(entry.name, self.fd) as fd, os.scandir(fd) as files:
                        for file in files:
                            total += file.stat(follow_symlinks=False).st_size
        return Usage(total, max(streams, 1))


@contextlib.contextmanager
def _opened(name: str, folder_fd: int) -> Iterator[int]:
    fd = open_folder(name, folder_fd)
    try:
        yield fd
    finally:
        os.close(fd)
