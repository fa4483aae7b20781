"""Dead letters on disk: events that the destination will never accept, each with its reason.

All processes of a spool append to one file, ``dead-letters.ndjson``. A line is ``{"time": ...,
"reason": ..., "destination": ..., "event": {...}}``, with ``"line": "..."`` instead of ``"event"``
for what is no JSON. Who writes or replaces the file holds its lock, and checks then whether it
is still the file of that name.

A stopped process may keep the lock for long. Nobody waits for it for more than a moment. The lock
is given back before the file is closed, so that a child that was forked meanwhile does not keep it.

`DeadLetterFile` is the file; `RejectedEvents` says what becomes of the events of one process.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef._flock import lock_by, unlock
from structlog_mozdef._fsync import sync_data
from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.base import DEAD_LETTERS_FULL, DISK_ERROR, DeadLetter
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE
from structlog_mozdef.files.opening import create_file, ignored_errors, open_file
from structlog_mozdef.rendering.convert import decode_bytes
from structlog_mozdef.rendering.timestamps import utc_now

if TYPE_CHECKING:
    from structlog_mozdef.buffers.spool.ledger import SpoolLedger

_FLAGS = os.O_RDWR | os.O_APPEND
#: Seconds that somebody waits for the lock.
PATIENCE = 2.0
# So many are kept in memory as well, the latest.
_LATEST = 100
# Letters that wait for the lock. Beyond that, each waits for it itself.
_MOST_PENDING = 1000


class NoRoomError(OSError):
    """The dead letters fill all the room that they may take."""


class DeadLetterFile:
    """The dead letters of a spool.

    Args:
        folder: the spool.
        max_bytes: of the file; what comes later is not kept.
        syncs: whether each letter is forced to the disk.
    """

    def __init__(self, folder: SpoolFolder, max_bytes: int, *, syncs: bool = False) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._syncs = syncs

    def encode(self, event: bytes, reason: str) -> bytes:
        """Return the line of a dead letter."""
        return orjson.dumps(_letter(event, reason, self._folder.destination)) + b"\n"

    def write(self, letter: bytes, patience: float = PATIENCE) -> None:
        """Append what `encode` returned; wait *patience* seconds for the lock.

        Raises:
            BlockingIOError: another process kept the lock for as long.
            NoRoomError: there is no room for it.
            OSError: it could not be written.
        """
        with self.locked(patience, create=True) as fd:
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                letter = b"\n" + letter  # behind what a crash has left of another one
            if size + len(letter) > self._max_bytes:
                raise NoRoomError(errno.ENOSPC, "there is no room for more dead letters")
            if os.write(fd, letter) != len(letter):
                raise OSError(errno.ENOSPC, "the disk accepted a part of a dead letter only")
            if self._syncs:
                sync_data(fd)
                if not size:
                    self._folder.sync()

    @contextlib.contextmanager
    def locked(self, patience: float = PATIENCE, *, create: bool = False) -> Iterator[int]:
        """Open and lock the file.

        Raises:
            BlockingIOError: another process kept the lock for *patience* seconds.
            OSError: it is missing, no file of ours, or cannot be opened.
        """
        deadline = Deadline.after(patience)
        while True:
            fd = self.open(create=create)
            try:
                if not lock_by(fd, deadline):
                    raise BlockingIOError(
                        errno.EAGAIN, f"another process keeps {DEAD_LETTERS_FILE} locked"
                    )
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


class RejectedEvents:
    """Keep rejected events as dead letters, and count them; where there is no room, they are lost.

    Where another process keeps the lock of the file for long, letters wait in memory. They count
    as buffered until they are written.

    Attributes:
        kept: how many were written.
        pending: letters that wait for the lock of the file, oldest first.
        latest: the last hundred, whatever became of them.
    """

    def __init__(self, ledger: SpoolLedger) -> None:
        options = ledger.options
        self._limit = options.dead_letter_bytes
        self._file = DeadLetterFile(ledger.folder, self._limit, syncs=options.sync != "never")
        self._ledger = ledger
        self._lock = ledger.lock
        self.kept = 0
        self.pending: deque[bytes] = deque()
        self.latest: deque[DeadLetter] = deque(maxlen=_LATEST)

    def keep(self, event: bytes, reason: str) -> Callable[[], object]:
        """Write a dead letter; return what counts it, to be called with the lock held."""
        self.latest.append(DeadLetter(event, reason))
        letter = self._file.encode(event, reason)
        wait = functools.partial(self.pending.append, letter)
        if self.pending and len(self.pending) < _MOST_PENDING:
            return wait  # not each waits for the lock
        try:
            return self._write(letter, PATIENCE)
        except BlockingIOError:
            self._warn("wait in memory: another process keeps the file locked; it is tried again")
            return wait
        except OSError as error:
            return self._lose(error)

    def write_pending(self, patience: float = 0.0) -> None:
        """Write the letters that wait for the lock, if it is free in *patience* seconds.

        Raises:
            OSError: they cannot be written.
        """
        with contextlib.suppress(BlockingIOError):
            while self.pending:
                self._end_first(self._write(self.pending[0], patience))

    def close(self) -> None:
        """Write pending letters a last time; those that cannot be written are lost."""
        lose = functools.partial(self._ledger.drops.add, DISK_ERROR)
        try:
            self.write_pending(allowed(PATIENCE))
        except OSError as error:
            lose = self._lose(error)
        while self.pending:
            self._end_first(lose)

    @locked
    def _end_first(self, count: Callable[[], object]) -> None:
        self.pending.popleft()
        count()

    def _write(self, letter: bytes, patience: float) -> Callable[[], object]:
        """Write a letter, or find no room for it; return what counts it. Raises OSError."""
        try:
            self._file.write(letter, patience)
        except NoRoomError:
            self._warn(
                f"fill the {self._limit:,} bytes that they may take (max_dead_letter_bytes); what"
                " is rejected now is lost"
            )
            return functools.partial(self._ledger.drops.add, DEAD_LETTERS_FULL)
        return self._count_kept

    def _count_kept(self) -> None:
        self.kept += 1

    def _lose(self, error: OSError) -> functools.partial[None]:
        self._warn(f"could not be kept: {error.strerror}")
        return functools.partial(self._ledger.drops.add, DISK_ERROR)

    def _warn(self, trouble: str) -> None:
        path = self._ledger.folder.path
        self._ledger.warnings.add("dead letters", f"the spool {path}: dead letters {trouble}")


def _letter(event: bytes, reason: str, destination: str) -> dict[str, Any]:
    letter: dict[str, Any] = {"time": utc_now(), "reason": reason, "destination": destination}
    try:
        orjson.loads(event)
        letter["event"] = orjson.Fragment(event)
    except ValueError:
        letter["line"] = decode_bytes(event)
    return letter
