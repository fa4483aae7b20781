"""A stream of a spool as the sender sees it: segments to read, and an ack offset.

Reading runs ahead of the ack offset, across segments, and finds out at the end of each segment
whether all events that were counted were there.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import NamedTuple, Protocol

from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    Offset,
    damage_of,
    encode_ack,
    segment_name,
)
from structlog_mozdef.buffers.spool.segments import (
    Part,
    Segment,
    open_segment,
    read_contents,
    read_part,
)
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import create_file, ignored_errors, quarantine

# What is kept of a line without an end.
_KEPT_BYTES = 16 * 1024


class StreamState(NamedTuple):
    """How far a stream was read and settled. It is replaced as a whole, by one assignment.

    So what interrupts a read or an ack finds the counts from before it, or those from after it.

    Attributes:
        read: how far it was read.
        met: events before that: read, damaged, lost or dropped.
        outstanding: those of them that were read and are not settled.
        acked: everything before this is settled.
        settled: events before that.
        delivered: events that were delivered.
    """

    read: Offset = Offset(1, 0)
    met: int = 0
    outstanding: int = 0
    acked: Offset = Offset(1, 0)
    settled: int = 0
    delivered: int = 0


class Chunk(NamedTuple):
    """Events that were read and are not settled: where they begin and end, and those before."""

    begin: Offset
    events: list[bytes]
    end: Offset
    before: int


class DamageLog(Protocol):
    """Gets to know what a stream has passed over; it never comes again."""

    def found_damaged(self, line: bytes, reason: str, *, was_counted: bool) -> None:
        """A line is no event; whether it was counted as one of the stream."""

    def found_missing(self, events: int) -> None:
        """So many events are not where they should be."""


class Stream:
    """A stream that nobody appends to. Its counts change with the spool's lock held only.

    Args:
        folder: of the spool.
        name: of the subfolder.
        damage: where to log what is no event.

    Attributes:
        lock: None while others may adopt the stream.
        closed: whether nothing is appended to it any more.
        last: number of the segment that is appended to.
        appended: events that were ever appended, as far as they are known.
        state: how far it was read and settled.
    """

    def __init__(self, folder: SpoolFolder, name: str, damage: DamageLog) -> None:
        self._folder = folder
        self._damage = damage
        self.name = name
        self.lock: StreamLock | None = None
        self.closed = True
        self.last = self.appended = 0
        self.state = StreamState()
        self._segments: dict[int, Segment] = {}
        # Whether somebody has left it: its lines were counted on disk, and each is read as JSON.
        self._is_recovered = False
        self._reading: Descriptor | None = None
        self._lines: list[bytes] = []  # read, and not given out
        self._chunks: deque[Chunk] = deque()
        self._has_ended = False
        self._known_damage = Offset(0, 0)
        self._ack_file: Descriptor | None = None
        self._ack_is_behind = False

    def take_over(self, lock: StreamLock) -> None:
        """Begin to read, at the ack offset, what a process has left: perhaps this one.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            acked, segments, events, done = read_contents(lock.fd)
        except OSError:
            lock.close()
            raise
        self.lock = lock
        # Events that others have settled meanwhile are settled for us as well.
        before = max(self.appended - events, self.state.settled)
        for segment in segments.values():
            segment.start += before
        self._segments = segments
        self.appended = before + events
        self._is_recovered, self._has_ended = True, False
        self.state = StreamState(acked, before, 0, acked, before, self.state.delivered)
        for number in done:  # drained, but not removed any more
            self._unlink(number)

    # Counts.

    def left(self) -> int:
        """Return how many events are not settled, whoever will deliver them."""
        state = self.state
        unread = self.appended - state.met - self._lost_from(state.read.segment)
        return state.outstanding + max(unread, 0)

    def waiting(self) -> int:
        """Return how many events can be had, those that are being sent included."""
        return self.left() if self.lock is not None else 0

    def _lost_from(self, number: int) -> int:
        return sum(segment.lost for n, segment in self._segments.copy().items() if n >= number)

    def size(self) -> int:
        """Return the bytes that wait."""
        acked = self.state.acked
        return max(self.disk_bytes() - acked.offset * (acked.segment in self._segments), 0)

    def disk_bytes(self) -> int:
        """Return the bytes of all segments."""
        return sum(segment.size for segment in list(self._segments.values()))

    def written_at(self) -> float:
        """Return when the oldest segment was written to, in seconds of ``time.time``."""
        try:
            name = segment_name(min(self._segments))
            return os.stat(name, dir_fd=self.lock_fd(), follow_symlinks=False).st_mtime
        except (OSError, ValueError):
            return time.time()

    # Reading.

    def read(self, max_events: int) -> list[bytes]:
        """Give out the next events; none where there are none now.

        Raises:
            OSError: they cannot be read now.
        """
        while not self._lines and self._read_more():
            pass
        events, self._lines = self._lines[:max_events], self._lines[max_events:]
        return events

    def is_drained(self) -> bool:
        """Return whether nothing is left, and nothing will come.

        Raises:
            OSError: the next events cannot be read now.
        """
        if self.lock is None or not self.closed:
            return False
        while not self._chunks and self._read_more():
            pass
        return not self._chunks and self._has_ended

    def rewind(self) -> None:
        """Give out again what is not settled."""
        self._lines, self._chunks = [], deque()
        self._has_ended = False
        state = self.state
        self._known_damage = max(self._known_damage, state.read)
        if state.outstanding or state.read != state.acked:
            self._stop_reading()
            self.state = state._replace(read=state.acked, met=state.settled, outstanding=0)

    def _read_more(self) -> bool:
        """Read the next part; False where there is none to be had now."""
        # Asked before reading: what is written between the two belongs to this segment still.
        is_last = not self.closed and self.state.read.segment >= self.last
        if self._has_ended:
            return False
        fd = self._open_reading()
        part = None if fd is None else read_part(fd, self.state.read.offset)
        if part is None:
            return not is_last and self._next_segment()
        if part.is_torn and is_last:
            return False  # the rest of the line is on its way
        self._add_part(part)
        return True

    def _open_reading(self) -> int | None:
        """Open the segment that is read; None where it is not there."""
        if self._reading is None or not self._reading.is_ours():
            number = self.state.read.segment
            fd = self._open(number) if number in self._segments else -1
            if fd < 0:
                return None
            self._reading = Descriptor(fd)
        return self._reading.fd

    def _open(self, number: int) -> int:
        return open_segment(self.lock_fd(), number)

    def _add_part(self, part: Part) -> None:
        if not self._is_recovered and part.damage is None and all(part.lines):
            self._add_events(part.lines, part.length)
        elif len(part.lines) == 1:
            # Where only the end of the last line of a dead process is missing, it is an event.
            self._add_line(part.lines[0], part.length, part.damage)
        else:
            for line in part.lines:
                self._add_line(line, len(line) + 1)

    def _add_line(self, line: bytes, length: int, damage: str | None = None) -> None:
        if self._is_recovered and damage is None:
            damage = damage_of(line)
        if line and damage is None:
            self._add_events([line], length)
            return
        begin = self.state.read
        self._pass_over(length)
        if line and begin >= self._known_damage:
            self._damage.found_damaged(line, damage or "", was_counted=self._is_recovered)

    def _add_events(self, events: list[bytes], length: int) -> None:
        state = self.state
        end = state.read.after(length)
        self._chunks.append(Chunk(state.read, events, end, state.met))
        self._lines = self._lines + events
        self.state = state._replace(
            read=end, met=state.met + len(events), outstanding=state.outstanding + len(events)
        )

    def _pass_over(self, length: int) -> None:
        """Pass over a line of *length* bytes that is no event."""
        met = self.state.met + self._is_recovered  # only there it was counted
        self._go_to(self.state.read.after(length), met)

    def _go_to(self, read: Offset, met: int) -> None:
        """Go on at *read*; what is before it is settled, if all that was read is."""
        state = self.state._replace(read=read, met=met)
        self.state = state if self._chunks else state._replace(acked=read, settled=met)

    def _next_segment(self) -> bool:
        """Leave this segment, of which nothing is left; False where it is the last."""
        done = self.state.read.segment
        following = min((number for number in list(self._segments) if number > done), default=0)
        expected = self._segments[following].start if following else self.appended
        known = self._segments.get(done)
        missing = expected - self.state.met - (known.lost if known else 0)
        if missing < 0:  # more than were counted: a signal handler raised in the middle of it
            expected -= missing
            self._count_found(-missing, done)
        elif missing > 0:
            self._segments.setdefault(done, Segment(self.state.met)).lost += missing
            self._damage.found_missing(missing)
        self._go_to(Offset(following, 0) if following else self.state.read, expected)
        self._stop_reading()
        self._has_ended = not following
        if following and not self._chunks:
            self.write_ack()
        return bool(following)

    def _count_found(self, events: int, done: int) -> None:
        for number, segment in self._segments.copy().items():
            segment.start += events * (number > done)
        self.appended += events

    def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()

    # The ack offset.

    def settle(self, count: int, delivered: int) -> None:
        """Settle the oldest *count* events that were given out; *delivered* of them are that."""
        state, chunks = self.state, self._chunks
        acked, settled = state.acked, state.settled
        left = count
        while left and chunks:
            chunk = chunks.popleft()
            done = min(left, len(chunk.events))
            acked, settled = chunk.end, chunk.before + done
            if done < len(chunk.events):
                acked = chunk.begin.after(sum(map(len, chunk.events[:done])) + done)
                chunks.appendleft(Chunk(acked, chunk.events[done:], chunk.end, settled))
            left -= done
        if not chunks:
            acked, settled = state.read, state.met  # damaged or missing lines followed, if any
        elif chunks[0].begin.segment > acked.segment:
            acked, settled = Offset(chunks[0].begin.segment, 0), chunks[0].before
        self.state = state._replace(
            outstanding=state.outstanding - count,
            acked=acked,
            settled=settled,
            delivered=state.delivered + delivered,
        )

    def write_ack(self) -> None:
        """Write the ack offset, and remove the segments before it."""
        if self.lock is None:
            return  # somebody else's by now
        try:
            if self._ack_file is None or not self._ack_file.is_ours():
                self._ack_file = None
                self._ack_file = self._new_ack_file()
            os.pwrite(self._ack_file.fd, encode_ack(self.state.acked), 0)
            self._ack_is_behind = False
        except OSError:
            self._ack_is_behind = True  # a full disk: a crash repeats more than one batch then
        for number in [n for n in list(self._segments) if n < self.state.acked.segment]:
            self._segments.pop(number, None)
            self._unlink(number)

    def _new_ack_file(self) -> Descriptor:
        """Replace whatever is there: it may be no file, or no file of ours."""
        folder, unfinished = self.lock_fd(), f"{ACK_FILE}.new"
        quarantine(unfinished, folder)
        file = Descriptor(create_file(unfinished, os.O_WRONLY, folder))
        os.pwrite(file.fd, encode_ack(self.state.acked), 0)
        try:
            os.rename(unfinished, ACK_FILE, src_dir_fd=folder, dst_dir_fd=folder)
        except IsADirectoryError:
            quarantine(ACK_FILE, folder)
            os.rename(unfinished, ACK_FILE, src_dir_fd=folder, dst_dir_fd=folder)
        return file

    def _unlink(self, number: int) -> None:
        with ignored_errors():  # gone already, or not to be removed: it is settled
            os.unlink(segment_name(number), dir_fd=self.lock_fd())

    # Whose it is.

    def lock_fd(self) -> int:
        """Return the descriptor of the subfolder.

        Raises:
            OSError: the stream was released, or the program closed the descriptor.
        """
        if self.lock is None:
            raise FileNotFoundError("the stream was released")
        return self.lock.checked()

    def is_removed(self) -> bool:
        """Return whether somebody removed the subfolder."""
        with ignored_errors():
            return os.fstat(self.lock_fd()).st_nlink == 0
        return False

    def touch(self) -> None:
        """Show other machines, which cannot see the lock, that this process lives."""
        with ignored_errors():
            os.utime(self.lock_fd())

    def release(self) -> None:
        """Leave the stream to whoever adopts it."""
        if self._ack_is_behind:
            self.write_ack()  # the disk may have recovered
        self.rewind()
        self.abandon()

    def remove(self) -> None:
        """Remove the stream, which is drained."""
        self._close_files()
        lock, self.lock = self.lock, None
        if lock is not None:
            self._folder.remove_stream(lock)

    def abandon(self) -> None:
        """Close all files, and change nothing on disk: as if the process had died."""
        self._close_files()
        lock, self.lock = self.lock, None
        if lock is not None:
            lock.close()

    def _close_files(self) -> None:
        self.closed = True
        self._stop_reading()
        ack_file, self._ack_file = self._ack_file, None
        if ack_file is not None:
            ack_file.close()
