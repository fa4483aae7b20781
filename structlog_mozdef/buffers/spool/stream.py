"""A stream of a spool as the sender sees it: segments to read, and an ack offset.

Reading runs ahead of the ack offset, across segments, and finds out at the end of each segment
whether all events that were counted were there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.spool.folder import StreamLock
from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    LINE_LIMIT_BYTES,
    Offset,
    damage_of,
    encode_ack,
    segment_name,
)
from structlog_mozdef.buffers.spool.segments import Contents, Segment, open_segment
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.lines import Part, read_part
from structlog_mozdef.files.opening import create_file, ignored_errors, quarantine

if TYPE_CHECKING:
    from structlog_mozdef.buffers.spool.ledger import SpoolLedger


class Chunk(NamedTuple):
    """Events that were read and are not settled, where they begin, and how many are before them."""

    begin: Offset
    events: list[bytes]
    before: int


class StreamState(NamedTuple):
    """How far a stream was read and settled. It is replaced as a whole, by one assignment.

    So what interrupts a read or an ack finds the counts from before it, or those from after it.

    Attributes:
        read: how far it was read.
        met: events before that, but for those that are lost in the same segment.
        chunks: those of them that were read and are not settled, oldest first.
        delivered: events that were delivered.
        has_ended: whether it was read to its end.
    """

    read: Offset = Offset(1, 0)
    met: int = 0
    chunks: tuple[Chunk, ...] = ()
    delivered: int = 0
    has_ended: bool = False

    @property
    def outstanding(self) -> int:
        """The events that were read and are not settled."""
        return sum(len(chunk.events) for chunk in self.chunks)

    @property
    def acked(self) -> Offset:
        """Everything before this is settled."""
        return self.chunks[0].begin if self.chunks else self.read

    @property
    def settled(self) -> int:
        """The events before that."""
        return self.chunks[0].before if self.chunks else self.met


class Stream:
    """A stream that nobody appends to. Its counts change with the spool's lock held only.

    Args:
        ledger: of the spool; it gets to know what is passed over, which never comes again.
        name: of the subfolder.

    Attributes:
        lock: None while others may adopt the stream, or while it is in memory.
        closed: whether nothing is appended to it any more.
        last: number of the segment that is appended to.
        appended: events that were ever appended, as far as they are known.
        state: how far it was read and settled.
    """

    def __init__(self, ledger: SpoolLedger, name: str) -> None:
        self._ledger = ledger
        self._lock = ledger.lock
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
        self._known_damage = Offset(0, 0)
        self._ack_file: Descriptor | None = None
        self._ack_is_behind = False

    def take_over(self, lock: StreamLock, contents: Contents) -> None:
        """Begin to read, at the ack offset, what a process has left: perhaps this one."""
        acked, segments, events, done = contents
        self.lock = lock
        # Events that others have settled meanwhile are settled for us as well. Those of which we
        # know more than the disk, for an ack offset that could not be written, come once more.
        before = self.appended - min(events, self.left())
        for segment in segments.values():
            segment.start += before
        self._segments = segments
        self.appended = before + events
        self._is_recovered = True
        self._known_damage = Offset(0, 0)
        self.state = StreamState(acked, before, (), self.state.delivered)
        for number in done:  # drained, but not removed any more
            self._unlink(number)

    @property
    def is_released(self) -> bool:
        """Whether others may adopt the stream."""
        return self.lock is None

    # Counts.

    def left(self) -> int:
        """Return how many events are not settled, in whichever process."""
        state = self.state
        return state.outstanding + max(self._unread(state), 0)

    def known(self) -> int:
        """Return how many events were ever appended, those that are read before they are counted.

        A signal handler that raises in the middle of an append leaves such an event.
        """
        return self.appended + max(-self._unread(self.state), 0)

    def _unread(self, state: StreamState) -> int:
        """Return how many events are still to be read; negative where more were than are known."""
        if state.has_ended:
            return 0
        return self.appended - state.met - self._lost_from(state.read.segment)

    def waiting(self) -> int:
        """Return how many events can be had, those that are being sent included."""
        return 0 if self.is_released else self.left()

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
        if self.is_released or not self.closed:
            return False
        while not self.state.chunks and self._read_more():
            pass
        return not self.state.chunks and self.state.has_ended

    def rewind(self) -> None:
        """Give out again what is not settled."""
        self._lines = []
        state = self.state
        self._known_damage = max(self._known_damage, state.read)
        if self.closed:
            self.appended = self.known()  # that nobody has counted it is not found out again
        if state.chunks:
            self._stop_reading()
            self.state = StreamState(state.acked, state.settled, (), state.delivered)

    def _read_more(self) -> bool:
        """Read the next part; False where there is none to be had now."""
        # Asked before reading: what is written between the two belongs to this segment still.
        is_last = not self.closed and self.state.read.segment >= self.last
        if self.state.has_ended:
            return False
        part = self._next_part()
        if part is None:
            return not is_last and self._next_segment()
        if part.is_torn and is_last:
            return False  # the rest of the line is on its way
        self._add_part(part)
        return True

    def _next_part(self) -> Part | None:
        """Read on in this segment; None at its end, or where it is not there."""
        number, offset = self.state.read
        if self._reading is None or not self._reading.is_ours():
            fd = self._open(number) if number in self._segments else -1
            if fd < 0:
                return None
            self._reading = Descriptor(fd)
        return read_part(partial(os.pread, self._reading.fd), offset, LINE_LIMIT_BYTES)

    def _open(self, number: int) -> int:
        return open_segment(self.lock_fd(), number)

    def _add_part(self, part: Part) -> None:
        damages = self._damages(part)
        if not any(damage is not None for damage in damages):
            self._add_events(part.lines, part.length)
            return
        for (line, length), damage in zip(part.each(), damages, strict=True):
            # Where only the end of the last line of a dead process is missing, it is an event.
            if damage is None:
                self._add_events([line], length)
            else:
                self._pass_over(line, length, damage)

    def _damages(self, part: Part) -> Sequence[str | None]:
        """Say of each line why it is no event; "" where that is no damage, None where it is one."""
        if part.damage is not None:
            return [part.damage]
        if self._is_recovered:
            return [damage_of(line) if line else "" for line in part.lines]
        return () if all(part.lines) else [None if line else "" for line in part.lines]

    def _add_events(self, events: list[bytes], length: int) -> None:
        state = self.state
        self._lines = self._lines + events
        self.state = state._replace(
            read=state.read.after(length),
            met=state.met + len(events),
            chunks=(*state.chunks, Chunk(state.read, events, state.met)),
        )

    def _pass_over(self, line: bytes, length: int, damage: str) -> None:
        begin = self.state.read
        was_counted = self._is_recovered and bool(damage)
        is_new = damage and begin >= self._known_damage
        keep = self._ledger.keep_damaged(line, damage, was_counted=was_counted) if is_new else None
        self._count_passed(keep, length, was_counted)

    @locked
    def _count_passed(self, keep: Callable[[], object] | None, length: int, count: int) -> None:
        read = self.state.read
        if keep is not None:
            keep()
            self._segments[read.segment].lost += count
        self.state = self.state._replace(read=read.after(length))

    def _next_segment(self) -> bool:
        """Leave this segment, of which nothing is left; False where it is the last."""
        self._stop_reading()
        self._leave_segment()
        if self.state.has_ended:
            return False
        if not self.state.chunks:
            self.write_ack()
        return True

    @locked
    def _leave_segment(self) -> None:
        """Count what was missing or found, and go to the next segment, where there is one.

        A log call that drops the oldest segment drops one that this has not reached.
        """
        done = self.state.read.segment
        following = min((number for number in list(self._segments) if number > done), default=0)
        expected = self._segments[following].start if following else self.appended
        segment = self._segments.setdefault(done, Segment(self.state.met))
        lost = expected - self.state.met
        if lost < segment.lost:  # more than were counted: a signal handler raised in the middle
            expected += segment.lost - lost
            self._count_found(segment.lost - lost, done)
        elif lost > segment.lost:
            self._ledger.found_missing(segment, lost)
        read = Offset(following, 0) if following else self.state.read
        self.state = self.state._replace(read=read, met=expected, has_ended=not following)

    def _count_found(self, events: int, done: int) -> None:
        for number, segment in self._segments.copy().items():
            segment.start += events * (number > done)
        self.appended += events

    def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()

    # The ack offset.

    def settle(self, count: int, delivered: int) -> int:
        """Settle the oldest *count* events that were given out; *delivered* of them are that.

        Returns:
            How many were settled: fewer where the stream was released meanwhile.
        """
        state = self.state
        chunks = deque(state.chunks)
        while count and chunks:
            begin, events, before = chunks.popleft()
            done, left = events[:count], events[count:]
            if left:
                begin = begin.after(sum(map(len, done)) + len(done))
                chunks.appendleft(Chunk(begin, left, before + len(done)))
            count -= len(done)
        settled = state.outstanding - sum(len(chunk.events) for chunk in chunks)
        delivered = state.delivered + min(delivered, settled)
        self.state = state._replace(chunks=tuple(chunks), delivered=delivered)
        return settled

    def write_ack(self) -> None:
        """Write the ack offset, and remove the segments before it."""
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

    def _unlink(self, number: int) -> bool:
        """Remove a segment; False where it cannot be removed."""
        with ignored_errors():
            folder = self.lock_fd()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(segment_name(number), dir_fd=folder)
            return True
        return False

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

    def is_at_rest(self) -> bool:
        """Return whether nothing of it is in flight, and the disk knows what is settled."""
        if self.state.chunks:
            return False
        if self._ack_is_behind:
            self.write_ack()  # the disk may have recovered
        return not self._ack_is_behind

    def release(self) -> None:
        """Leave the stream to the process that adopts it."""
        if self._ack_is_behind:
            self.write_ack()
        self.rewind()
        self.abandon()

    def remove(self) -> None:
        """Remove the stream, which is drained."""
        if lock := self._close_files():
            self._ledger.folder.remove_stream(lock)

    def abandon(self) -> None:
        """Close all files, and change nothing on disk: as if the process had died."""
        if lock := self._close_files():
            lock.close()

    def _close_files(self) -> StreamLock | None:
        """Close all files, and return the lock."""
        self.closed = True
        self._stop_reading()
        ack_file, self._ack_file = self._ack_file, None
        if ack_file is not None:
            ack_file.close()
        lock, self.lock = self.lock, None
        return lock
