"""Dead letters on disk: events that the destination rejected, each with the reason.

All processes of a spool append to one file, ``dead-letters.ndjson``. A line is ``{"time": ...,
"reason": ..., "destination": ..., "event": {...}}``, with ``"line": "..."`` instead of ``"event"``
where the event is not JSON.

A process that writes or replaces the file holds its lock. Once it has the lock, it checks whether
the file still has that name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from structlog_mozdef._flock import lock
from structlog_mozdef._fsync import sync_data
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE
from structlog_mozdef.buffers.spool.safe_files import PRIVATE, create_file
from structlog_mozdef.rendering.convert import decode_bytes
from structlog_mozdef.rendering.timestamps import utc_now

_FLAGS = os.O_RDWR | os.O_APPEND | PRIVATE


class DeadLetterFile:
    """The dead letters of a spool.

    Args:
        folder: the spool.
        max_bytes: limit of the file; later letters are not kept.
        syncs: whether each letter is synchronised to the disk.
    """

    def __init__(self, folder: SpoolFolder, max_bytes: int, *, syncs: bool = False) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._syncs = syncs

    def add(self, event: bytes, reason: str) -> None:
        """Keep *event*.

        Raises:
            OSError: it could not be written, or the file is full.
        """
        letter = orjson.dumps(_letter(event, reason, self._folder.destination)) + b"\n"
        with self._locked(create=True) as fd:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                letter = b"\n" + letter  # after the torn rest of another letter
            if size + len(letter) > self._max_bytes:
                raise OSError(errno.ENOSPC, "the file of dead letters is full")
            if os.write(fd, letter) != len(letter):
                os.ftruncate(fd, size)
                raise OSError(errno.ENOSPC, "only a part of a dead letter was written")
            if self._syncs:
                sync_data(fd)
                if not size:
                    self._folder.sync()

    def read(self) -> list[dict[str, Any]]:
        """Return all dead letters, oldest first; a damaged line is given as a letter that says so.

        Raises:
            OSError: it is not a regular file of this user, or cannot be read.
        """
        with contextlib.suppress(FileNotFoundError), self._locked() as fd:
            return list(_letters_in(fd))
        return []

    def drain(self, use: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> int:
        """Pass all letters to *use*, and keep only the letters that it returns.

        Returns:
            The number of letters that were removed. If *use* raises, all are kept.

        Raises:
            OSError: the file cannot be replaced.
        """
        with contextlib.suppress(FileNotFoundError), self._locked() as fd:
            letters = list(_letters_in(fd))
            kept = use(letters)
            self._replace(b"".join(orjson.dumps(letter) + b"\n" for letter in kept))
            return len(letters) - len(kept)
        return 0

    def _replace(self, content: bytes) -> None:
        """Replace the locked file by another one; writers that wait for the lock notice."""
        if not content:
            os.unlink(DEAD_LETTERS_FILE, dir_fd=self._folder.fd)
            return
        name = f"{DEAD_LETTERS_FILE}.{os.urandom(8).hex()}"
        fd = create_file(name, os.O_WRONLY, self._folder.fd)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        folder = self._folder.fd
        os.rename(name, DEAD_LETTERS_FILE, src_dir_fd=folder, dst_dir_fd=folder)

    @contextlib.contextmanager
    def _locked(self, *, create: bool = False) -> Iterator[int]:
        fd = self._open(create=create)
        try:
            lock(fd)
            while os.fstat(fd).st_nlink == 0:  # replaced while we waited
                os.close(fd)
                fd = -1
                fd = self._open(create=create)
                lock(fd)
            yield fd
        finally:
            if fd >= 0:
                os.close(fd)

    def _open(self, *, create: bool) -> int:
        if create:
            with contextlib.suppress(FileExistsError):
                return create_file(DEAD_LETTERS_FILE, _FLAGS, self._folder.fd)
        fd = os.open(DEAD_LETTERS_FILE, _FLAGS, dir_fd=self._folder.fd)
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            os.close(fd)
            raise OSError(errno.EINVAL, f"{DEAD_LETTERS_FILE} is not a regular file of this user")
        return fd


def _letter(event: bytes, reason: str, destination: str) -> dict[str, Any]:
    letter: dict[str, Any] = {"time": utc_now(), "reason": reason, "destination": destination}
    try:
        orjson.loads(event)
        letter["event"] = orjson.Fragment(event)
    except ValueError:
        letter["line"] = decode_bytes(event)
    return letter


def _letters_in(fd: int) -> Iterator[dict[str, Any]]:
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(os.dup(fd), "rb") as file:
        for line in file:
            if line.strip():
                yield _letter_in(line.removesuffix(b"\n"))


def _letter_in(line: bytes) -> dict[str, Any]:
    try:
        letter = orjson.loads(line)
        if isinstance(letter, dict) and "reason" in letter:
            return letter
    except ValueError:
        pass  # a crash has torn it
    return {"reason": "a damaged line among the dead letters", "line": decode_bytes(line)}
