"""The sender's side of a spool: what is given out and settled."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from structlog_mozdef.buffers.base import Batch, number_within
from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.format import parse_stream_name
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.ledger import DeferredWarnings, SpoolLedger, SpoolLock
from structlog_mozdef.buffers.spool.safe_files import TOO_MANY_OPEN, close_lost_descriptors
from structlog_mozdef.buffers.spool.source import Source
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.buffers.spool.writer import SpoolWriter

# Of what is given out; an unlimited batch would take all memory.
_IN_FLIGHT_BYTES = 16 * 1024 * 1024
# So many released streams are locked again for one batch.
_RESUMED_AT_ONCE = 16


@dataclass(frozen=True)
class SpoolBatch(Batch):
    """A batch of a spool.

    Attributes:
        generation: of the spool; when it was closed, its batches mean nothing any more.
    """

    generation: int = 0

    def first(self, count: int) -> SpoolBatch:
        return SpoolBatch(self.events[:count], self.generation)


class SpoolReader:
    """Takes events from the sources, and settles them.

    Until it is settled, what was given out stays the same, in the same order, whatever is added.
    A read or an ack that is interrupted leaves `_is_busy` set: then everything that is in flight
    is taken again, as after a crash.

    Args:
        folder, ledger, warnings, lock, writer: of the spool.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        warnings: DeferredWarnings,
        lock: SpoolLock,
        writer: SpoolWriter,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._warnings = warnings
        self._lock = lock
        self._writer = writer
        self._in_flight: list[bytes] = []
        # How many of them came from where, in their order.
        self._parts: deque[tuple[Source, int]] = deque()
        self._generation = 0
        self._turn = 0
        self._is_busy = False

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._begin()
        limit = min(max_bytes, _IN_FLIGHT_BYTES)
        self._take(max_events, limit)
        if not self._in_flight and self._ledger.own_waiting() and self._is_short():
            # Events should wait, and are not there: so the stream does not hold what was counted.
            self._lock.call(self._writer.let_go_of_current)
            self._take(max_events, limit)
        self._is_busy = False
        events = self._in_flight[:max_events]
        return SpoolBatch(events[: number_within(events, max_bytes)[0] or 1], self._generation)

    def _begin(self) -> None:
        """Begin to read or settle; what was interrupted is done again."""
        if self._is_busy:
            self.void()
        self._is_busy = True
        if len(self._ledger.sources.own) > 1:
            self._lock.call(self._writer.let_go_of_interrupted)

    def _is_short(self) -> bool:
        """Tell whether all own streams were read to their ends."""
        for source in self._ledger.sources.own:
            if isinstance(source, Stream) and source.lock is not None:
                try:
                    if not source.is_read():
                        return False  # appended just now
                except OSError:
                    pass  # it cannot be read: it is let go
            elif source.has_more():
                return False
        return True

    def _take(self, max_events: int, max_bytes: int) -> None:
        """Have as many events in flight, if there are so many.

        Raises:
            OSError: no file can be opened now, and nothing is in flight.
        """
        resumed = 0
        for source in self._in_turn():
            missing = max_events - len(self._in_flight)
            room = max_bytes - sum(map(len, self._in_flight))
            if missing <= 0 or room <= 0 or resumed >= _RESUMED_AT_ONCE:
                return
            was_released = isinstance(source, Stream) and source.lock is None
            try:
                events = self._take_from(source, missing, room)
            except OSError as error:
                if error.errno not in TOO_MANY_OPEN:
                    self._skip(source, error)
                    continue
                self.warn_of(error)
                if self._in_flight:
                    return  # what comes after it can wait for it
                self._is_busy = False
                raise
            self._add(source, events)
            resumed += was_released and bool(events)
            if _present(source).has_more():
                return  # the limits are reached

    def _add(self, source: Source, events: list[bytes]) -> None:
        if events:
            self._in_flight += events
            self._parts.append((source, len(events)))
        elif isinstance(source, Stream) and source.closed:
            self._remove_if_drained(source)

    def _in_turn(self) -> list[Source]:
        """Return the sources, by process, in an order of processes that changes with each batch."""
        sources = self._ledger.sources
        groups: dict[Any, list[Source]] = {"own": list(sources.own)}
        for stream in sources.adopted:
            name = parse_stream_name(stream.name)
            groups.setdefault(name and (name.pid, name.writer), []).append(stream)
        in_order = list(groups.values())
        first = self._turn % len(in_order)
        return [source for group in in_order[first:] + in_order[:first] for source in group]

    def _take_from(self, source: Source, max_events: int, max_bytes: int) -> list[bytes]:
        one = not self._in_flight
        if isinstance(source, Holding):  # which log calls change
            events = self._lock.call(source.take, max_events, max_bytes, one)
            if events or source.successor is None:
                return events
        stream = _present(source)
        assert isinstance(stream, Stream)  # noqa: S101 - for the type checker
        if stream.lock is None and not self.resume(stream):
            return []
        return stream.take(max_events, max_bytes, one)

    def resume(self, stream: Stream) -> bool:
        """Go on with a stream of this process that was released, if nobody else has it.

        Raises:
            OSError: no file can be opened now.
        """
        close_lost_descriptors()  # one of them may be the lock of this very stream
        lock = self._folder.lock_orphan(stream.name)
        if lock is not None:
            self._lock.call(self._resume, stream, lock)
        elif not self._folder.has_stream(stream.name):
            self._lock.call(self._ledger.remove, stream)  # others have delivered it: it is theirs
        return lock is not None

    def _resume(self, stream: Stream, lock: StreamLock) -> None:
        stream.resume(lock)
        self._writer.capacity.adopted(stream.name)

    def _skip(self, source: Source, error: OSError) -> None:
        """Leave a stream that cannot be read now; the others go on."""
        stream = _present(source)
        if not isinstance(stream, Stream) or stream.lock is None or stream.lock.is_lost():
            return  # the program closed our files: maintenance releases it
        self._warnings.add(
            f"spool unreadable {stream.name}",
            f"the stream {stream.name} in the spool {self._folder.path} cannot be read:"
            f" {error.strerror}; the others go on",
        )

    def ack(self, batch: Batch) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        assert isinstance(batch, SpoolBatch)  # noqa: S101 - for the type checker
        if batch.generation != self._generation or not batch.events or self._is_busy:
            return  # its events are to be taken again
        self._begin()
        count = len(batch.events)
        parts = self._parts_of(count)
        self._lock.call(self._settle, parts)
        del self._in_flight[:count]
        self._is_busy = False
        for source, _ in parts:
            _present(source).write_ack()
            self._remove_if_drained(_present(source))
        self._turn += 1

    def _parts_of(self, count: int) -> list[tuple[Source, int]]:
        """Take the first *count* events in flight apart by their source."""
        parts = []
        while count:
            source, events = self._parts.popleft()
            part = min(count, events)
            if events > part:
                self._parts.appendleft((source, events - part))
            count -= part
            parts.append((source, part))
        return parts

    def _settle(self, parts: list[tuple[Source, int]]) -> None:
        """All counts change here, with the lock held, so that they add up for everybody else."""
        not_delivered = self._ledger.set_aside
        for part, count in parts:
            source = _present(part)
            delivered = max(count - not_delivered, 0)
            not_delivered -= count - delivered
            source.state = source.after_ack(count, delivered)
        self._ledger.set_aside = 0
        self._writer.rebase()

    def void(self) -> None:
        """Everything that is in flight will be taken again."""
        self._lock.call(self._void)

    def _void(self) -> None:
        self._generation += 1
        self._in_flight = []
        self._parts = deque()
        self._ledger.set_aside = 0
        for source in self._ledger.sources.all():
            source.rewind()

    def remove_drained(self) -> bool:
        """Remove the sources of which nothing is left; tell whether there were adopted ones."""
        removed = False
        self._begin()
        for source in self._ledger.sources.all():
            if self._remove_if_drained(source):
                removed |= isinstance(source, Stream) and source.adopted
        self._is_busy = False
        return removed

    def _remove_if_drained(self, source: Source) -> bool:
        try:
            if not source.closed or not source.is_drained():
                return False
        except OSError as error:
            self._skip(source, error)
            return False
        self._lock.call(self._remove, source)
        if isinstance(source, Stream):
            source.remove()
        return True

    def _remove(self, source: Source) -> None:
        self._ledger.remove(source)
        if isinstance(source, Stream):
            self._writer.capacity.released(source.name)

    def warn_of(self, error: OSError) -> None:
        """Warn of an error that concerns the whole folder."""
        self._warnings.add(
            "spool unreadable", f"the spool {self._folder.path} cannot be read: {error.strerror}"
        )


def _present(source: Source) -> Source:
    """Return where the events of *source* are now: a holding may have been written to the disk."""
    return (isinstance(source, Holding) and source.successor) or source
