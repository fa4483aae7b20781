"""Events that wait on disk: what `Spool.append` has taken survives ``kill -9``.

Constraints
    A log call returns only when its event is in the operating system's hands: one ``write(2)``,
    nothing else. Any number of processes share a folder, fork and die at any point. Anybody can
    read what waits with ``ls``, ``tail`` and ``jq``. Disk and memory are bounded. Damage costs the
    damaged events and no others, and nothing is lost without being counted.

Layout
    ::

        FOLDER/                             0700, of this user
          1790000000000-4711-5f0c.../       one stream, of one process
            stream.json                     format, destination (without credentials), process
            position                        the acknowledged position
            0000000001.ndjson               segments, in order
            0000000002.ndjson
          dead-letters.ndjson               of all processes

Format
    A segment is NDJSON: one MozDef event a line, as it goes on the wire. ``position`` is one line
    of fixed length, ``SEGMENT OFFSET``: everything before is settled. ``stream.json`` carries the
    number of the format, 1; a stream of a later format is left alone.

Life
    A stream appears atomically: made under a temporary name, locked (``flock`` on the folder
    itself), renamed. The lock ends with the process that holds it, however that dies. The owner
    appends to the last segment with ``O_APPEND`` and begins another when it is full. The position
    is written after each delivered batch; a segment is removed once it is drained, after the
    position has left it. A short write is cut off again, back to the last whole line.

Recovery
    Any living sink on the folder adopts streams whose lock is free, and delivers them beside its
    own, each in its own order; the lock makes it the only one. A crash repeats at most the batch
    that was in flight. A position that is missing or makes no sense means the beginning. Each
    adopted line is read as JSON: one that is torn or damaged goes to the dead letters, with the
    reason. A forked child forgets all of its parent's streams, and begins one with its first event.

    While the disk refuses to write (full, quota, gone), events wait in memory, bounded, and are
    written in order as soon as it can be done.

Power loss
    ``kill -9`` loses nothing; only a crash of the machine can lose what the disk has not yet seen:
    ``sync="interval"``: the last second; ``"always"``: nothing; ``"never"``: what the kernel keeps
    back, usually 30 s. A thread of its own synchronises, so that a sender that waits for an answer
    does not delay it.

Why files and not SQLite
    450 bytes, one event after the other: one transaction each took 12 to 21 us in SQLite (WAL,
    autocommit), a ``write(2)`` 1.6 us; ``benchmarks/spool_blocks.py`` repeats the measurement.
    Batching the transactions (3.2 us) would leave a window in which a crash loses events, the
    writer would wait for the reader's lock, and a SQLite connection must not be carried across a
    fork.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

from structlog_mozdef.buffers.base import FULL, Batch, Counts, DeadLetter, SyncMode, WhenFull
from structlog_mozdef.buffers.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.housekeeper import Housekeeper
from structlog_mozdef.buffers.overflow import Overflow
from structlog_mozdef.buffers.spool_folder import SpoolFolder
from structlog_mozdef.buffers.spool_stream import Source, Stream
from structlog_mozdef.reporting import Reporter

_LARGEST_SEGMENT_BYTES = 8 * 1024 * 1024
# Orphans are looked for again after so many seconds, and so many are read at once: each costs a
# few descriptors.
_ADOPT_INTERVAL = 3.0
_ADOPTED_AT_ONCE = 8
# While the disk refuses, or the spool is full, it is tried again after so many seconds.
_DISK_RETRY = 1.0
_FULL_RETRY = 0.05
_KEPT_DEAD_LETTERS = 100
_MARK_MASK = 127


@dataclass(frozen=True)
class SpoolBatch(Batch):
    """A batch from several streams.

    Attributes:
        parts: (stream, number of its events) in the order of the events.
    """

    parts: tuple[tuple[Source, int], ...] = ()

    def first(self, count: int) -> SpoolBatch:
        parts, left = [], count
        for source, events in self.parts:
            if left > 0:
                parts.append((source, min(events, left)))
            left -= events
        return SpoolBatch(self.events[:count], tuple(parts))


class Spool:
    """A bounded FIFO on disk; the module says what it guarantees, and how.

    Args:
        folder: shared with the spools of other processes, and with those of this one.
        max_events: of this process that may wait.
        max_bytes: of the whole folder. More than 30 processes that begin at the same moment can
            exceed it by a few percent.
        when_full: as for `MemoryBuffer`; "drop_oldest" drops the oldest segment of this process
            that is not being sent.
        sync: when events are forced to the disk; see "Power loss".
        reporter: says what happened to the disk.
    """

    durable = True
    look_again = _ADOPT_INTERVAL

    def __init__(
        self,
        folder: SpoolFolder,
        *,
        max_events: int,
        max_bytes: int,
        when_full: WhenFull,
        sync: SyncMode,
        reporter: Reporter,
    ) -> None:
        self._folder = folder
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._syncs_always = sync == "always"
        self._reporter = reporter
        self._segment_bytes = max(min(max_bytes // 8, _LARGEST_SEGMENT_BYTES), 1)
        # Re-entrant: a signal handler or __del__ may log in the middle of an append.
        self._lock = threading.RLock()
        self._appending = False

        self._stream: Stream | None = None
        # Bytes that can be written before `_make_room` has to look again, and how many it has
        # granted, ever.
        self._room = 0
        self._granted = 0
        self._bytes_left = 0
        self._segment_room = 0
        self._full_until = 0.0
        self._overflow = Overflow()
        self._disk_retry_at = 0.0
        self._housekeeper = Housekeeper(self._keep_house, sync == "interval")

        # Streams of this process that somebody removed while they held events, and orphans.
        self._left_behind: list[Stream] = []
        self._adopted: list[Stream] = []
        self._next_adoption = 0.0
        self._turn = 0

        # Events of this process: written, held in memory, and those of them that have left.
        self._written = 0
        self._written_before_segment = 0
        self._held = 0
        self._left = 0
        self._adopted_events = 0
        self._adopted_left = 0
        self._released: dict[str, int] = {}
        self._readopted = 0
        self._delivered = 0
        self._dead_lettered = 0
        self._rejected_in_flight = 0
        self._not_taken = 0
        self._dropped: Counter[str] = Counter()
        self._dead_letters: deque[DeadLetter] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._dead_letter_file = DeadLetterFile(folder, max_bytes // 8)
        self._marks: deque[tuple[int, float]] = deque()

    # Appending: in the threads that log.

    def append(self, event: bytes) -> int:
        line = event + b"\n"
        size = len(line)
        with self._lock:
            backlog = self._written + self._held - self._left
            if (
                self._room < size
                or backlog >= self._max_events
                or self._appending
                or self._overflow
            ):
                return self._append_with_care(line)
            self._appending = True
            try:
                self._room -= size
                self._write(line)
            except OSError as error:
                return self._hold(line, error)
            finally:
                self._appending = False
            return backlog + 1

    def _write(self, line: bytes) -> None:
        stream = self._stream
        if stream is None:
            raise FileNotFoundError(errno.ENOENT, "there is no stream to write to")
        stream.write(line)
        if self._syncs_always:
            os.fdatasync(stream.write_fd)
        if not self._written & _MARK_MASK:
            self._marks.append((self._written + self._held, time.monotonic()))
        self._written += 1

    def _append_with_care(self, line: bytes) -> int:
        """Append where the quick way does not do."""
        if self._appending:
            # A signal handler or __del__ in the middle of an append of this very thread, which
            # may have written a part of its line: this one begins behind a line end.
            try:
                self._write(b"\n" + line)
            except OSError as error:
                return self._hold(line, error)
            return self._own_backlog()
        self._appending = True
        try:
            self._write_overflow()
            if self._overflow:
                return self._hold(line, None)
            if not self._make_room(len(line)):
                return self._refuse(len(line))
            self._room -= len(line)
            self._write(line)
        except OSError as error:
            return self._hold(line, error)
        finally:
            self._appending = False
        return self._own_backlog()

    def _refuse(self, size: int) -> int:
        if self._when_full == "block" and size <= self._max_bytes:
            return FULL
        self.drop("spool full")
        return self._own_backlog()

    def drop(self, reason: str) -> None:
        with self._lock:
            self._dropped[reason] += 1
            self._not_taken += 1

    def _hold(self, line: bytes, error: OSError | None) -> int:
        """The disk refuses: hold *line* in memory, and try the disk again in a while."""
        if error is not None:
            self._disk_failed(error)
        if self._overflow.append(line):
            self._held += 1
        else:
            self.drop("disk refused to write")
        return self._own_backlog()

    def _disk_failed(self, error: OSError) -> None:
        self._give_back_room()
        self._disk_retry_at = time.monotonic() + _DISK_RETRY
        self._housekeeper.start()
        self._housekeeper.trouble = error.strerror or type(error).__name__

    def _write_overflow(self) -> None:
        """Write what is held in memory, if the disk lets us again."""
        if not self._overflow or time.monotonic() < self._disk_retry_at:
            return
        try:
            self._overflow.write_out(self._write_held)
        except OSError as error:
            self._disk_failed(error)
        else:
            self._housekeeper.trouble = None

    def _write_held(self, line: bytes) -> None:
        if self._room < len(line) and not self._make_room(len(line)):
            raise OSError(errno.ENOSPC, "the spool is full")
        self._room -= len(line)
        self._write(line)
        self._held -= 1

    def _make_room(self, size: int) -> bool:
        """Look at all that `append` does not look at each time; False where the spool is full.

        Raises:
            OSError: the disk refuses.
        """
        if size > self._max_bytes or self._own_backlog() >= self._max_events:
            return False
        if time.monotonic() < self._full_until:
            return False
        if self._stream is not None and self._stream.is_gone():
            self._abandon_stream()
        if self._stream is None:
            place = self._folder.create_stream()
            self._stream = Stream(self._folder, place, self._lock, self, adopted=False)
            self._segment_room = 0
            self._housekeeper.start()
        if self._segment_room <= 0:
            self._begin_segment(self._stream)
        available, quantum = self._available()
        while available < size and self._when_full == "drop_oldest":
            if not self._drop_oldest_segment(self._stream):
                break
            available, quantum = self._available()
        if available < size:
            self._full_until = time.monotonic() + _FULL_RETRY
            return False
        self._granted -= self._room
        self._room = max(size, min(available, quantum, self._segment_room))
        self._granted += self._room
        self._segment_room -= self._room
        return True

    def _give_back_room(self) -> None:
        self._granted -= self._room
        self._room = 0

    def _available(self) -> tuple[int, int]:
        """The bytes that may be written, and how many of them before the next look.

        The other streams may have grown since they were looked at, each by its own share.
        """
        usage = self._folder.usage()
        reserve = self._max_bytes // 16 if usage.streams > 1 else 0
        return self._max_bytes - usage.bytes - reserve, self._max_bytes // (64 * usage.streams)

    def _begin_segment(self, stream: Stream) -> None:
        before = stream.begin_segment()
        if before >= 0:
            complete = stream.segments[-2]
            stream.events_of[complete] = self._written - self._written_before_segment
            self._housekeeper.sync_and_close(before)
        self._written_before_segment = self._written
        self._segment_room = self._segment_bytes

    def _drop_oldest_segment(self, stream: Stream) -> bool:
        events = stream.drop_oldest_segment()
        self._left += events
        self._dropped["spool full"] += events
        return events > 0

    def _abandon_stream(self) -> None:
        """Somebody has removed our stream: read it to its end, and write to another."""
        if self._stream is not None:
            self._left_behind.append(self._stream)
            self._stream = None
            self._give_back_room()
            self._reporter.warn(
                "spool removed", f"somebody removed a stream from the spool {self._folder.path}"
            )

    # Once a second: in the housekeeper's thread.

    def _keep_house(self) -> int:
        """Notice a removed stream, try a disk that refused.

        Returns:
            A descriptor to synchronise and close, or -1.
        """
        with self._lock:
            if self._appending:
                return -1
            self._appending = True
            try:
                if self._stream is not None and self._stream.is_gone():
                    self._abandon_stream()
                self._write_overflow()
                stream = self._stream
                return -1 if stream is None else os.dup(stream.write_fd)
            finally:
                self._appending = False

    # Delivery: in the sender's thread.

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        events: list[bytes] = []
        parts: list[tuple[Source, int]] = []
        sources = self._sources()
        for index in range(len(sources)):
            source = sources[(self._turn + index) % len(sources)]
            taken = source.peek(max_events - len(events), max_bytes - sum(map(len, events)))
            if taken:
                events += taken
                parts.append((source, len(taken)))
            if len(events) >= max_events or sum(map(len, events)) >= max_bytes:
                break
        return SpoolBatch(events, tuple(parts))

    def _sources(self) -> list[Source]:
        sources: list[Source] = [*self._left_behind]
        if self._stream is not None:
            sources.append(self._stream)
        if self._overflow:
            sources.append(self._overflow)
        return [*sources, *self._adopted]

    def gather(self) -> None:
        for streams in (self._left_behind, self._adopted):
            for stream in [stream for stream in streams if stream.is_drained()]:
                streams.remove(stream)
                stream.remove()
                self._next_adoption = 0.0  # there may be more than we could take
        now = time.monotonic()
        if now < self._next_adoption:
            return
        self._next_adoption = now + _ADOPT_INTERVAL
        try:
            self._folder.sweep()
            for place in self._folder.adopt(_ADOPTED_AT_ONCE - len(self._adopted)):
                stream = Stream(self._folder, place, self._lock, self, adopted=True)
                self._adopted_events += stream.count_events()
                self._readopted += self._released.pop(stream.name, 0)
                self._adopted.append(stream)
        except OSError as error:
            self._reporter.warn(
                "spool adoption", f"the spool {self._folder.path} cannot be read: {error.strerror}"
            )

    def ack(self, batch: Batch) -> None:
        assert isinstance(batch, SpoolBatch)  # noqa: S101 - for the type checker
        events = list(batch.events)
        for source, count in batch.parts:
            with self._lock:
                source.advance(count)
                if isinstance(source, Stream) and source.adopted:
                    self._adopted_left += count
                else:
                    self._left += count
                    self._bytes_left += sum(map(len, events[:count])) + count
            del events[:count]
        with self._lock:
            self._delivered += len(batch.events) - self._rejected_in_flight
            self._rejected_in_flight = 0
            while len(self._marks) > 1 and self._marks[1][0] <= self._left:
                self._marks.popleft()
        self._turn += 1

    def reject(self, event: bytes, reason: str) -> None:
        with self._lock:
            self._rejected_in_flight += 1
        self._keep_dead_letter(event, reason)

    def _keep_dead_letter(self, event: bytes, reason: str) -> None:
        with self._lock:
            self._dead_lettered += 1
            self._dead_letters.append(DeadLetter(event, reason))
        try:
            self._dead_letter_file.add(event, reason)
        except OSError as error:
            self._reporter.warn(
                "dead letter lost", f"a dead letter could not be kept: {error.strerror}"
            )

    # What streams tell of lines that they left behind.

    def found_damaged(self, stream: Stream, line: bytes, reason: str) -> None:
        """A line of *stream* is no event."""
        self._count_left(stream, 1)
        self._keep_dead_letter(line, reason)
        self._reporter.warn("spool damaged", f"a line of the spool is damaged: {reason}")

    def found_blank(self, stream: Stream) -> None:
        """A line of *stream* is empty: it never was an event."""
        if stream.adopted:
            with self._lock:
                self._adopted_events -= 1

    def found_missing(self, stream: Stream, events: int) -> None:
        """A segment of *stream* is gone, with so many events."""
        self._count_left(stream, events)
        with self._lock:
            self._dropped["segment removed"] += events

    def _count_left(self, stream: Stream, events: int) -> None:
        with self._lock:
            if stream.adopted:
                self._adopted_left += events
            else:
                self._left += events

    # Numbers.

    def _own_backlog(self) -> int:
        return self._written + self._held - self._left

    def __len__(self) -> int:
        adopted = self._adopted_events - self._adopted_left
        return self._own_backlog() + adopted + sum(self._released.values())

    def size_bytes(self) -> int:
        return max(self._granted - self._room - self._bytes_left, 0)

    def position(self) -> int:
        return self._written + self._held

    def settled(self) -> int:
        return self._left

    def counts(self) -> Counts:
        with self._lock:
            buffered = len(self) - self._rejected_in_flight
            taken = self._written + self._held + self._adopted_events
            return Counts(
                accepted=taken - self._readopted + self._not_taken,
                delivered=self._delivered,
                dead_lettered=self._dead_lettered,
                dropped=dict(self._dropped),
                buffered=buffered,
                buffered_bytes=self.size_bytes(),
                oldest_age=time.monotonic() - self._marks[0][1]
                if buffered and self._marks
                else 0.0,
            )

    def dead_letters(self) -> list[DeadLetter]:
        with self._lock:
            return list(self._dead_letters)

    # The end.

    def close(self) -> None:
        self._housekeeper.stop()
        with self._lock:
            self._write_overflow()
            streams = [*self._left_behind, *self._adopted]
            if self._stream is not None:
                streams.append(self._stream)
            for stream in streams:
                if stream.is_drained():
                    stream.remove()
                else:
                    stream.release()
            # Whoever adopts what was released counts it anew. Our own events we go on to count
            # as waiting, until we adopt them again ourselves.
            self._adopted_events = self._adopted_left
            if self._stream is not None and self._stream.closed and self._own_backlog():
                waiting = self._own_backlog() - len(self._overflow)
                self._released[self._stream.name] = waiting
                self._left += waiting
            self._stream = None
            self._give_back_room()
            self._left_behind, self._adopted = [], []
        self._next_adoption = 0.0

    def forget(self) -> None:
        for stream in (*self._left_behind, *self._adopted, self._stream):
            if stream is not None:
                stream.release()
