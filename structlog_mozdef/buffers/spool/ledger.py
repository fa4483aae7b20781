"""What the parts of a spool share: its lock, its sources, and every number that it gives.

Counts belong to the sources. Those of the process are sums of them, and `Sources` is replaced as a
whole: so the numbers add up whenever somebody asks, whatever was interrupted.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from structlog_mozdef._lock import locked
from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import SPOOL_DAMAGED, Counts, DeadLetter
from structlog_mozdef.buffers.spool.dead_letters import RejectedEvents
from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.options import SpoolOptions
from structlog_mozdef.buffers.spool.own_stream import OwnStream
from structlog_mozdef.buffers.spool.segments import Contents, Segment
from structlog_mozdef.buffers.spool.stream import Stream


class DeferredWarnings:
    """Keeps warnings until `flush` is called, with no lock held.

    A log handler may wait for a thread that waits for the lock, in a log call of its own.

    Args:
        own_log: to log them.
    """

    def __init__(self, own_log: RateLimitedLogger) -> None:
        self._own_log = own_log
        self._messages: dict[str, str] = {}
        self._counted: dict[str, CountedWarning] = {}

    def count(self, cause: str, sentence: Callable[[int], str]) -> None:
        """Warn of one case more of *cause* soon; see `CountedWarning.add`."""
        warning = self._counted.get(cause) or CountedWarning(self._own_log, cause)
        self._counted.setdefault(cause, warning).add(1, sentence)

    def add(self, cause: str, message: str) -> None:
        """Warn of *cause* soon; of several messages for it, the last is logged."""
        self._messages[cause] = message

    def flush(self, *, at_once: bool = False) -> None:
        """Log all of them. Several threads may do so at the same moment.

        Args:
            at_once: see `CountedWarning.report`.
        """
        for warning in list(self._counted.values()):
            warning.report(at_once=at_once)
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
        taken_over: events of adopted streams that are gone.
        delivered: events that were delivered from any source that is gone.
    """

    own: tuple[OwnStream, ...] = ()
    adopted: tuple[Stream, ...] = ()
    appended: int = 0
    taken_over: int = 0
    delivered: int = 0

    def without(self, source: Stream) -> Sources:
        """Return these without *source*, whose counts are kept."""
        if source not in self.all():
            return self
        return Sources(
            tuple(other for other in self.own if other is not source),
            tuple(other for other in self.adopted if other is not source),
            self.appended + (source.appended if source in self.own else 0),
            self.taken_over + (0 if source in self.own else source.appended),
            self.delivered + source.state.delivered,
        )

    def all(self) -> tuple[Stream, ...]:
        """Return all of them."""
        return (*self.own, *self.adopted)

    def held(self) -> list[OwnStream]:
        """Return those that are in memory."""
        return [stream for stream in self.own if stream.is_held]

    def locked(self) -> list[Stream]:
        """Return those that this process has locked."""
        return [stream for stream in self.all() if stream.lock is not None]


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
        rejected: dead letters, and those that could not be kept.
        set_aside: events in flight that were rejected or put at the end of the buffer: they do not
            wait any more, and are not delivered.
        is_read: whether sources are read, or settled, at this moment: none is released then.
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
        self.is_read = False
        # Events that were appended once more.
        self._requeues = 0
        self._found_again = self._found_on_disk = 0
        self.rejected = RejectedEvents(self)
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

    def append(self, source: OwnStream) -> None:
        """Add an own source, the latest. With the lock held."""
        self.change(lambda now: now._replace(own=(*now.own, source)))

    @locked
    def take_over(self, stream: Stream, lock: StreamLock, contents: Contents) -> None:
        """Go on with *stream*; one that is no source yet is adopted."""
        before = stream.appended
        stream.take_over(lock, contents)
        if stream in self.sources.own:
            # Of its events, those that were settled here come from the disk once more.
            self._found_again += stream.appended - before
        elif stream not in self.sources.adopted:
            self.change(lambda now: now._replace(adopted=(*now.adopted, stream)))

    @locked
    def remove(self, source: Stream) -> None:
        """Remove a source, and keep its counts."""
        self.change(lambda now: now.without(source))

    # Numbers.

    def waiting(self) -> int:
        """Return how many events can be had from the spool."""
        return sum(source.waiting() for source in self.sources.all())

    def held_count(self) -> int:
        """Return how many events are in memory, and would not outlive the process."""
        return sum(stream.left() for stream in self.sources.held())

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
        return sources.appended + sum(source.known() for source in sources.own)

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
        buffered += len(self.rejected.pending)
        dropped = self.drops.counts()
        known = sources.appended + sum(stream.known() for stream in sources.own)
        accepted = known - self._requeues - self._found_again
        accepted += self.drops.refused()
        adopted = sources.taken_over + sum(stream.known() for stream in sources.adopted)
        adopted += self._found_again + self._found_on_disk
        settled = delivered + self.rejected.kept + sum(dropped.values())
        return Counts(
            accepted=accepted,
            delivered=delivered,
            dead_lettered=self.rejected.kept,
            dropped=dropped,
            buffered=buffered,
            buffered_bytes=self.size(),
            oldest_age=self._oldest_age() if buffered else 0.0,
            adopted=adopted,
            released=max(accepted + adopted - settled - buffered, 0),
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
        self._count_letter(self.rejected.keep(event, reason), in_flight=1, found=0)
        self.warnings.flush()

    @locked
    def _count_letter(self, count: Callable[[], object], *, in_flight: int, found: int) -> None:
        count()
        self.set_aside += in_flight
        self._found_on_disk += found

    @locked
    def dead_letters(self) -> list[DeadLetter]:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        return list(self.rejected.latest)

    def requeued(self) -> None:
        """Count an event in flight that was appended again just now. With the lock held."""
        settled = self.settled_count()
        waiting = [entry for entry in self._requeued if entry[0] > settled]
        self._requeued = [*waiting, (self.appended_count(), settled)]
        self.set_aside += 1
        self._requeues += 1

    def settle(self, source: Stream, count: int) -> None:
        """Settle the oldest *count* events of *source* in flight. With the lock held.

        Where the source was released meanwhile, they come from the disk once more: those that were
        rejected, or put at the end of the buffer, as well.
        """
        aside = min(count, self.set_aside)
        settled = source.settle(count, count - aside)
        self.set_aside -= aside
        self._found_on_disk += min(aside, count - settled)

    def read_again(self) -> None:
        """Count what is in flight as waiting again. With the lock held.

        What was rejected, or put at the end of the buffer, comes from the disk once more.
        """
        self._found_on_disk += self.set_aside
        self.set_aside = 0

    def keep_damaged(self, line: bytes, reason: str, *, was_counted: bool) -> Callable[[], object]:
        """Keep a line that is no event; return what counts it, to be called with the lock held.

        Args:
            line: what was found.
            reason: why it is no event.
            was_counted: whether it was, as one of the events of its stream.
        """
        count = self.rejected.keep(line, reason)
        path = self.folder.path
        self.warnings.count(
            "spool damaged line",
            lambda count: (
                f"a line of the spool {path} is damaged: {reason}"
                if count == 1
                else f"{count:,} lines of the spool {path} are damaged, the last one: {reason}"
            ),
        )
        found = not was_counted
        return functools.partial(self._count_letter, count, in_flight=0, found=found)

    def found_missing(self, segment: Segment, total: int) -> None:
        """Count *total* events as lost that *segment* should have. With the lock held."""
        self.drops.add_part(SPOOL_DAMAGED, segment, total)
        self.warnings.add("spool damaged", f"events of the spool {self.folder.path} are missing")

    def warn_unreadable(self, error: OSError, name: str | None = None) -> None:
        """Warn that the stream *name*, or else the whole folder, cannot be read."""
        what, others = f"the spool {self.folder.path}", ""
        if name is not None:
            what, others = f"the stream {name} in {what}", "; the others go on"
        self.warnings.add(
            f"spool unreadable {name}", f"{what} cannot be read: {error.strerror}{others}"
        )

    @locked
    def count_refused(self, reason: str) -> None:
        """Count an event that was dropped, and not appended."""
        self.drops.add(reason, refused=1)
