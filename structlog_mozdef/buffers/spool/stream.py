"""One stream of a spool: segments to append to and to read from, and an ack offset.

Writing belongs to the threads that log, under the spool's lock; reading to the sender alone. They
share the list of segments, which grows at one end and shrinks at the other.

Reading runs ahead of the ack offset, across segments: an event is *read* when the sender gets it,
and *settled* when the ack offset has passed it.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from typing import Any

from structlog_mozdef.buffers.base import number_within
from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.format import (
    CHUNK_BYTES,
    LINE_LIMIT_BYTES,
    NO_SEGMENT,
    AckOffsetFile,
    complete_lines,
    count_lines,
    damage_of,
    read_ack_offset,
    segment_name,
    segment_numbers,
)
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.safe_files import create_file, open_to_read
from structlog_mozdef.buffers.spool.source import Observer, Offset, OffsetQueue

# Bytes that are kept of a line without an end.
_KEPT_BYTES = 16 * 1024


class Stream:
    """A stream that this process has locked: its own, or one that it adopted.

    Args:
        folder: the spool.
        stream_lock: this process holds it.
        lock: of the spool; held while the list of segments is used.
        observer: called for lines that are not events.
        adopted: True if another process wrote it; each line is then parsed as JSON.

    Attributes:
        segments: their numbers, oldest first.
        write_fd: of the last segment, to append to.
        waiting: events in it, counted if nothing is written to it any more.
        lines_before: events written by this process before it began the last segment.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        stream_lock: StreamLock,
        lock: Any,
        observer: Observer,
        *,
        adopted: bool,
    ) -> None:
        self._lock = lock  # a threading.RLock, which is no type before Python 3.13
        self._folder = folder
        self.stream_lock = stream_lock
        self._observer = observer
        self.adopted = adopted
        self._checks_lines = adopted
        self.segments: deque[int] = deque(segment_numbers(stream_lock.fd)) if adopted else deque()
        self.write_fd = -1
        self.closed = False
        self.waiting = 0
        self.lines_before = 0
        self._writes = 0
        self._is_truncating = False
        # Of each complete segment: how many events there are to be read, and its size. Of each of
        # our own: the sequence number of its first event.
        self._events_of: dict[int, int] = {}
        self._size_of: dict[int, int] = {}
        self._first_of: dict[int, int] = {}
        # The offset of reading, and how many events of that segment were read.
        self._segment, self._end = 1, 0
        self._seen = 0
        self._read_fd = -1
        self._lines: list[bytes] = []  # read, and not returned by `read`
        self._offsets = OffsetQueue()  # of all events that were read and are not settled
        self._settled = Offset(1, 0)
        self._ack_offset = AckOffsetFile(stream_lock.fd)
        if adopted:
            self._begin_at_ack_offset()

    @property
    def name(self) -> str:
        """The name of the subfolder."""
        return self.stream_lock.name

    # Writing.

    def begin_segment(self, ledger: SpoolLedger, holding: Holding) -> int:
        """Begin a new segment, and write to it from now on.

        Args:
            ledger: of the spool; with *holding*, it determines which events are in which segment.
            holding: of the spool.

        Returns:
            The descriptor of the segment that is complete now; -1 if there is none.

        Raises:
            OSError: no segment was created; the old one is still in use.
        """
        number, fd = self._create_segment()
        complete = self.segments[-1] if self.segments else 0
        # No signal handler can log or raise from here to the end of the paragraph, where nothing
        # is called but at its very end: the count of each segment is exact.
        lines = ledger.appended - ledger.found_uncounted - holding.held - holding.sent
        if complete:
            self._events_of[complete] = lines - self.lines_before
        self.lines_before = lines
        self._first_of[number] = ledger.appended - holding.held
        before, self.write_fd = self.write_fd, fd
        self.segments.append(number)

        if complete:
            self._size_of[complete] = os.fstat(before).st_size
        return before

    def _create_segment(self) -> tuple[int, int]:
        number = self.segments[-1] + 1 if self.segments else 1
        while True:
            try:
                return number, create_file(
                    segment_name(number), os.O_RDWR | os.O_APPEND, self.stream_lock.fd
                )
            except FileExistsError:
                number += 1  # somebody else has created a file of this name

    def write(self, line: bytes) -> None:
        """Append *line* completely or not at all, after a line end.

        Raises:
            OSError: it was not appended.
        """
        if self._is_truncating:  # a signal handler interrupted it, and it will be repeated
            raise BlockingIOError(errno.EAGAIN, "a part of an event is being removed")
        self._writes += 1
        if self._is_torn():
            # This is a signal handler in the middle of a short write, or one has raised there.
            self._checks_lines = True
            line = b"\n" + line
        written = os.write(self.write_fd, line)
        if written != len(line):
            self.write_rest(line, written)

    def write_rest(self, line: bytes, written: int) -> None:
        """Finish a short write of which *written* bytes were written.

        Raises:
            OSError: the disk's error, after the partial line was removed.
        """
        # A signal handler may log meanwhile: then parts of this line stay between complete lines.
        self._checks_lines = True
        try:
            written += os.write(self.write_fd, line[written:])
        except OSError:
            self._truncate(line[:written])
            raise
        if written != len(line) or not self._ends_with(line):
            self._truncate(line[:written])
            raise OSError(errno.ENOSPC, "only a part of an event was written")

    def _truncate(self, part: bytes) -> None:
        """Remove *part* at the end; if a signal handler appended after it, it stays as damage."""
        while True:
            writes = self._writes
            begin = os.fstat(self.write_fd).st_size - len(part)
            if not self._ends_with(part):
                return
            # Nothing is called in between, so that no line of a signal handler is cut off.
            self._is_truncating = self._writes == writes
            if self._is_truncating:
                try:
                    os.ftruncate(self.write_fd, begin)
                finally:
                    self._is_truncating = False
                return

    def _is_torn(self) -> bool:
        size = os.fstat(self.write_fd).st_size
        return size > 0 and os.pread(self.write_fd, 1, size - 1) != b"\n"

    def _ends_with(self, part: bytes) -> bool:
        begin = os.fstat(self.write_fd).st_size - len(part)
        return os.pread(self.write_fd, len(part), max(begin, 0)) == part

    def is_gone(self) -> bool:
        """Return whether somebody has removed the file that is written to."""
        return self.write_fd >= 0 and os.fstat(self.write_fd).st_nlink == 0

    def drop_oldest_segment(self) -> tuple[int, int] | None:
        """Remove the oldest complete segment that reading has not reached.

        Returns:
            The number of events in it, and the sequence number of the first; None if there is no
            such segment.
        """
        for number in list(self.segments)[:-1]:
            if number > self._segment:
                self.segments.remove(number)
                self._size_of.pop(number, None)
                self._unlink(number)
                return self._events_of.pop(number, 0), self._first_of.pop(number, 0)
        return None

    def size(self) -> int:
        """Return the bytes that wait."""
        at_first = self.segments and self._settled.segment == self.segments[0]
        settled = self._settled.offset if at_first else 0
        size = sum(self._size_of.values()) - settled
        return size if self.write_fd < 0 else size + os.fstat(self.write_fd).st_size

    # Reading.

    def count_events(self) -> None:
        """Count the lines that wait, by reading them."""
        for number in list(self.segments):
            offset = self._end if number == self._segment else 0
            self._events_of[number], self._size_of[number] = count_lines(
                self.stream_lock.fd, number, offset
            )
        self.waiting = sum(self._events_of.values())

    def read(self, max_events: int, max_bytes: int, *, one: bool) -> list[bytes]:
        """See `Source`."""
        events_read: list[bytes] = []
        while len(events_read) < max_events:
            if not self._lines:
                try:
                    if not self._read_more():
                        break
                except OSError:
                    if not events_read:
                        raise
                    break  # it is raised the next time: events already read have to be settled
                continue
            events = self._lines[: max_events - len(events_read)]
            fitting, size = number_within(events, max_bytes)
            if not fitting and one and not events_read:
                fitting, size = 1, max_bytes
            events_read += events[:fitting]
            max_bytes -= size
            del self._lines[:fitting]
            if fitting < len(events):
                break
        return events_read

    def has_more(self) -> bool:
        """See `Source`."""
        return bool(self._lines)

    def advance(self, count: int) -> None:
        """The oldest *count* of the events that were read are settled."""
        if self.closed or not count:
            return  # it belongs to another process by now
        offset = self._offsets.settle(count) or self._settled
        if not self._offsets:
            # Only damaged lines can follow.
            offset = Offset(self._segment, self._end)
        elif self._offsets.first_segment() > offset.segment:
            offset = Offset(self._offsets.first_segment(), 0)
        self._settle(offset)

    def is_drained(self) -> bool:
        """Return whether everything in the stream is settled."""
        while not self._offsets and self._read_more():
            pass
        return not self._offsets

    def is_read(self) -> bool:
        """Return whether everything that was written has been read."""
        if not self._is_written_to():
            return not self.segments
        return os.fstat(self.write_fd).st_size <= self._end

    def is_exhausted(self) -> bool:
        """Return whether everything that was written is settled, or was truncated by somebody."""
        if self._offsets or not self.is_read():
            return False
        if self.segments:  # the next event is appended there
            self._end = min(self._end, os.fstat(self.write_fd).st_size)
        return True

    def written_at(self) -> float:
        """Return when the oldest segment was written to (``time.time``)."""
        try:
            name = segment_name(self.segments[0])
            return os.stat(name, dir_fd=self.stream_lock.fd, follow_symlinks=False).st_mtime
        except (OSError, IndexError):
            return time.time()

    def write_off(self, events: int) -> None:
        """Count *events* of the segment that is being read as read: they are gone."""
        self._seen += events

    def _read_more(self) -> bool:
        """Read the next part of a segment; return False if there is none now."""
        if not self._open_segment():
            return False
        # Checked before reading: events written in between still belong to this segment.
        is_written_to = self._is_written_to()
        chunk = os.pread(self._read_fd, CHUNK_BYTES, self._end)
        lines = complete_lines(chunk)
        if lines:
            self._add_lines(lines, chunk.rfind(b"\n") + 1)
            return True
        if chunk:
            return self._read_odd_line(is_written_to)
        return not is_written_to and self._next_segment()

    def _is_written_to(self) -> bool:
        return self.write_fd >= 0 and self._segment == self.segments[-1]

    def _open_segment(self) -> bool:
        while self._read_fd < 0:
            if not self.segments:
                return False
            with self._lock:
                if self._segment < self.segments[0]:
                    self._segment, self._end = self.segments[0], 0
            try:
                self._read_fd = open_to_read(segment_name(self._segment), self.stream_lock.fd)
            except OSError as error:
                if error.errno not in NO_SEGMENT:
                    raise  # for example too many open files: it can be read later
                if self._is_written_to():
                    self._read_fd = os.dup(self.write_fd)  # removed, but still ours to read
                elif not self._next_segment():
                    return False
        return True

    def _next_segment(self) -> bool:
        """Go on to the next segment; return False if there is none."""
        with self._lock:
            done = self._segment
            following = next((number for number in self.segments if number > done), 0)
            missing = self._events_of.pop(done, self._seen) - self._seen
            self._seen = 0
            sequence = self._first_of.get(following, 0) - missing
            if following:
                self._segment, self._end = following, 0
        if missing:
            self._observer.found_missing(self, missing, sequence)
        if not following:
            return False
        fd, self._read_fd = self._read_fd, -1
        if fd >= 0:
            os.close(fd)
        if not self._offsets:
            self._settle(Offset(following, 0))
        return True

    def _add_lines(self, lines: list[bytes], length: int) -> None:
        """Add *lines*, whose length with line ends is *length* bytes."""
        if not self._checks_lines and all(lines):
            begin = Offset(self._segment, self._end)
            self._offsets.add(begin, lines, Offset(self._segment, self._end + length))
            self._lines = self._lines + lines
            self._seen += len(lines)
            self._end += length
            return
        for line in lines:
            self._add_line(line, damage_of(line) if self._checks_lines else None, len(line) + 1)

    def _read_odd_line(self, is_written_to: bool) -> bool:
        """Read a line that is longer than a chunk, or has no end."""
        data = os.pread(self._read_fd, LINE_LIMIT_BYTES + 1, self._end)
        line, has_end, _ = data.partition(b"\n")
        if not has_end and len(data) <= LINE_LIMIT_BYTES:
            if is_written_to:
                return False  # the rest of the line is on its way
            # The last line of a dead process: if only its end is missing, it is an event.
            has_end, damage = b"", damage_of(line)
        elif has_end:
            damage = damage_of(line) if self._checks_lines else None
        else:
            self._add_line(line[:_KEPT_BYTES], "a line without an end", self._length_of_line())
            return True
        self._add_line(line, damage, len(line) + len(has_end))
        return True

    def _length_of_line(self) -> int:
        """Return the number of bytes up to the end of the line, or of the file."""
        length = 0
        while chunk := os.pread(self._read_fd, CHUNK_BYTES, self._end + length):
            found = chunk.find(b"\n") + 1
            length += found or len(chunk)
            if found:
                break
        return length

    def _add_line(self, line: bytes, damage: str | None, length: int) -> None:
        begin = Offset(self._segment, self._end)
        self._end += length
        # For our own segments the number of events is known, for others the number of lines.
        self._seen += self.adopted or (bool(line) and damage is None)
        if not line:
            self._observer.found_empty(self)
        elif damage is not None:
            self._observer.found_damaged(self, line, damage)
        else:
            self._lines.append(line)
            self._offsets.add(begin, [line], begin.behind([line]))

    # The ack offset.

    def _begin_at_ack_offset(self) -> None:
        self._settled = Offset(*read_ack_offset(self.stream_lock.fd, list(self.segments)))
        self._segment, self._end = self._settled
        self._remove_settled()  # drained segments that a crash left

    def _settle(self, offset: Offset) -> None:
        """Record that everything before *offset* is settled."""
        self._settled = offset
        self._ack_offset.write(*offset)
        self._remove_settled()

    def _remove_settled(self) -> None:
        if not self.segments or self.segments[0] >= self._settled.segment:
            return
        with self._lock:
            done = [number for number in self.segments if number < self._settled.segment]
            for number in done:
                self.segments.remove(number)
                self._events_of.pop(number, None)
                self._size_of.pop(number, None)
                self._first_of.pop(number, None)
        for number in done:
            self._unlink(number)

    def _unlink(self, number: int) -> None:
        try:
            os.unlink(segment_name(number), dir_fd=self.stream_lock.fd)
        except OSError:
            pass  # gone already, or impossible to remove: it is settled anyway

    # The end.

    def remove(self) -> None:
        """Close and remove the stream, which is drained."""
        self._close_files()
        self._folder.remove_stream(self.stream_lock)

    def close(self) -> None:
        """Write the ack offset if it is behind, and release the stream for adoption."""
        if self._ack_offset.is_behind:
            self._ack_offset.write(*self._settled)  # the disk may have recovered
        self.abandon()

    def abandon(self) -> None:
        """Close the files and change nothing on disk, as a crash would."""
        self._close_files()
        self.stream_lock.close()

    def _close_files(self) -> None:
        self.closed = True
        self._ack_offset.close()
        # Cleared before it is closed: a child forked meanwhile closes the descriptors it finds.
        for name in ("write_fd", "_read_fd"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)
