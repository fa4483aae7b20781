"""The file with the key for the next start of a process, which moves on with each start.

Every process that uses the file (workers, forked children, restarts) takes the key that is there,
and writes the one that follows from it, under a lock. The file is replaced by a rename, so that
there is a complete one at every moment; what was in the old one is overwritten then, as far as the
file system writes in place.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from structlog_mozdef import _flock
from structlog_mozdef._deadline import Deadline
from structlog_mozdef.files.opening import create_file, open_file, write_all
from structlog_mozdef.files.private_folder import NotPrivateError, open_private_folder
from structlog_mozdef.rendering.sealing.keys import (
    KEY_BYTES,
    STARTS_LIMIT,
    derive,
    key_id_of,
    stream_key_of,
)

_CONTENT = re.compile(
    rb"structlog-mozdef-sealing-key 1 ([0-9a-f]{8}) ([0-9]{1,12}) ([0-9a-f]{64})\n", re.ASCII
)
_SIZE_LIMIT = 1_000
_LOCK_SECONDS = 2.0
_POLL_SECONDS = 0.005


class Start(NamedTuple):
    """What a stream begins with.

    Attributes:
        key_id: of the key file.
        number: of the start, from 1: how many streams have begun with this key file.
        key: the first key of the stream.
    """

    key_id: str
    number: int
    key: bytearray


class KeyFile:
    """A key file that exists, belongs to this user, and can be replaced.

    Args:
        path: of the file, in a folder that only this user can write to.

    Raises:
        ValueError: it cannot be used, in one sentence.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)) or not str(path):
            raise ValueError(f"seal is {path!r}; it must be the path of a key file, or None")
        self.path = os.path.abspath(path)  # noqa: PTH100 - a program may change its folder
        if not _flock.AVAILABLE:
            raise ValueError("seal needs a system with flock, which Windows has not")
        try:
            with self._opened() as (_, fd):
                _parse(os.read(fd, _SIZE_LIMIT))
        except (OSError, _UnusableError) as error:
            raise ValueError(f"seal is {self.path!r}, {_complaint(error)}") from None

    def begin(self, stream_id: str) -> Start:
        """Move the key on, and return what the stream *stream_id* begins with.

        Raises:
            OSError: the file cannot be read or replaced now.
        """
        try:
            with self._opened() as (folder_fd, fd):
                key_id, number, key = _parse(os.read(fd, _SIZE_LIMIT))
                following = derive(key, b"start")
                self._replace(folder_fd, fd, content_of(key_id, number + 1, following))
                return Start(key_id, number, bytearray(stream_key_of(key, stream_id)))
        except _UnusableError as error:
            raise OSError(str(error)) from None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[int, int]]:
        """Open the folder and the file, with a lock on the file."""
        folder, name = os.path.split(self.path)
        if not Path(folder).is_dir():
            raise _UnusableError("whose folder is missing")
        folder_fd = open_private_folder(folder)
        try:
            fd = _locked_file(name, folder_fd)
            try:
                yield folder_fd, fd
            finally:
                # Not by closing it alone: a child that was forked meanwhile would keep the lock.
                with contextlib.suppress(OSError):
                    _flock.unlock(fd)
                os.close(fd)
        finally:
            os.close(folder_fd)

    def _replace(self, folder_fd: int, old: int, content: bytes) -> None:
        name = os.path.basename(self.path)  # noqa: PTH119 - below a descriptor
        new_name = f".{name}.new"
        _destroy_leftover(new_name, folder_fd)
        new = create_file(new_name, os.O_WRONLY, folder_fd)
        try:
            write_all(new, content)
            os.fsync(new)
        finally:
            os.close(new)
        os.rename(new_name, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.fsync(folder_fd)
        _overwrite(old)


def content_of(key_id: str, number: int, key: bytes) -> bytes:
    """Return the content of a key file: its id, the number of the next start, and the key of it."""
    return f"structlog-mozdef-sealing-key 1 {key_id} {number} {key.hex()}\n".encode("ascii")


def _overwrite(fd: int) -> None:
    os.lseek(fd, 0, os.SEEK_SET)
    write_all(fd, bytes(os.fstat(fd).st_size))
    os.fsync(fd)


def _destroy_leftover(name: str, folder_fd: int) -> None:
    """Remove what a process has left that died before its rename: it may hold the next key."""
    with contextlib.suppress(OSError):
        fd = open_file(name, folder_fd, os.O_RDWR)
        try:
            _overwrite(fd)
        finally:
            os.close(fd)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder_fd)


class _UnusableError(Exception):
    """Its text goes on behind "..., "."""


def _locked_file(name: str, folder_fd: int) -> int:
    deadline = Deadline.after(_LOCK_SECONDS)
    while True:
        fd = open_file(name, folder_fd, os.O_RDWR)
        try:
            status = os.fstat(fd)
            _check_mode(status)
            _lock(fd, deadline)
            # Another process may have replaced it before we had the lock.
            if os.path.samestat(status, os.stat(name, dir_fd=folder_fd, follow_symlinks=False)):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _check_mode(status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise _UnusableError(f"which has mode {mode:o}; nobody else may use it: chmod 600")


def _lock(fd: int, deadline: Deadline) -> None:
    while not _flock.try_lock(fd):
        if deadline.expired:
            raise _UnusableError("which another process keeps locked")
        time.sleep(_POLL_SECONDS)


def _parse(content: bytes) -> tuple[str, int, bytes]:
    match = _CONTENT.fullmatch(content)
    if match is None:
        raise _UnusableError("which is no sealing key: structlog-mozdef seal new-key makes one")
    key_id, number, key = match.groups()
    if int(number) > STARTS_LIMIT:
        raise _UnusableError("which has begun as many streams as it can: make another key")
    return key_id.decode(), int(number), bytes.fromhex(key.decode())


def _complaint(error: OSError | _UnusableError) -> str:
    if isinstance(error, NotPrivateError):
        return f"whose folder {error.complaint}"
    if isinstance(error, OSError):
        return f"which cannot be used: {error.strerror or type(error).__name__}"
    return str(error)


def create_key(path: str) -> bytes:
    """Make a key file, and return its first key, from which all others follow.

    Raises:
        ValueError: there is a file already, or the folder cannot be used.
    """
    first_key = secrets.token_bytes(KEY_BYTES)
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100 - as above
    try:
        folder_fd = open_private_folder(folder)
        try:
            fd = create_file(name, os.O_WRONLY, folder_fd)
            try:
                write_all(fd, content_of(key_id_of(first_key), 1, first_key))
                os.fsync(fd)
            finally:
                os.close(fd)
            os.fsync(folder_fd)
        finally:
            os.close(folder_fd)
    except FileExistsError:
        raise ValueError(f"{path!r} exists; a key that seals events is not replaced") from None
    except OSError as error:
        raise ValueError(f"the key file is {path!r}, {_complaint(error)}") from None
    return first_key
