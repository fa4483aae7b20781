"""Adoption: whose streams this process takes over, those of dead ones and its own released ones."""

from __future__ import annotations

from collections import deque

from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.reader import SpoolReader
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.files.opening import TOO_MANY_OPEN

# So many are read at once: each costs a few descriptors. With so many events there are enough:
# other processes can share the work.
_ADOPTED_AT_ONCE = 32
_ENOUGH_EVENTS = 2000


class Adoption:
    """Searches for streams that nobody holds, and makes them sources of this process.

    Args:
        ledger, reader: of the spool.
    """

    def __init__(self, ledger: SpoolLedger, reader: SpoolReader) -> None:
        self._ledger = ledger
        self._reader = reader
        self._next_search = 0.0
        # Found by the last search, and not tried since.
        self._candidates: deque[str] = deque()

    def adopt_orphans(self) -> bool:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        removed = self._reader.remove_drained()
        timings, folder = self._ledger.options.timings, self._ledger.folder
        now = timings.clock()
        try:
            if now >= self._next_search or (removed and not self._candidates):
                self._next_search = now + timings.rescan_interval
                self._search()
            self._adopt()
        except OSError as error:
            self._reader.warn_of(error)
        for name, reason in folder.left_alone.items():
            self._ledger.warnings.add(
                f"spool left alone {reason}",
                f"the stream {name} in the spool {folder.path} is left alone: {reason}",
            )
        return any(stream.waiting() for stream in self._ledger.sources.adopted)

    def _search(self) -> None:
        names = self._ledger.folder.adoptable()
        self._candidates = deque(names)
        present = set(names)
        resumed = False
        for source in self._ledger.sources.own:
            if not isinstance(source, Stream) or source.lock is not None:
                continue
            if source.name not in present:  # others have delivered it: it is theirs
                self._ledger.remove(source)
            elif not resumed:  # the others when it is their turn
                resumed = self._reader.resume(source)

    def _adopt(self) -> None:
        while self._candidates:
            adopted = self._ledger.sources.adopted
            enough = sum(stream.waiting() for stream in adopted) >= _ENOUGH_EVENTS
            if enough or len(adopted) >= _ADOPTED_AT_ONCE:
                return
            name = self._candidates[0]
            sources = self._ledger.sources.all()
            if name not in {s.name for s in sources if isinstance(s, Stream)}:
                self._adopt_one(name)
            self._candidates.popleft()

    def _adopt_one(self, name: str) -> None:
        folder = self._ledger.folder
        lock = folder.lock_orphan(name)
        if lock is None:
            return
        stream = Stream(folder, name, self._ledger)
        try:
            stream.take_over(lock)
        except OSError as error:
            if error.errno in TOO_MANY_OPEN:
                raise
            folder.left_alone[name] = f"it cannot be read: {error.strerror}"
            return
        self._ledger.adopt(stream)

    def release_all(self) -> None:
        """Leave adopted streams to others, and search again as soon as possible."""
        for stream in self._ledger.sources.adopted:
            self._ledger.remove(stream)
            stream.release()
        self._next_search = 0.0
