"""One stream of a spool: segments to append to, and an ack offset to read from.

Appending belongs to the threads that log, under the spool's lock; reading to the sender alone.
The writer never goes back: where anything surprising happens it lets go of the stream, which is
then `closed`. Reading runs ahead of the ack offset, across segments, and finds out at the end of
each segment whether all that was counted was there.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from typing import NamedTuple, Protocol

from structlog_mozdef.buffers.base import number_within
from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    CHUNK_BYTES,
    LINE_LIMIT_BYTES,
    Offset,
    complete_lines,
    damage_of,
    decode_ack,
    encode_ack,
    segment_name,
    segment_numbers_in,
)
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.safe_files import (
    NO_FILE,
    Descriptor,
    create_file,
    ignored_errors,
    open_file,
    open_folder,
    opened_folder,
    quarantine,
    read_file,
)
from structlog_mozdef.buffers.spool.source import Marks

# What is kept of a line without an end.
_KEPT_BYTES = 16 * 1024


class StreamState(NamedTuple):
    """See `structlog_mozdef.buffers.spool.source.Source`.

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


class Observer(Protocol):
    """Gets to know of what a stream has left behind; it is asked for it no more."""

    def found_damaged(self, line: bytes, reason: str, *, counted: bool) -> None:
        """A line is no event; *counted* where it was among the events of its stream."""

    def found_missing(self, events: int) -> None:
        """So many events are not where they should be."""


class Stream:
    """A stream of this process, or one that it adopted.

    Args:
        folder: where the stream is.
        lock: of the stream.
        observer: is told of lines that are no events.
        adopted: whether another process wrote it: each line is then read as JSON.

    Attributes:
        name: of the subfolder.
        lock: None while others may adopt the stream.
        fd: descriptor of the last segment, to append to; -1 before there is one.
        last: number of that segment.
        credit: bytes that may be appended before all that can change is looked at.
        granted: bytes of the last segment, and the credit.
        appended: events that were appended.
        offset: what *appended* is ahead of the number of events of this process that wait.
        next_look: number of appended events at which a log call has to look at more.
    """

    def __init__(
        self, folder: SpoolFolder, lock: StreamLock, observer: Observer, *, adopted: bool = False
    ) -> None:
        self._folder = folder
        self._observer = observer
        self.name = lock.name
        self.lock: StreamLock | None = lock
        self.adopted = self._checks_lines = self.closed = adopted
        # Whether its events were counted as lines on disk.
        self._counts_lines = False
        self.state = StreamState()
        self.marks = Marks()
        # Writing.
        self.fd = -1
        self.last = self.credit = self.granted = self.appended = self.offset = self.next_look = 0
        self._file: Descriptor | None = None
        # Of each segment that is there: the events before it. Of each complete one: its size.
        self._starts: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        # Of segments that were dropped before they were read, or not found whole: the lost events.
        self._dropped: dict[int, int] = {}
        # Reading.
        self._reading: Descriptor | None = None
        self._lines: list[bytes] = []  # read, and not taken
        # Events that were read and are not settled: where they begin, they, where they end, and
        # the events before them.
        self._reads: deque[tuple[Offset, list[bytes], Offset, int]] = deque()
        self._has_ended = False
        self._known_damage = Offset(0, 0)
        self._ack_file: Descriptor | None = None
        self._ack_is_behind = False
        if adopted:
            self._take_over(lock)

    # Writing.

    def begin_segment(self) -> Descriptor | None:
        """Append to a new segment from now on.

        Returns:
            The segment that is complete now.

        Raises:
            OSError: there is no new segment.
        """
        number = self.last + 1
        while True:
            try:
                fd = create_file(segment_name(number), os.O_RDWR | os.O_APPEND, self.lock_fd())
                break
            except FileExistsError:
                number += 1  # somebody else has put something there
        before, self._file = self._file, Descriptor(fd)
        self._starts[number] = self.appended
        if before is not None:
            self._sizes[self.last] = before.status().st_size
        self.granted = self.credit = 0
        self.fd = self._file.fd
        self.last = number
        return before

    def events_in_segment(self) -> int:
        """Return how many events were appended to the last segment."""
        return self.appended - self._starts.get(self.last, 0)

    def check(self) -> None:
        """Make sure that events are still appended to this very stream.

        Raises:
            OSError: somebody removed it, or closed its descriptors.
        """
        if self._file is not None and self._file.status().st_nlink == 0:
            raise FileNotFoundError("it was removed")
        self.lock_fd()

    def is_removed(self) -> bool:
        """Tell whether somebody removed the subfolder."""
        with ignored_errors():
            return os.fstat(self.lock_fd()).st_nlink == 0
        return False

    def touch(self) -> None:
        """Show other machines, which cannot see the lock, that this process lives."""
        os.utime(self.lock_fd())

    def stop_writing(self) -> None:
        """Append no more: the credit is given back."""
        self.granted -= self.credit
        self.credit = 0

    def drop_oldest_segment(self) -> int | None:
        """Remove the oldest complete segment that reading has not reached; return its events."""
        following = [number for number in list(self._starts) if number > self.state.read.segment]
        if not self.closed:
            following = following[:-1]
        for number in following:
            end = min((n for n in list(self._starts) if n > number), default=0)
            events = (self._starts[end] if end else self.appended) - self._starts[number]
            self._dropped[number] = events
            del self._starts[number]
            self._sizes.pop(number, None)
            self._unlink(number)
            return events
        return None

    def descriptors_to_sync(self) -> list[Descriptor]:
        """Return copies of what has to be synchronised so that what was appended is safe."""
        if self._file is None:
            return []
        self._file.status()
        # (The folder is opened again: a copy would keep its lock.)
        return [Descriptor(os.dup(self._file.fd)), Descriptor(open_folder(".", self.lock_fd()))]

    def lock_fd(self) -> int:
        """Return the descriptor of the subfolder.

        Raises:
            OSError: the stream was released, or the program closed it.
        """
        if self.lock is None:
            raise FileNotFoundError("the stream was released")
        return self.lock.fd

    def continue_from(self, holding: Holding, size: int) -> None:
        """Go on with the counts of *holding*, whose *size* bytes were just written."""
        lines, outstanding, settled, delivered, _ = holding.state
        self.closed = True
        self.granted, self.marks, self.appended = size, holding.marks, holding.appended
        self._starts = {self.last: settled}
        begin = Offset(self.last, 0)
        sent = [line[:-1] for line in lines[:outstanding]]
        self._reads.append((begin, sent, begin.after(sent), settled))
        self.state = StreamState(
            begin.after(sent), settled + outstanding, outstanding, begin, settled, delivered
        )
        if not sent:
            self._reads.clear()

    # Counts.

    def waiting(self) -> int:
        state = self.state
        unread = self.appended - state.met - self._dropped_from(state.read.segment)
        return 0 if self.lock is None else state.outstanding + max(unread, 0)

    def released(self) -> int:
        """Return how many events wait for whoever adopts the stream, this process perhaps."""
        left = self.appended - self.state.settled - self._dropped_from(self.state.acked.segment)
        return max(left, 0) if self.lock is None else 0

    def _dropped_from(self, segment: int) -> int:
        if not self._dropped:  # nearly always
            return 0
        return sum(events for number, events in list(self._dropped.items()) if number >= segment)

    def size(self) -> int:
        return max(self.disk_bytes() - self._acked_bytes(), 0)

    def disk_bytes(self) -> int:
        """Return the bytes of all segments."""
        return sum(list(self._sizes.values())) + self.bytes_in_segment()

    def bytes_in_segment(self) -> int:
        """Return the bytes of the last segment, as far as this process wrote them."""
        return self.granted - self.credit

    def _acked_bytes(self) -> int:
        acked = self.state.acked
        return acked.offset if acked.segment in self._starts else 0

    # Reading.

    def take(self, max_events: int, max_bytes: int, one: bool) -> list[bytes]:
        taken: list[bytes] = []
        while len(taken) < max_events:
            if not self._lines:
                try:
                    if not self._read_more():
                        break
                except OSError:
                    if not taken:
                        raise
                    break  # it is heard the next time: what is taken already has to be settled
                continue
            events = self._lines[: max_events - len(taken)]
            fitting, size = number_within(events, max_bytes)
            if not fitting and one and not taken:
                fitting, size = 1, max_bytes
            taken += events[:fitting]
            max_bytes -= size
            del self._lines[:fitting]
            if fitting < len(events):
                break
        return taken

    def has_more(self) -> bool:
        return bool(self._lines)

    def after_ack(self, count: int, delivered: int) -> StreamState:
        state = self.state
        acked, settled = state.acked, state.settled
        outstanding = state.outstanding - count
        while count and self._reads:
            begin, events, end, before = self._reads.popleft()
            done = min(count, len(events))
            acked, settled = end, before + done
            if done < len(events):
                acked = begin.after(events[:done])
                self._reads.appendleft((acked, events[done:], end, settled))
            count -= done
        if not self._reads:
            acked, settled = state.read, state.met  # damaged or missing lines followed, if any
        elif self._reads[0][0].segment > acked.segment:
            acked, settled = Offset(self._reads[0][0].segment, 0), self._reads[0][3]
        return state._replace(
            acked=acked,
            settled=settled,
            outstanding=outstanding,
            delivered=state.delivered + delivered,
        )

    def is_drained(self) -> bool:
        if self.lock is None or not self.closed:
            return False
        while not self._reads and self._read_more():
            pass
        return not self._reads and self._has_ended

    def is_read(self) -> bool:
        """Tell whether all that was written to the last segment was read."""
        read = self.state.read
        return read.segment == self.last and (
            self._file is None or self._file.status().st_size <= read.offset
        )

    def rewind(self) -> None:
        self._lines, self._reads = [], deque()
        self._has_ended = False
        state = self.state
        self._known_damage = max(self._known_damage, state.read)
        if state.outstanding or state.read != state.acked:
            self._stop_reading()
            self.state = state._replace(read=state.acked, met=state.settled, outstanding=0)

    def _read_more(self) -> bool:
        """Read the next part; False where there is none to be had now."""
        # Asked before reading: what is written between the two belongs to this segment still.
        last, closed = self.last, self.closed
        if self._has_ended:
            return False
        if self._open_segment():
            read = self.state.read
            assert self._reading is not None  # noqa: S101 - for the type checker
            chunk = os.pread(self._reading.fd, CHUNK_BYTES, read.offset)
            if lines := complete_lines(chunk):
                self._add_lines(lines, chunk.rfind(b"\n") + 1)
                return True
            if chunk:
                return self._read_odd_line(is_complete=closed or read.segment < last)
        is_complete = closed or self.state.read.segment < last
        return is_complete and self._next_segment(closed=closed)

    def _open_segment(self) -> bool:
        """Open the segment that is read; False where it is not there."""
        if self._reading is not None and self._reading.is_ours():
            return True
        number = self.state.read.segment
        if number in self._starts:
            try:
                fd = open_file(segment_name(number), self.lock_fd())
            except OSError as error:
                if error.errno not in NO_FILE:
                    raise  # too many open files, say: it is there, and can be read later
                if self._file is None or number != self.last:
                    return False
                self._file.status()
                fd = os.dup(self._file.fd)  # removed, but still ours to read
            self._reading = Descriptor(fd)
            return True
        return False

    def _next_segment(self, *, closed: bool) -> bool:
        """Leave this segment, of which nothing is left; False where it is the last."""
        done = self.state.read.segment
        following = min((number for number in list(self._starts) if number > done), default=0)
        if not following and not closed:
            return False
        expected = self._starts[following] if following else self.appended
        dropped = self._dropped_from(done) - self._dropped_from(following or sys.maxsize)
        missing = expected - self.state.met - dropped
        if missing < 0:  # more than were counted: a signal handler raised in the middle of it
            self._count_found(-missing, following)
            expected -= missing
        elif missing > 0:
            self._dropped[done] = self._dropped.get(done, 0) + missing
            self._observer.found_missing(missing)
        read = Offset(following, 0) if following else self.state.read
        self.state = self._settled_with_nothing_read(read, expected)
        self._stop_reading()
        if not following:
            self._has_ended = True
            return False
        if not self._reads:
            self.write_ack()
        return True

    def _count_found(self, events: int, following: int) -> None:
        for number in [number for number in self._starts if following and number >= following]:
            self._starts[number] += events
        self.appended += events

    def _settled_with_nothing_read(self, read: Offset, met: int) -> StreamState:
        state = self.state._replace(read=read, met=met)
        return state if self._reads else state._replace(acked=read, settled=met)

    def _add_lines(self, lines: list[bytes], length: int) -> None:
        """Add *lines*, which are *length* bytes long with their ends."""
        if self._checks_lines or not all(lines):
            for line in lines:
                self._add_line(line, damage_of(line) if self._checks_lines else None, len(line) + 1)
            return
        state = self.state
        end = Offset(state.read.segment, state.read.offset + length)
        self._reads.append((state.read, lines, end, state.met))
        self._lines = self._lines + lines
        self.state = state._replace(
            read=end, met=state.met + len(lines), outstanding=state.outstanding + len(lines)
        )

    def _add_line(self, line: bytes, damage: str | None, length: int) -> None:
        state = self.state
        end = Offset(state.read.segment, state.read.offset + length)
        counted = self._counts_lines or (bool(line) and damage is None)
        met = state.met + counted
        if line and damage is None:
            self._reads.append((state.read, [line], state.read.after([line]), state.met))
            self._lines.append(line)
            self.state = state._replace(read=end, met=met, outstanding=state.outstanding + 1)
            return
        self.state = self._settled_with_nothing_read(end, met)
        if line and state.read >= self._known_damage:
            self._observer.found_damaged(line, damage or "", counted=counted)

    def _read_odd_line(self, *, is_complete: bool) -> bool:
        """Read a line that is longer than a chunk, or has no end."""
        assert self._reading is not None  # noqa: S101 - for the type checker
        begin = self.state.read.offset
        data = os.pread(self._reading.fd, LINE_LIMIT_BYTES + 1, begin)
        line, has_end, _ = data.partition(b"\n")
        if not has_end and len(data) <= LINE_LIMIT_BYTES:
            if not is_complete:
                return False  # the rest of the line is on its way
            if not self.adopted:
                # We let go of the stream in the middle of it: its event went to another stream.
                self.state = self._settled_with_nothing_read(
                    Offset(self.state.read.segment, begin + len(data)),
                    self.state.met + self._counts_lines,
                )
                return True
            # The last line of a dead process: where only its end is missing, it is an event.
            self._add_line(line, damage_of(line), len(line))
        elif has_end:
            damage = damage_of(line) if self._checks_lines else None
            self._add_line(line, damage, len(line) + 1)
        else:
            length = self._length_of_line(begin)
            self._add_line(line[:_KEPT_BYTES], "a line without an end", length)
        return True

    def _length_of_line(self, begin: int) -> int:
        """Return how far it is from *begin* to the end of the line, or of the file."""
        assert self._reading is not None  # noqa: S101 - for the type checker
        length = 0
        while chunk := os.pread(self._reading.fd, CHUNK_BYTES, begin + length):
            found = chunk.find(b"\n") + 1
            length += found or len(chunk)
            if found:
                break
        return length

    def _stop_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()

    # The ack offset.

    def write_ack(self) -> None:
        """Note how far the stream is settled, and remove the segments before that."""
        if self.lock is None:
            return  # somebody else's by now
        try:
            text = encode_ack(self.state.acked)
            if self._ack_file is None or not self._ack_file.is_ours():
                self._ack_file = None
                self._ack_file = self._new_ack_file()
            os.pwrite(self._ack_file.fd, text, 0)
            self._ack_is_behind = False
        except OSError:
            self._ack_is_behind = True  # a full disk: a crash repeats more than one batch then
        for number in [n for n in list(self._starts) if n < self.state.acked.segment]:
            self._starts.pop(number, None)
            self._sizes.pop(number, None)
            self._unlink(number)
        for number in [n for n in list(self._dropped) if n < self.state.acked.segment]:
            self._dropped.pop(number, None)

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

    def resume(self, lock: StreamLock) -> None:
        """Read again what was released before."""
        self.lock = lock
        self.closed = self._checks_lines = True
        self._take_over(lock)

    def _take_over(self, lock: StreamLock) -> None:
        """Begin to read at the ack offset of a stream that somebody has left, and count it.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            acked, starts, sizes, events, done = survey(lock.fd)
        except OSError:
            self.lock = None
            lock.close()
            raise
        # The events that were settled meanwhile, by others, are settled for us as well.
        before = max(self.appended - events, self.state.settled)
        self._starts = {number: before + start for number, start in starts.items()}
        self._sizes, self._dropped, self._counts_lines = sizes, {}, True
        self.appended = before + events
        self._has_ended = False
        self.state = StreamState(acked, before, 0, acked, before, self.state.delivered)
        self.last = max(starts, default=acked.segment)
        for number in done:  # drained, but not removed any more
            self._unlink(number)

    def written_at(self) -> float:
        """Return when the oldest segment was written to, of ``time.time``."""
        try:
            name = segment_name(min(self._starts))
            return os.stat(name, dir_fd=self.lock_fd(), follow_symlinks=False).st_mtime
        except (OSError, ValueError):
            return time.time()

    def can_be_released(self) -> bool:
        """Tell whether the stream could do without its descriptors for now."""
        return self.closed and self.lock is not None and not self.state.outstanding

    def release(self) -> None:
        """Leave the stream to whoever adopts it."""
        if self._ack_is_behind:
            self.write_ack()  # the disk may have recovered
        self.rewind()
        self.abandon()

    def remove(self) -> None:
        """Remove the stream, which is drained."""
        lock = self.lock
        if lock is not None:
            self._close_files()
            self.lock = None
            self._folder.remove_stream(lock)

    def abandon(self) -> None:
        """Close all files, and change nothing on disk: as if the process had died."""
        self._close_files()
        lock, self.lock = self.lock, None
        if lock is not None:
            lock.close()

    def _close_files(self) -> None:
        self.closed = True
        self.stop_writing()
        self.fd = -1
        for file in (self._file, self._reading, self._ack_file):
            if file is not None:
                file.close()
        self._file = self._reading = self._ack_file = None


class Survey(NamedTuple):
    """What waits in a stream.

    Attributes:
        acked: everything before this is settled.
        starts: of each segment from there on: the lines that wait before it.
        sizes: of these segments.
        events: the lines that wait.
        done: the segments before that.
    """

    acked: Offset
    starts: dict[int, int]
    sizes: dict[int, int]
    events: int
    done: list[int]


def survey(stream_fd: int) -> Survey:
    """Find out what waits in a stream; it is read for that.

    Raises:
        OSError: it cannot be read now. What is missing, or no file of ours, has no lines.
    """
    with opened_folder(".", stream_fd) as fd:
        numbers = segment_numbers_in(os.listdir(fd))
    acked = _acked_offset(stream_fd, numbers)
    starts, sizes, events = {}, {}, 0
    for number in numbers:
        if number >= acked.segment:
            starts[number] = events
            begin = acked.offset if number == acked.segment else 0
            lines, sizes[number] = _count_lines(stream_fd, number, begin)
            events += lines
    return Survey(acked, starts, sizes, events, [n for n in numbers if n < acked.segment])


def _acked_offset(stream_fd: int, segments: list[int]) -> Offset:
    """Return the ack offset; where it makes no sense, the beginning: repeats are no losses."""
    beginning = Offset(segments[0] if segments else 1, 0)
    acked = decode_ack(read_file(ACK_FILE, stream_fd, 100))
    if acked is None or acked.segment not in segments or not _begins_line(stream_fd, acked):
        return beginning
    return acked


def _begins_line(stream_fd: int, place: Offset) -> bool:
    if place.offset == 0:
        return True
    try:
        fd = open_file(segment_name(place.segment), stream_fd)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return False
    try:
        size = os.fstat(fd).st_size
        # At the very end of a torn file there is no line end before it.
        return place.offset == size or (
            place.offset < size and os.pread(fd, 1, place.offset - 1) == b"\n"
        )
    finally:
        os.close(fd)


def _count_lines(stream_fd: int, number: int, offset: int) -> tuple[int, int]:
    """Count the lines of a segment from *offset* on, one without an end included; and its size."""
    try:
        fd = open_file(segment_name(number), stream_fd)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return 0, 0
    try:
        lines, last = 0, b"\n"
        while chunk := os.pread(fd, CHUNK_BYTES, offset):
            lines += chunk.count(b"\n")
            last = chunk
            offset += len(chunk)
        return lines + (not last.endswith(b"\n")), os.fstat(fd).st_size
    finally:
        os.close(fd)
