"""What became of the events of a spool: its sources, and every number that it gives.

Counts belong to the sources. Those of the process are sums of them, and `Sources` is replaced as a
whole: so the numbers add up whenever somebody looks, whatever was interrupted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import SPOOL_DAMAGED, Counts, DeadLetter
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.source import Source
from structlog_mozdef.buffers.spool.stream import Stream

_KEPT_DEAD_LETTERS = 100
_Result = TypeVar("_Result")


class SpoolLock:
    """The lock of a spool, which no signal handler that raises can leave held.

    Re-entrant: a signal handler or ``__del__`` may log in the middle of an append. ``with`` is not
    used: before Python 3.15 an exception can come between getting the lock and entering.
    """

    def __init__(self) -> None:
        lock: Any = threading.RLock()  # Any: `_is_owned` is missing in its stub
        self.acquire, self.release = lock.acquire, lock.release
        #: Tells whether the calling thread holds the lock.
        self.is_owned: Callable[[], bool] = lock._is_owned  # noqa: SLF001 - as Condition does

    def call(self, function: Callable[..., _Result], *arguments: Any) -> _Result:
        """Return ``function(*arguments)``, called with the lock held."""
        try:
            self.acquire()
            result = function(*arguments)
        except BaseException:
            try:
                self.release()
            except RuntimeError:
                pass  # a handler raised while this waited for the lock
            raise
        self.release()
        return result


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

    own: tuple[Source, ...] = ()
    adopted: tuple[Stream, ...] = ()
    appended: int = 0
    delivered: int = 0

    def without(self, source: Source) -> Sources:
        """Return these without *source*, whose counts are kept."""
        if source not in self.all():
            return self  # a holding that went to the disk meanwhile, say
        is_own = source in self.own
        return Sources(
            tuple(other for other in self.own if other is not source),
            tuple(other for other in self.adopted if other is not source),
            self.appended + (source.appended if is_own else 0),
            self.delivered + source.state.delivered,
        )

    def with_instead(self, source: Source, before: Source) -> Sources:
        """Return these with *source* in the place of *before*."""
        return self._replace(own=tuple(source if s is before else s for s in self.own))

    def all(self) -> tuple[Source, ...]:
        """Return all of them."""
        return (*self.own, *self.adopted)


class SpoolLedger:
    """The numbers of one spool, and what it found damaged.

    Args:
        path: of the folder, for messages.
        lock: of the spool, held by everything that changes a number.
        warnings: of the spool.
        dead_letter_file: keeps the dead letters.

    Attributes:
        sources: replaced as a whole.
        set_aside: events in flight that were rejected or put at the end of the buffer: they do not
            wait any more, and are not delivered.
    """

    def __init__(
        self,
        path: str,
        lock: SpoolLock,
        warnings: DeferredWarnings,
        dead_letter_file: DeadLetterFile,
    ) -> None:
        self.sources = Sources()
        self.drops = Drops()
        self.set_aside = 0
        self._path = path
        self._lock = lock
        self._warnings = warnings
        self._dead_letter_file = dead_letter_file
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._dead_lettered = 0
        # Events that were put at the end of the buffer: their number there, and how many others
        # were settled at that moment. Until they are settled, nothing behind them is.
        self._requeued: list[tuple[int, int]] = []

    # Sources.

    def change(self, function: Callable[[Sources], Sources]) -> None:
        """Replace the sources by ``function(sources)``."""
        while True:
            before = self.sources
            after = function(before)
            if self.sources is before:  # no signal handler that logs has changed them meanwhile
                self.sources = after
                return

    def append(self, source: Source) -> None:
        """Add an own source, the latest."""
        self.change(lambda now: now._replace(own=(*now.own, source)))

    def remove(self, source: Source) -> None:
        """Remove a source, and keep its counts."""
        self.change(lambda now: now.without(source))

    def replace(self, holding: Holding, stream: Stream) -> bool:
        """Let *stream* take the place of *holding*; False where that is gone."""
        self.change(lambda now: now.with_instead(stream, holding))
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

    def counts(self) -> Counts:
        """Return all numbers."""
        sources = self.sources
        released = sum(source.released() for source in sources.own if isinstance(source, Stream))
        delivered = sources.delivered
        delivered += sum(source.state.delivered for source in sources.all())
        buffered = max(self.waiting() - self.set_aside, 0) + released
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
        ages = [0.0]
        for source in self.sources.own:
            if source.waiting():
                ages.append(time.monotonic() - source.marks.oldest(source.state.settled))
                break
        ages += [time.time() - stream.written_at() for stream in self.sources.adopted[:1]]
        return max(ages)

    # What becomes of events.

    def reject(self, event: bytes, reason: str) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._lock.call(self._count_dead_letter, event, reason, 1)
        self._keep_dead_letter(event, reason)

    def _count_dead_letter(self, event: bytes, reason: str, set_aside: int) -> None:
        self._dead_letters.append(DeadLetter(event, reason))
        self._dead_lettered += 1
        self.set_aside += set_aside

    def _keep_dead_letter(self, event: bytes, reason: str) -> None:
        try:
            self._dead_letter_file.add(event, reason)
        except OSError as error:
            self._warnings.add(
                "dead letter lost",
                f"a dead letter could not be kept in {self._path}: {error.strerror}",
            )

    def write_pending_letters(self) -> None:
        """Keep the dead letters that another process kept from being written.

        Raises:
            OSError: they cannot be written.
        """
        self._dead_letter_file.write_pending()

    def dead_letters(self) -> list[DeadLetter]:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        return self._lock.call(list, self._dead_letters)

    def requeued(self) -> None:
        """Count an event in flight that was appended again just now."""
        settled = self.settled_count()
        waiting = [entry for entry in self._requeued if entry[0] > settled]
        self._requeued = [*waiting, (self.appended_count(), settled)]
        self.set_aside += 1

    # What streams tell of lines that they left behind: see `Observer`.

    def found_damaged(self, line: bytes, reason: str, *, counted: bool) -> None:
        """See `structlog_mozdef.buffers.spool.stream.Observer`."""
        self._lock.call(self._count_dead_letter, line, reason, 0)
        self._keep_dead_letter(line, reason)
        self._warnings.add(
            "spool damaged", f"a line of the spool {self._path} is damaged: {reason}"
        )

    def _count_missing(self, events: int) -> None:
        self.drops.add(SPOOL_DAMAGED, events)

    def found_missing(self, events: int) -> None:
        """See `structlog_mozdef.buffers.spool.stream.Observer`."""
        self._lock.call(self._count_missing, events)
        self._warnings.add("spool damaged", f"events of the spool {self._path} are missing")
