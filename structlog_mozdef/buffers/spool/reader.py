"""The sender's side of a spool: what is given out and settled."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.base import Batch, number_within
from structlog_mozdef.buffers.spool.adoption import Adoption
from structlog_mozdef.buffers.spool.format import parse_stream_name
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.buffers.spool.writer import SpoolWriter
from structlog_mozdef.files.opening import TOO_MANY_OPEN

# Of what is given out; an unlimited batch would need all memory.
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
    """Reads events from the sources, and settles them.

    Until it is settled, what was given out stays the same, in the same order, whatever is added.
    A read or an ack that is interrupted leaves `SpoolLedger.is_read` set: then everything that is
    in flight is read again, as after a crash.
    """

    def __init__(self, ledger: SpoolLedger, writer: SpoolWriter, adoption: Adoption) -> None:
        self._ledger = ledger
        self._writer = writer
        self._adoption = adoption
        self._lock = ledger.lock
        self._in_flight: list[bytes] = []
        # How many of them came from where, in their order.
        self._parts: deque[tuple[Stream, int]] = deque()
        self._generation = 0
        self._turn = 0

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._begin()
        limit = min(max_bytes, _IN_FLIGHT_BYTES)
        self._fill(max_events, limit)
        if not self._in_flight and self._ledger.own_waiting() and self._writer.finish_if_short():
            self._fill(max_events, limit)  # to its end, where the missing events are counted
        self._ledger.is_read = False
        events = self._in_flight[:max_events]
        return SpoolBatch(events[: number_within(events, max_bytes)[0] or 1], self._generation)

    def _begin(self) -> None:
        """Begin to read or settle; what was interrupted is done again."""
        self._claim()
        if len(self._ledger.sources.own) > 1:
            self._writer.finish_interrupted()

    @locked
    def _claim(self) -> None:
        if self._ledger.is_read:
            self.void()
        self._ledger.is_read = True

    def _fill(self, max_events: int, max_bytes: int) -> None:
        """Have as many events in flight, or a few more, if there are so many.

        Raises:
            OSError: no file can be opened now, and nothing is in flight.
        """
        resumed = 0
        for source in self._in_turn():
            if len(self._in_flight) >= max_events or resumed >= _RESUMED_AT_ONCE:
                return
            was_released = source.is_released
            try:
                if was_released and not self._adoption.take_over(source):
                    continue
                self._fill_from(source, max_events, max_bytes)
            except OSError as error:
                if error.errno not in TOO_MANY_OPEN:
                    self._skip(source, error)
                    continue
                self._ledger.warn_unreadable(error)
                if self._in_flight:
                    return  # what comes after it can wait for it
                self._ledger.is_read = False
                raise
            self._remove_if_drained(source)
            resumed += was_released and source.lock is not None

    def _fill_from(self, source: Stream, max_events: int, max_bytes: int) -> None:
        size = sum(map(len, self._in_flight))
        while len(self._in_flight) < max_events and size < max_bytes:
            events = source.read(max_events - len(self._in_flight))
            if not events:
                return
            size += sum(map(len, events))
            self._in_flight += events
            self._parts.append((source, len(events)))

    def _in_turn(self) -> list[Stream]:
        """Return the sources, by process, in an order of processes that changes with each batch."""
        sources = self._ledger.sources
        groups: dict[Any, list[Stream]] = {"own": list(sources.own)}
        for stream in sources.adopted:
            name = parse_stream_name(stream.name)
            groups.setdefault(name and (name.pid, name.writer), []).append(stream)
        in_order = list(groups.values())
        first = self._turn % len(in_order)
        return [source for group in in_order[first:] + in_order[:first] for source in group]

    def _skip(self, stream: Stream, error: OSError) -> None:
        """Leave a stream that cannot be read now; the others go on."""
        if stream.lock is None or not stream.lock.is_ours():
            return  # the program closed our files: maintenance releases it
        self._ledger.warn_unreadable(error, stream.name)

    def ack(self, batch: Batch) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        assert isinstance(batch, SpoolBatch)  # noqa: S101 - for the type checker
        if batch.generation != self._generation or not batch.events or self._ledger.is_read:
            return  # its events are to be read again
        self._begin()
        count = len(batch.events)
        parts = self._parts_of(count)
        self._settle(parts)
        del self._in_flight[:count]
        for source in dict.fromkeys(source for source, _ in parts):  # each once, in order
            source.write_ack()
            self._remove_if_drained(source)
        self._ledger.is_read = False
        self._writer.measure_again()
        self._turn += 1

    def _parts_of(self, count: int) -> list[tuple[Stream, int]]:
        """Split the first *count* events in flight by their source."""
        parts = []
        while count:
            source, events = self._parts.popleft()
            part = min(count, events)
            if events > part:
                self._parts.appendleft((source, events - part))
            count -= part
            parts.append((source, part))
        return parts

    @locked
    def _settle(self, parts: list[tuple[Stream, int]]) -> None:
        """All counts change here, with the lock held, so that they add up for everybody else."""
        for source, count in parts:
            self._ledger.settle(source, count)
        self._writer.rebase()

    @locked
    def void(self) -> None:
        """Give everything that is in flight out again."""
        self._generation += 1
        self._in_flight = []
        self._parts = deque()
        self._ledger.read_again()
        for source in self._ledger.sources.all():
            source.rewind()

    def remove_drained(self) -> bool:
        """Remove the sources of which nothing is left; return whether there were adopted ones."""
        self._begin()
        before = self._ledger.sources.adopted
        for source in self._ledger.sources.all():
            self._remove_if_drained(source)
        self._ledger.is_read = False
        return self._ledger.sources.adopted != before

    def _remove_if_drained(self, source: Stream) -> None:
        try:
            if not source.closed or not source.is_drained():
                return
        except OSError as error:
            self._skip(source, error)
            return
        self._ledger.remove(source)
        source.remove()
