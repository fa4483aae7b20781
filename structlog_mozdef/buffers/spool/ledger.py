"""What the parts of a spool share: its lock, its sources, and every number that it gives.

Counts belong to the sources. Those of the process are sums of them, and `Sources` is replaced as a
whole: so the numbers add up whenever somebody asks, whatever was interrupted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from structlog_mozdef._lock import locked
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import SPOOL_DAMAGED, Counts, DeadLetter
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.options import SpoolOptions
from structlog_mozdef.buffers.spool.own_stream import OwnStream
from structlog_mozdef.buffers.spool.stream import Stream

if TYPE_CHECKING:
    from structlog_mozdef.buffers.spool.outage import Holding

_KEPT_DEAD_LETTERS = 100


class DeferredWarnings:
    """Keeps warnings until `flush` is called, with no lock held.

    A log handler may wait for a thread that waits for the lock, in a log call of its own.

    Args:
        own_log: to log them.
    """

    def __init__(self, own_log: RateLimitedLogger) -> None:
        self._own_log = own_log
        self._messages: dict[str, str] = {}

    def add(self, cause: str, message: str) -> None:
        """Warn of *cause* soon; of several messages for it, the last is logged."""
        self._messages[cause] = message

    def flush(self) -> None:
        """Log all of them. Several threads may do so at the same moment."""
        while self._messages:
            try:
                cause = next(iter(self._messages))
                self._own_log.warn(cause, self._messages.pop(cause))
            except (KeyError, StopIteration, RuntimeError):
                break  # another thread logs it


class Sources(NamedTuple):
    """What the spool reads from.

    Attributes:
        own: the sources of this process, oldest first; the writer appends to the last.
        adopted: streams of dead processes.
        appended: events of own sources that are drained and gone.
        delivered: events that were delivered from any source that is gone.
    """

    own: tuple[OwnStream | Holding, ...] = ()
    adopted: tuple[Stream, ...] = ()
    appended: int = 0
    delivered: int = 0

    def without(self, source: Stream | Holding) -> Sources:
        """Return these without *source*, whose counts are kept."""
        if source not in self.all():
            return self  # a holding that went to the disk meanwhile, say
        return Sources(
            tuple(other for other in self.own if other is not source),
            tuple(other for other in self.adopted if other is not source),
            self.appended + (source.appended if source in self.own else 0),
            self.delivered + source.state.delivered,
        )

    def all(self) -> tuple[Stream | Holding, ...]:
        """Return all of them."""
        return (*self.own, *self.adopted)

    def holdings(self) -> list[Holding]:
        """Return those that are in memory."""
        return [source for source in self.own if not isinstance(source, OwnStream)]

    def streams(self) -> list[Stream]:
        """Return the streams that this process has locked."""
        streams = [source for source in self.all() if isinstance(source, Stream)]
        return [stream for stream in streams if stream.lock is not None]


class SpoolLedger:
    """The numbers of one spool, and what it found damaged.

    Args:
        folder, options: of the spool.
        own_log: says what happened to the disk.

    Attributes:
        lock: held by everything that changes a number. Re-entrant: a signal handler or ``__del__``
            may log in the middle of an append.
        sources: replaced as a whole.
        drops: lost events, by reason.
        set_aside: events in flight that were rejected or put at the end of the buffer: they do not
            wait any more, and are not delivered.
    """

    def __init__(
        self, folder: SpoolFolder, options: SpoolOptions, own_log: RateLimitedLogger
    ) -> None:
        self.folder = folder
        self.options = options
        self.warnings = DeferredWarnings(own_log)
        self.lock: Any = threading.RLock()  # Any: `_is_owned` is missing in its stub
        self._lock = self.lock
        self.sources = Sources()
        self.drops = Drops()
        self.set_aside = 0
        self.letters = DeadLetterFile(folder, options.share, syncs=options.sync != "never")
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._dead_lettered = 0
        # Events that were put at the end of the buffer: their number there, and how many others
        # were settled at that moment. Until they are settled, nothing behind them is.
        self._requeued: list[tuple[int, int]] = []

    # Sources.

    def change(self, function: Callable[[Sources], Sources]) -> None:
        """Replace the sources by ``function(sources)``. With the lock held."""
        while True:
            before = self.sources
            after = function(before)
            if self.sources is before:  # no signal handler that logs has changed them meanwhile
                self.sources = after
                return

    def append(self, source: OwnStream | Holding) -> None:
        """Add an own source, the latest. With the lock held."""
        self.change(lambda now: now._replace(own=(*now.own, source)))

    @locked
    def adopt(self, stream: Stream) -> None:
        """Add a stream of a dead process."""
        self.change(lambda now: now._replace(adopted=(*now.adopted, stream)))

    @locked
    def remove(self, source: Stream | Holding) -> None:
        """Remove a source, and keep its counts."""
        self.change(lambda now: now.without(source))

    def replace(self, holding: Holding, stream: OwnStream) -> bool:
        """Put *stream* where *holding* was; False where that is gone. With the lock held."""
        self.change(
            lambda now: now._replace(own=tuple(stream if s is holding else s for s in now.own))
        )
        if stream not in self.sources.own:
            return False
        holding.successor = stream  # where those of its events are settled that are being sent
        return True

    # Numbers.

    def waiting(self) -> int:
        """Return how many events can be had from the spool."""
        return sum(source.waiting() for source in self.sources.all())

    def own_waiting(self) -> int:
        """Return how many events of this process wait."""
        return sum(source.waiting() for source in self.sources.own)

    @locked
    def size(self) -> int:
        """Return the bytes that wait."""
        return sum(source.size() for source in self.sources.all())

    def appended_count(self) -> int:
        """Return how many events this process has appended, ever."""
        sources = self.sources
        return sources.appended + sum(source.appended for source in sources.own)

    def settled_count(self) -> int:
        """Return the number of events of this process before which none waits."""
        sources = self.sources
        settled = sources.appended
        for source in sources.own:
            settled += source.state.settled
            if source.state.settled < source.appended:
                break
        held_back = [before for number, before in list(self._requeued) if number > settled]
        return min([settled, *held_back])

    @locked
    def counts(self) -> Counts:
        """Return all numbers."""
        sources = self.sources
        delivered = sources.delivered + sum(s.state.delivered for s in sources.all())
        buffered = max(sum(source.left() for source in sources.all()) - self.set_aside, 0)
        dropped = self.drops.counts()
        return Counts(
            accepted=delivered + self._dead_lettered + sum(dropped.values()) + buffered,
            delivered=delivered,
            dead_lettered=self._dead_lettered,
            dropped=dropped,
            buffered=buffered,
            buffered_bytes=self.size(),
            oldest_age=self._oldest_age() if buffered else 0.0,
        )

    def _oldest_age(self) -> float:
        now = self.options.timings.clock()
        times = [s.times.oldest(s.state.settled) for s in self.sources.own if s.waiting()]
        ages = [now - oldest for oldest in times[:1] if oldest is not None]
        ages += [time.time() - stream.written_at() for stream in self.sources.adopted[:1]]
        return max([0.0, *ages])  # the time of a file, and the clock, can be wrong

    # What becomes of events.

    def reject(self, event: bytes, reason: str) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._count_dead_letter(event, reason, set_aside=1)
        self._keep_dead_letter(event, reason)

    @locked
    def _count_dead_letter(self, event: bytes, reason: str, *, set_aside: int) -> None:
        self._dead_letters.append(DeadLetter(event, reason))
        self._dead_lettered += 1
        self.set_aside += set_aside

    def _keep_dead_letter(self, event: bytes, reason: str) -> None:
        try:
            self.letters.add(event, reason)
        except OSError as error:
            self.warnings.add(
                "dead letter lost",
                f"a dead letter could not be kept in {self.folder.path}: {error.strerror}",
            )

    @locked
    def dead_letters(self) -> list[DeadLetter]:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        return list(self._dead_letters)

    def requeued(self) -> None:
        """Count an event in flight that was appended again just now. With the lock held."""
        settled = self.settled_count()
        waiting = [entry for entry in self._requeued if entry[0] > settled]
        self._requeued = [*waiting, (self.appended_count(), settled)]
        self.set_aside += 1

    def found_damaged(self, line: bytes, reason: str) -> None:
        """See `structlog_mozdef.buffers.spool.stream.DamageLog`."""
        self._count_dead_letter(line, reason, set_aside=0)
        self._keep_dead_letter(line, reason)
        self.warnings.add(
            "spool damaged", f"a line of the spool {self.folder.path} is damaged: {reason}"
        )

    def found_missing(self, events: int) -> None:
        """See `structlog_mozdef.buffers.spool.stream.DamageLog`."""
        self.count_drops(SPOOL_DAMAGED, events)
        self.warnings.add("spool damaged", f"events of the spool {self.folder.path} are missing")

    @locked
    def count_drops(self, reason: str, events: int = 1) -> None:
        """Count events that were lost."""
        self.drops.add(reason, events)
