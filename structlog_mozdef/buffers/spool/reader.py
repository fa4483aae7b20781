"""The sender's side of a spool: reading and settling events, and adopting orphans."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from structlog_mozdef.buffers.base import SPOOL_DAMAGED, SPOOL_REMOVED, Batch, number_within
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import DeferredWarnings
from structlog_mozdef.buffers.spool.source import Observer, Source
from structlog_mozdef.buffers.spool.stream import Stream

# The maximum of adopted streams, each of which costs a few descriptors; and the number of adopted
# events from which on the rest is left to other processes.
_ADOPTED_AT_ONCE = 32
_ENOUGH_EVENTS = 2000
# The maximum in flight; an unlimited batch would use up the memory.
_IN_FLIGHT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class SpoolBatch(Batch):
    """A batch of a spool.

    Attributes:
        generation: of the spool; batches from before a `close` are ignored.
    """

    generation: int = 0

    def first(self, count: int) -> SpoolBatch:
        return SpoolBatch(self.events[:count], self.generation)


class SpoolReader:
    """Read events from our own sources and from adopted streams, and settle them.

    Events in flight stay the same, in the same order, until they are settled, whatever is added.

    Args:
        folder, ledger, damage_log, deferred_warnings, lock: of the spool.
        holding: of the spool, the latest of our own events.
        own_streams: returns the streams of this process, oldest first.
        rescan_interval: seconds between two scans for orphans.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        damage_log: Observer,
        deferred_warnings: DeferredWarnings,
        lock: Any,
        *,
        holding: Holding,
        own_streams: Callable[[], list[Stream]],
        rescan_interval: float,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._damage_log = damage_log
        self._deferred_warnings = deferred_warnings
        self._lock = lock
        self._holding = holding
        self._own_streams = own_streams
        self._rescan_interval = rescan_interval
        self._adopted: list[Stream] = []
        self._adopted_since = 0.0
        self._next_rescan = 0.0
        self._in_flight: list[bytes] = []
        # The sources of the events in flight, and how many are from each, in their order.
        self._parts: deque[tuple[Source, int]] = deque()
        self._generation = 0
        self._turn = 0

    # Sending.

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._follow_moved()
        self._fill_in_flight(max_events, min(max_bytes, _IN_FLIGHT_BYTES))
        if not self._in_flight and self._ledger.waiting():
            self._write_off()
        events = self._in_flight[:max_events]
        return SpoolBatch(events[: number_within(events, max_bytes)[0] or 1], self._generation)

    def _fill_in_flight(self, max_events: int, max_bytes: int) -> None:
        """Read until *max_events* are in flight, if there are as many."""
        failure = None
        for group in self._in_turn():
            for source in group:
                missing = max_events - len(self._in_flight)
                if missing <= 0:
                    return
                bytes_left = max_bytes - sum(map(len, self._in_flight))
                if bytes_left <= 0:
                    return
                try:
                    events = self._read_from(source, missing, bytes_left)
                except OSError as error:
                    failure = error
                    break  # later events of this group have to wait for it
                if events:
                    self._in_flight += events
                    self._parts.append((source, len(events)))
                if source.has_more():
                    return  # the limits are reached
        if failure is not None:
            if not self._in_flight:
                raise failure
            self._warn_of(failure)

    def _in_turn(self) -> list[list[Source]]:
        """Return the sources of each process, in an order that changes with each batch."""
        # While held events are in flight, they may be written to disk, and must not be read there
        # as if they were new.
        own: list[Source] = []
        if not self._sends_held():
            own = [*self._own_streams(), self._holding]
        groups = [own]
        groups += [[stream] for stream in self._adopted]
        first = self._turn % len(groups)
        return groups[first:] + groups[:first]

    def _read_from(self, source: Source, max_events: int, max_bytes: int) -> list[bytes]:
        one = not self._in_flight
        if isinstance(source, Stream):
            return source.read(max_events, max_bytes, one=one)
        if not source.has_more():
            return []
        with self._lock:  # of the holding, which log calls change
            # Events written to a stream since we read it are older.
            is_next = all(stream.is_read() for stream in self._own_streams())
            return source.read(max_events, max_bytes, one=one) if is_next else []

    def _follow_moved(self) -> None:
        """Let events in flight that were held, and are on disk by now, be settled there."""
        if not self._sends_held():
            return  # without waiting for the lock, which log calls usually hold
        while self._holding.moved:
            source = self._holding.moved[0]
            source.read(1, sys.maxsize, one=True)  # it can raise: before anything changes
            with self._lock:
                del self._holding.moved[0]
            self._move_part(source)

    def _move_part(self, target: Source) -> None:
        """Record that the oldest held event in flight is in *target* now."""
        parts = list(self._parts)
        index = next(index for index, (source, _) in enumerate(parts) if source is self._holding)
        left = parts[index][1] - 1
        parts[index : index + 1] = [(self._holding, left)] if left else []
        if index and parts[index - 1][0] is target:
            parts[index - 1] = (target, parts[index - 1][1] + 1)
        else:
            parts.insert(index, (target, 1))
        self._parts = deque(parts)

    def ack(self, batch: Batch) -> None:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        assert isinstance(batch, SpoolBatch)  # noqa: S101 - for the type checker
        if batch.generation != self._generation or not batch.events:
            return  # its events will be read again
        # Held events could be written to disk in the middle of this.
        with self._lock if self._sends_held() else contextlib.nullcontext():
            self._follow_moved()
            left = len(batch.events)
            del self._in_flight[:left]
            parts = list(self._parts_of(left))
            for source, count in parts:
                if isinstance(source, Stream):
                    source.advance(count)
            with self._lock:  # once, so that the counts add up at every moment
                self._ledger.deliver(left)
                for source, count in parts:
                    self._settle(source, count)
        self._turn += 1

    def _sends_held(self) -> bool:
        """Return whether events are in flight that were read from memory."""
        return any(source is self._holding for source, _ in self._parts)

    def _parts_of(self, left: int) -> Iterator[tuple[Source, int]]:
        """Remove the first *left* events in flight; yield their sources, and how many from each."""
        while left:
            source, events = self._parts.popleft()
            count = min(left, events)
            if events > count:
                self._parts.appendleft((source, events - count))
            left -= count
            yield source, count

    def _settle(self, source: Source, count: int) -> None:
        if not isinstance(source, Stream):
            source.advance(count)
        else:
            source.waiting -= count
            if source.adopted:
                self._ledger.adopted -= count
                return
        self._ledger.remove(count)

    def size(self) -> int:
        """Return the bytes that wait in adopted streams."""
        return sum(stream.size() for stream in self._adopted)

    @property
    def adopted_since(self) -> float:
        """Since when the oldest adopted event may have waited (``time.time``)."""
        return self._adopted_since

    def _write_off(self) -> None:
        """Count events as lost that can be read nowhere: somebody has truncated the files."""
        with self._lock:
            own = self._ledger.appended - self._ledger.removed
            streams = self._own_streams()
            if not own or self._holding.has_more():
                return
            if not all(stream.is_exhausted() for stream in streams):
                return  # appended just now
            for stream in streams[-1:]:
                stream.write_off(own)
            self._ledger.lose(own, self._ledger.settled_count(), SPOOL_DAMAGED)

    # Streams of dead processes.

    def adopt_orphans(self) -> bool:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        self._remove_settled_segments()
        self._rescan()
        return self._ledger.adopted > 0

    def _remove_settled_segments(self) -> None:
        """Remove completely settled segments: a full disk may need just that space."""
        for stream in self._own_streams():
            try:
                if len(stream.segments) > 1:
                    stream.is_drained()
            except OSError as error:
                self._warn_of(error)

    def _rescan(self) -> None:
        if self.remove_drained(self._adopted):
            self._next_rescan = 0.0  # there may be more than we could adopt
        now = time.monotonic()
        if now < self._next_rescan:
            return
        self._next_rescan = now + self._rescan_interval
        try:
            self._adopt()
        except OSError as error:
            self._warn_of(error)
        for name, reason in self._folder.left_alone.items():
            self._deferred_warnings.add(
                f"spool left alone {reason}",
                f"the stream {name} in the spool {self._folder.path} is left alone: {reason}",
            )

    def _adopt(self) -> None:
        self._folder.remove_unfinished()
        maximum = _ADOPTED_AT_ONCE - len(self._adopted)
        with contextlib.closing(self._folder.adopt(maximum)) as stream_locks:
            while self._ledger.adopted < _ENOUGH_EVENTS and (
                stream_lock := next(stream_locks, None)
            ):
                try:
                    stream = Stream(
                        self._folder, stream_lock, self._lock, self._damage_log, adopted=True
                    )
                    stream.count_events()
                except OSError:
                    stream_lock.close()  # for example too many open files: leave it to others
                    raise
                with self._lock:
                    if not self._adopted:
                        self._adopted_since = stream.written_at()
                    self._ledger.adopt(stream.name, stream.waiting)
                    self._adopted.append(stream)
        if self._ledger.closed_streams:
            with self._lock:
                self._ledger.hand_over_closed(self._folder.stream_names())

    def remove_drained(self, streams: list[Stream]) -> bool:
        """Remove drained streams from *streams* and the disk; return whether there were any."""
        removed = False
        for stream in list(streams):
            try:
                if not stream.is_drained():
                    continue
            except OSError as error:
                self._warn_of(error)
                continue
            with self._lock:
                streams.remove(stream)
                self._write_off_remainder(stream)
            stream.remove()
            removed = True
        return removed

    def _write_off_remainder(self, stream: Stream) -> None:
        """Count events as lost that should wait in a drained stream, but were never read."""
        if stream.adopted:
            self._ledger.hand_over(stream.waiting)
        elif stream.waiting > 0:
            self._ledger.lose(stream.waiting, self._ledger.settled_count(), SPOOL_REMOVED)

    def _warn_of(self, error: OSError) -> None:
        self._deferred_warnings.add(
            "spool unreadable", f"the spool {self._folder.path} cannot be read: {error.strerror}"
        )

    # The end.

    def close(self) -> None:
        """Let events in flight be read again, and release adopted streams for others."""
        with self._lock:
            self._generation += 1
            self._in_flight.clear()
            self._parts.clear()
            self._ledger.void_batch()
            self.remove_drained(self._adopted)
            for stream in self._adopted:
                self._ledger.hand_over(stream.waiting)
                stream.close()
            self._adopted.clear()
        self._next_rescan = 0.0

    def abandon(self) -> None:
        """See `structlog_mozdef.buffers.spool.Spool`."""
        for stream in self._adopted:
            stream.abandon()
