"""How much may be written: the bounds of the folder, which all processes share.

What this process wrote it knows. What the others have in the folder is measured once, in the
constructor, and again in the maintenance thread. A log call only measures what can have grown
since: the streams of living processes, and new ones. So orphans cost a log call nothing.
"""

from __future__ import annotations

import os
import time

from structlog_mozdef import _flock
from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.options import STREAM_BYTES
from structlog_mozdef.files.opening import ignored_errors, opened_folder

# A file system may give the same time to what happens within so many nanoseconds.
_SAME_TIME_NS = 50_000_000
# The maintenance thread may measure for one second in so many.
_SHARE_OF_TIME = 50
# The lock is held for so many streams at once.
_MEASURED_AT_ONCE = 200


class Capacity:
    """What the streams of other processes take, and what is left."""

    def __init__(self, ledger: SpoolLedger) -> None:
        self._ledger = ledger
        self._lock = ledger.lock
        self._folder = ledger.folder
        # What others have in the folder, in bytes by name: what can grow, and what cannot.
        self._alive: dict[str, int] = {}
        self._dead: dict[str, int] = {}
        self._dead_bytes = 0
        self._own: set[str] = set()
        self._updated_at = 0
        self._changed_at = -1
        self._next_measure = 0.0
        if self._folder.measured is not None:  # by the parent of a forked child, say
            self._alive, self._dead = map(dict, self._folder.measured)
        else:
            with ignored_errors():  # a log call will say so
                self.measure()

    def available(self) -> tuple[int, int]:
        """Return the bytes that may be written, and how many of them before that changes.

        The other streams may have grown since they were measured, each by its own share.

        Raises:
            OSError: the folder cannot be measured.
        """
        options = self._ledger.options
        self._update()
        own = sum(stream.disk_bytes() + STREAM_BYTES for stream in self._ledger.sources.locked())
        others = len(self._alive)
        reserve = options.share if others else 0
        left = options.stream_bytes - self._dead_bytes - sum(self._alive.values()) - own - reserve
        return left, options.share // (4 * (others + 1))

    @locked
    def _update(self) -> None:
        """Find out what is new, and what living processes have written."""
        own = {stream.name for stream in self._ledger.sources.locked()}
        changed_at = os.fstat(self._folder.fd).st_mtime_ns
        is_recent = abs(self._updated_at - changed_at) < _SAME_TIME_NS
        if changed_at != self._changed_at or is_recent or own != self._own:
            self._changed_at, self._updated_at, self._own = changed_at, time.time_ns(), own
            names = set(self._folder.names())
            for sizes in (self._alive, self._dead):
                for name in sizes.keys() - (names - own):
                    sizes.pop(name, None)
            for name in names - own - self._alive.keys() - self._dead.keys():
                if not name.startswith(DEAD_LETTERS_FILE):  # they have a limit of their own
                    self._alive[name] = 0
            self._dead_bytes = sum(self._dead.values())
        for name in list(self._alive):  # a signal handler may log meanwhile
            self._alive[name] = self._size_of(name)

    def measure(self) -> None:
        """Measure everything, where that would not take too much time.

        Raises:
            OSError: the folder cannot be measured.
        """
        clock = self._ledger.options.timings.clock
        begin = clock()
        if begin < self._next_measure:
            return
        self._update()
        names = [*self._alive, *self._dead]
        for first in range(0, len(names), _MEASURED_AT_ONCE):
            part = names[first : first + _MEASURED_AT_ONCE]
            self._correct({name: (self._size_of(name), self._is_alive(name)) for name in part})
        self._folder.measured = (self._alive, self._dead)
        now = clock()
        self._next_measure = now + (now - begin) * _SHARE_OF_TIME

    @locked
    def _correct(self, found: dict[str, tuple[int, bool]]) -> None:
        for name in found.keys() & (self._alive.keys() | self._dead.keys()):
            size, is_alive = found[name]
            if not is_alive and self._alive.pop(name, None) is not None:
                self._dead[name] = size
            sizes = self._alive if name in self._alive else self._dead
            sizes[name] = size
        self._dead_bytes = sum(self._dead.values())

    def _size_of(self, name: str) -> int:
        with ignored_errors():  # gone meanwhile, or not to be read
            try:
                with opened_folder(name, self._folder.fd) as fd:
                    return sum(_size(file, fd) for file in os.listdir(fd))
            except NotADirectoryError:
                return _size(name, self._folder.fd)
        return 0

    def _is_alive(self, name: str) -> bool:
        if name in self._alive:  # what is dead stays so
            with ignored_errors(), opened_folder(name, self._folder.fd) as fd:
                return _flock.is_locked(fd)
        return False


def _size(name: str, folder_fd: int) -> int:
    with ignored_errors():  # gone meanwhile
        return os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_size
    return 0
