"""Dead letters on disk: events that the destination will never accept, each with its reason.

All processes of a spool append to one file, ``dead-letters.ndjson``. A line is ``{"time": ...,
"reason": ..., "destination": ..., "event": {...}}``, with ``"line": "..."`` instead of ``"event"``
for what is no JSON. Who writes or replaces the file holds its lock, and checks then whether it
is still the file of that name.

A stopped process may keep the lock for long. Nobody waits for it for more than a moment: letters
wait in memory then, and the maintenance thread tries again. The lock is given back before the file
is closed, so that a child that was forked meanwhile does not keep it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import orjson

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._flock import try_lock, unlock
from structlog_mozdef._fsync import sync_data
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE
from structlog_mozdef.files.opening import create_file, ignored_errors, open_file
from structlog_mozdef.rendering.convert import decode_bytes
from structlog_mozdef.rendering.timestamps import utc_now

_FLAGS = os.O_RDWR | os.O_APPEND
# Seconds that somebody waits for the lock, and between two attempts to get it.
_PATIENCE = 2.0
_POLL_INTERVAL = 0.01
# Letters that wait in memory for the lock.
_MOST_PENDING = 1000


class DeadLetterFile:
    """The dead letters of a spool.

    Args:
        folder: the spool.
        max_bytes: of the file; what comes later is not kept.
        syncs: whether each letter is forced to the disk.
        patience: seconds to wait for the lock.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        max_bytes: int,
        *,
        syncs: bool = False,
        patience: float = _PATIENCE,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._syncs = syncs
        self._patience = patience
        self._pending: deque[bytes] = deque()

    def add(self, event: bytes, reason: str) -> None:
        """Keep *event*.

        Raises:
            OSError: it could not be written, or there is no room.
        """
        letter = orjson.dumps(_letter(event, reason, self._folder.destination)) + b"\n"
        if self._pending and len(self._pending) < _MOST_PENDING:
            self._pending.append(letter)  # the lock is another process's: not each waits for it
            return
        try:
            self._write(letter, self._patience)
        except BlockingIOError:
            self._pending.append(letter)
            raise OSError(
                errno.EAGAIN, "another process keeps the file locked; it is tried again"
            ) from None

    def write_pending(self) -> None:
        """Write the letters that wait for the lock, if it is free.

        Raises:
            OSError: they cannot be written.
        """
        with contextlib.suppress(BlockingIOError):
            while self._pending:
                self._write(self._pending[0], 0.0)
                self._pending.popleft()

    def _write(self, letter: bytes, patience: float) -> None:
        with self.locked(patience, create=True) as fd:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                letter = b"\n" + letter  # behind what a crash has left of another one
            if size + len(letter) > self._max_bytes:
                raise OSError(errno.ENOSPC, "there is no room for more dead letters")
            if os.write(fd, letter) != len(letter):
                raise OSError(errno.ENOSPC, "the disk accepted a part of a dead letter only")
            if self._syncs:
                sync_data(fd)
                if not size:
                    self._folder.sync()

    @contextlib.contextmanager
    def locked(self, patience: float = _PATIENCE, *, create: bool = False) -> Iterator[int]:
        """Open and lock the file.

        Raises:
            BlockingIOError: another process kept the lock for *patience* seconds.
            OSError: it is missing, no file of ours, or cannot be opened.
        """
        deadline = monotonic() + patience
        while True:
            fd = self.open(create=create)
            try:
                while not try_lock(fd):
                    if monotonic() >= deadline:
                        raise BlockingIOError(
                            errno.EAGAIN, f"another process keeps {DEAD_LETTERS_FILE} locked"
                        )
                    time.sleep(_POLL_INTERVAL)
                if os.fstat(fd).st_nlink:
                    yield fd
                    return
                # Otherwise it was replaced while we waited.
            finally:
                with ignored_errors():
                    unlock(fd)  # a child that was forked meanwhile has the file open as well
                os.close(fd)

    def open(self, *, create: bool = False) -> int:
        """Open the file, without its lock.

        Raises:
            OSError: it is missing, no file of ours, or cannot be opened.
        """
        if create:
            with contextlib.suppress(FileExistsError):
                return create_file(DEAD_LETTERS_FILE, _FLAGS, self._folder.fd)
        return open_file(DEAD_LETTERS_FILE, self._folder.fd, _FLAGS)


def _letter(event: bytes, reason: str, destination: str) -> dict[str, Any]:
    letter: dict[str, Any] = {"time": utc_now(), "reason": reason, "destination": destination}
    try:
        orjson.loads(event)
        letter["event"] = orjson.Fragment(event)
    except ValueError:
        letter["line"] = decode_bytes(event)
    return letter
