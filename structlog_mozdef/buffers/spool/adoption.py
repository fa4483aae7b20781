"""Adoption: whose streams this process takes over, those of dead ones and its own released ones."""

from __future__ import annotations

import time
from collections import deque

from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.ledger import DeferredWarnings, SpoolLedger, SpoolLock
from structlog_mozdef.buffers.spool.reader import SpoolReader
from structlog_mozdef.buffers.spool.safe_files import TOO_MANY_OPEN
from structlog_mozdef.buffers.spool.stream import Stream

# So many are read at once: each costs a few descriptors. With so many events there are enough:
# other processes can share the work.
_ADOPTED_AT_ONCE = 32
_ENOUGH_EVENTS = 2000


class Adoption:
    """Looks for streams that nobody holds, and makes them sources of this process.

    Args:
        folder, ledger, warnings, lock, capacity, reader: of the spool.
        rescan_interval: seconds between two looks.
    """

    def __init__(
        self,
        *,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        warnings: DeferredWarnings,
        lock: SpoolLock,
        capacity: Capacity,
        reader: SpoolReader,
        rescan_interval: float,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._warnings = warnings
        self._lock = lock
        self._capacity = capacity
        self._reader = reader
        self._rescan_interval = rescan_interval
        self._next_look = 0.0
        # Found at the last look, and not tried since.
        self._candidates: deque[str] = deque()

    def adopt_orphans(self) -> bool:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        removed = self._reader.remove_drained()
        now = time.monotonic()
        try:
            if now >= self._next_look or (removed and not self._candidates):
                self._next_look = now + self._rescan_interval
                self._look()
            self._adopt()
        except OSError as error:
            self._reader.warn_of(error)
        for name, reason in self._folder.left_alone.items():
            self._warnings.add(
                f"spool left alone {reason}",
                f"the stream {name} in the spool {self._folder.path} is left alone: {reason}",
            )
        return any(stream.waiting() for stream in self._ledger.sources.adopted)

    def _look(self) -> None:
        names = self._folder.adoptable(self._folder.names())
        self._candidates = deque(names)
        present = set(names)
        resumed = False
        for source in self._ledger.sources.own:
            if not isinstance(source, Stream) or source.lock is not None:
                continue
            if source.name not in present:  # others have delivered it: it is theirs
                self._lock.call(self._ledger.remove, source)
            elif not resumed:  # the others when it is their turn
                resumed = self._reader.resume(source)

    def _adopt(self) -> None:
        while self._candidates:
            adopted = self._ledger.sources.adopted
            enough = sum(stream.waiting() for stream in adopted) >= _ENOUGH_EVENTS
            if enough or len(adopted) >= _ADOPTED_AT_ONCE:
                return
            name = self._candidates[0]
            known = {s.name for s in self._ledger.sources.all() if isinstance(s, Stream)}
            if name not in known:
                self._adopt_one(name)
            self._candidates.popleft()

    def _adopt_one(self, name: str) -> None:
        lock = self._folder.lock_orphan(name)
        if lock is None:
            return
        try:
            stream = Stream(self._folder, lock, self._ledger, adopted=True)
        except OSError as error:
            if error.errno in TOO_MANY_OPEN:
                raise
            self._folder.left_alone[name] = f"it cannot be read: {error.strerror}"
            return
        self._lock.call(self._add, stream)

    def _add(self, stream: Stream) -> None:
        self._capacity.adopted(stream.name)
        self._ledger.change(lambda now: now._replace(adopted=(*now.adopted, stream)))

    def release_all(self) -> None:
        """Leave adopted streams to others, and look again as soon as possible."""
        for stream in self._ledger.sources.adopted:
            self._lock.call(self._release, stream)
        self._next_look = 0.0

    def _release(self, stream: Stream) -> None:
        self._ledger.remove(stream)
        stream.release()
        self._capacity.released(stream.name)
