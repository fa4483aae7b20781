"""Adoption: which streams this process takes over, those of dead ones and its own released ones."""

from __future__ import annotations

from collections import deque

from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.segments import read_contents
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.files.descriptor import close_lost_descriptors
from structlog_mozdef.files.opening import TOO_MANY_OPEN

# So many are read at once: each costs a few descriptors. With so many events there are enough:
# other processes can share the work.
_ADOPTED_AT_ONCE = 32
_ENOUGH_EVENTS = 2000


class Adoption:
    """Searches for streams that nobody holds, and makes them sources of this process.

    Attributes:
        is_adopting: whether a stream is being taken over at this moment.
    """

    def __init__(self, ledger: SpoolLedger) -> None:
        self._ledger = ledger
        self._next_search = 0.0
        # Found by the last search, and not tried since.
        self._candidates: deque[str] = deque()
        self.is_adopting = False

    def adopt_orphans(self, *, has_room: bool) -> bool:
        """See `structlog_mozdef.buffers.base.Buffer`.

        Args:
            has_room: whether adopted streams were removed just now: then others are looked for.
        """
        ledger, timings = self._ledger, self._ledger.options.timings
        now = timings.clock()
        try:
            if now >= self._next_search or (has_room and not self._candidates):
                self._next_search = now + timings.rescan_interval
                self._search()
            self._adopt()
        except OSError as error:
            ledger.warn_unreadable(error)
        for name, reason in ledger.folder.left_alone.items():
            ledger.warnings.add(
                f"spool left alone {reason}",
                f"the stream {name} in the spool {ledger.folder.path} is left alone: {reason}",
            )
        return any(stream.waiting() for stream in ledger.sources.adopted)

    def _search(self) -> None:
        names = self._ledger.folder.adoptable()
        self._candidates = deque(names)
        resumed = False
        for stream in self._ledger.sources.all():
            if stream.is_released:
                if stream.name not in names:  # others have delivered it: it is theirs
                    self._ledger.remove(stream)
                elif not resumed:  # the others when it is their turn
                    resumed = self.take_over(stream)

    def _adopt(self) -> None:
        while self._candidates:
            adopted = self._ledger.sources.adopted
            enough = sum(stream.waiting() for stream in adopted) >= _ENOUGH_EVENTS
            if enough or len(adopted) >= _ADOPTED_AT_ONCE:
                return
            name = self._candidates[0]
            if name not in {source.name for source in self._ledger.sources.all()}:
                try:
                    self.take_over(Stream(self._ledger, name))
                except OSError as error:
                    if error.errno in TOO_MANY_OPEN:
                        raise
                    left_alone = self._ledger.folder.left_alone
                    left_alone[name] = f"it cannot be read: {error.strerror}"
            self._candidates.popleft()

    def take_over(self, stream: Stream) -> bool:
        """Go on with a stream that nobody holds; False where somebody does, or it is gone.

        Raises:
            OSError: it cannot be read now.
        """
        self.is_adopting = True  # before it is locked, until it is counted
        try:
            return self._take_over(stream)
        finally:
            self.is_adopting = False

    def _take_over(self, stream: Stream) -> bool:
        close_lost_descriptors()  # one of them may be the lock of this very stream
        lock = self._ledger.folder.lock_orphan(stream.name)
        if lock is None:
            return False
        try:
            # The event of a torn line of our own is in another stream.
            is_own = stream in self._ledger.sources.own
            contents = read_contents(lock.fd, counts_torn=not is_own)
        except OSError:
            lock.close()
            raise
        self._ledger.take_over(stream, lock, contents)
        return True

    def release_all(self) -> None:
        """Leave adopted streams to others, and search again as soon as possible."""
        for stream in self._ledger.sources.adopted:
            self._ledger.remove(stream)
            stream.release()
        self._next_search = 0.0
