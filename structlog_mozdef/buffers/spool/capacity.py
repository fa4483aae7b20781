"""How much may be written: the bounds of the folder, which all processes share.

What this process wrote it knows. What the others have in the folder is measured once, in the
constructor, and again in the maintenance thread. A log call only looks at what can have grown
since: the streams of living processes, and new ones. So orphans cost a log call nothing.
"""

from __future__ import annotations

import os
import time

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE, parse_stream_name
from structlog_mozdef.buffers.spool.ledger import SpoolLock
from structlog_mozdef.buffers.spool.safe_files import ignored_errors, opened_folder

#: What the other files of a stream take.
STREAM_BYTES = 512
# A file system may give the same time to what happens within so many nanoseconds.
_SAME_TIME_NS = 50_000_000
# The maintenance thread may measure for one second in so many.
_SHARE_OF_TIME = 50
# The lock is held for so many streams at once.
_MEASURED_AT_ONCE = 200


class Capacity:
    """What the streams of other processes take, and what is left.

    Args:
        folder: to measure.
        max_bytes: of the whole folder, without its dead letters.
        reserve_bytes: left to what other processes may have written since they were looked at.
        lock: of the spool.

    Attributes:
        own: names of the streams that this process has locked.
    """

    def __init__(
        self, folder: SpoolFolder, max_bytes: int, reserve_bytes: int, lock: SpoolLock
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._reserve = reserve_bytes
        self.own: set[str] = set()
        self._sizes: dict[str, int] = {}
        # Of others, which may grow.
        self._alive: set[str] = set()
        self._looked_at = 0
        self._changed_at = -1
        self._next_measure = 0.0
        if folder.measured is not None:  # by the parent of a forked child, say
            self._sizes, self._alive = dict(folder.measured[0]), set(folder.measured[1])
        self._total = sum(self._sizes.values())
        if folder.measured is None:
            with ignored_errors():  # a log call will say so
                self.measure(lock)

    def available(self, own_bytes: int) -> tuple[int, int]:
        """Return the bytes that may be written, and how many of them before the next look.

        The other streams may have grown since they were looked at, each by its own share.

        Raises:
            OSError: it cannot be looked at.
        """
        self._look()
        others = len(self._alive - self.own)
        reserve = self._reserve if others else 0
        left = self._max_bytes - self._total - own_bytes - reserve
        return left, self._reserve // (4 * (others + 1))

    def _look(self) -> None:
        """Find out what is new, and what living processes have written."""
        changed_at = os.fstat(self._folder.fd).st_mtime_ns
        if changed_at != self._changed_at or abs(self._looked_at - changed_at) < _SAME_TIME_NS:
            self._changed_at, self._looked_at = changed_at, time.time_ns()
            names = set(self._folder.names())
            for name in self._sizes.keys() - names:
                self._forget(name)
            for name in names - self._sizes.keys() - self.own:
                if not name.startswith(DEAD_LETTERS_FILE):  # they have a limit of their own
                    self._set(name, self._size_of(name))
                    self._alive.add(name)
        for name in self._alive & self.own:
            self._forget(name)
        for name in list(self._alive):
            self._set(name, self._size_of(name))

    def _set(self, name: str, size: int) -> None:
        self._total += size - self._sizes.get(name, 0)
        self._sizes[name] = size

    def _forget(self, name: str) -> None:
        self._total -= self._sizes.pop(name, 0)
        self._alive.discard(name)

    def adopted(self, name: str) -> None:
        """A stream of another process is one of this process from now on."""
        self.own.add(name)
        self._forget(name)

    def released(self, name: str) -> None:
        """A stream of this process is left to others."""
        self.own.discard(name)
        self._changed_at = -1

    def measure(self, lock: SpoolLock) -> None:
        """Measure everything, where that would not take too much time.

        Args:
            lock: of the spool; held for moments only.

        Raises:
            OSError: it cannot be looked at.
        """
        begin = time.monotonic()
        if begin < self._next_measure:
            return
        lock.call(self._look)
        names = list(self._sizes)
        for first in range(0, len(names), _MEASURED_AT_ONCE):
            part = names[first : first + _MEASURED_AT_ONCE]
            sizes = {name: self._size_of(name) for name in part}
            dead = {name for name in part if name in self._alive and not self._is_alive(name)}
            lock.call(self._correct, sizes, dead)
        self._folder.measured = (self._sizes, self._alive)
        now = time.monotonic()
        self._next_measure = now + (now - begin) * _SHARE_OF_TIME

    def _correct(self, sizes: dict[str, int], dead: set[str]) -> None:
        for name, size in sizes.items():
            if name in self._sizes:
                self._set(name, size)
        self._alive -= dead

    def _size_of(self, name: str) -> int:
        size = 0
        with ignored_errors():  # gone meanwhile, or not to be read
            if parse_stream_name(name) is None and not self._is_folder(name):
                return os.stat(name, dir_fd=self._folder.fd, follow_symlinks=False).st_size
            with opened_folder(name, self._folder.fd) as fd, os.scandir(fd) as files:
                for file in files:
                    size += file.stat(follow_symlinks=False).st_size
        return size

    def _is_folder(self, name: str) -> bool:
        with ignored_errors(), opened_folder(name, self._folder.fd):
            return True
        return False

    def _is_alive(self, name: str) -> bool:
        """Tell whether a process holds the stream; where that is unknown, it may."""
        try:
            with opened_folder(name, self._folder.fd) as fd:
                if _flock.try_lock(fd, shared=True):
                    _flock.unlock(fd)
                    return False
        except OSError:
            return False
        return True
