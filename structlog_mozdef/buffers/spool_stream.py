"""One stream of a spool: segments to append to, and a position to read from.

Writing belongs to the threads that log, under the spool's lock; reading to the sender alone. They
share the list of segments, which grows at one end and shrinks at the other.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections import deque
from typing import Any, Protocol

import orjson

from structlog_mozdef.buffers.spool_folder import (
    POSITION_FILE,
    PRIVATE,
    SpoolFolder,
    StreamFolder,
    create_file,
    open_to_read,
    segment_name,
    segment_numbers,
)

_CHUNK_BYTES = 1024 * 1024
#: No line of ours is nearly as long; one that is longer is damage.
LINE_LIMIT_BYTES = 1024 * 1024
# What opening says of a file that is gone, a link, or no regular file.
_NO_SEGMENT = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO})
_POSITION = re.compile(rb"(\d{10}) (\d{20})\n")


class Source(Protocol):
    """Something that a spool reads events from, in their order."""

    def peek(self, max_events: int, max_bytes: int) -> list[bytes]:
        """The oldest events, without their line ends; they stay until `advance`."""

    def advance(self, count: int) -> None:
        """The oldest *count* events are settled."""


class Observer(Protocol):
    """Is told of what a stream has left behind; it is never asked for it again."""

    def found_damaged(self, stream: Stream, line: bytes, reason: str) -> None:
        """A line that is no event."""

    def found_blank(self, stream: Stream) -> None:
        """An empty line, which never was one."""

    def found_missing(self, stream: Stream, events: int) -> None:
        """A segment that is gone, with so many events."""


class Stream:
    """A stream that this process has locked: its own, or one that it adopted.

    Args:
        folder: where the stream is.
        place: the stream.
        lock: of the spool; held while a segment is chosen to be read, or dropped.
        observer: is told of lines that are no events.
        adopted: True where another process has written it: each line is then read as JSON.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        place: StreamFolder,
        lock: Any,
        observer: Observer,
        *,
        adopted: bool,
    ) -> None:
        self._lock = lock  # a threading.RLock, which is no type before Python 3.13
        self._folder = folder
        self._place = place
        self._observer = observer
        self.adopted = adopted
        self._checks_lines = adopted
        self.segments: deque[int] = deque(segment_numbers(place.fd)) if adopted else deque()
        # Events of each segment that is complete.
        self.events_of: dict[int, int] = {}
        self.write_fd = -1
        self.closed = False
        self._read_fd = -1
        self._segment = self.segments[0] if adopted and self.segments else 1
        self._offset = 0  # acknowledged
        self._end = 0  # read so far
        self._lines: list[bytes] = []
        self._ends: list[int] = []
        self._position_fd = -1
        if adopted:
            self._load_position()

    @property
    def name(self) -> str:
        """Of the subfolder."""
        return self._place.name

    # Writing.

    def begin_segment(self) -> int:
        """Begin a new segment to write to.

        Returns:
            The descriptor of the one before, which is the caller's to close; -1 for the first.
        """
        number = self.segments[-1] + 1 if self.segments else self._segment
        fd = create_file(segment_name(number), os.O_RDWR | os.O_APPEND, self._place.fd)
        before, self.write_fd = self.write_fd, fd
        self.segments.append(number)
        return before

    def write(self, line: bytes) -> None:
        """Append *line*, whole or not at all.

        Raises:
            OSError: it was not appended.
        """
        written = os.write(self.write_fd, line)
        if written != len(line):
            # Cut off again, unless a signal handler has appended behind it meanwhile: what is
            # left then is a damaged line between whole ones.
            size = os.fstat(self.write_fd).st_size
            if os.pread(self.write_fd, written, size - written) == line[:written]:
                os.ftruncate(self.write_fd, size - written)
            else:
                self._checks_lines = True
            raise OSError(errno.ENOSPC, "the disk took a part of an event only")

    def is_gone(self) -> bool:
        """Whether somebody has removed what is written to."""
        return self.write_fd >= 0 and os.fstat(self.write_fd).st_nlink == 0

    def drop_oldest_segment(self) -> int:
        """Remove the oldest complete segment that is not being read.

        Returns:
            The number of events in it; 0 where there is no such segment.
        """
        for number in list(self.segments)[:-1]:
            if number > self._segment:
                events = self.events_of.pop(number, 0)
                self.segments.remove(number)
                self._unlink(number)
                return events
        return 0

    # Reading.

    def count_events(self) -> int:
        """The number of lines from the position on; they are read for that."""
        total = 0
        for number in list(self.segments):
            offset = self._offset if number == self._segment else 0
            count = count_lines(self._place.fd, number, offset)
            self.events_of[number] = count
            total += count
        return total

    def peek(self, max_events: int, max_bytes: int) -> list[bytes]:
        """The oldest events; see `Source`. They are of one segment."""
        while len(self._lines) < max_events and self._read_more():
            pass
        total = 0
        for count, line in enumerate(self._lines[:max_events]):
            total += len(line)
            if total > max_bytes:
                return self._lines[: max(count, 1)]
        return self._lines[:max_events]

    def advance(self, count: int) -> None:
        """The oldest *count* events are settled."""
        if self.closed:
            return  # somebody else's by now
        if count:
            self._offset = self._ends[count - 1]
            del self._lines[:count]
            del self._ends[:count]
        if not self._lines:
            self._offset = self._end  # damaged lines at the end are settled as well
        self._write_position()

    def is_drained(self) -> bool:
        """Whether all that is in the stream is settled."""
        while not self._lines and self._read_more():
            pass
        return not self._lines and len(self.segments) <= 1

    def _read_more(self) -> bool:
        """Read the next part of the segment; False where there is none to be had now."""
        if not self._open_segment():
            return False
        # Asked before reading: what is written between the two belongs to this segment still.
        is_written_to = self._is_written_to()
        chunk = os.pread(self._read_fd, _CHUNK_BYTES, self._end)
        whole = chunk.rfind(b"\n") + 1
        if whole:
            self._take_lines(chunk[: whole - 1].split(b"\n"))
            return True
        if is_written_to:
            return False  # the rest of the line is on its way
        if chunk:
            self._take_broken_line(chunk)
            return True
        return not self._lines and self._next_segment()

    def _is_written_to(self) -> bool:
        return not self.adopted and bool(self.segments) and self._segment == self.segments[-1]

    def _open_segment(self) -> bool:
        while self._read_fd < 0:
            if not self.segments:
                return False
            self._segment = max(self._segment, self.segments[0])
            try:
                self._read_fd = open_to_read(segment_name(self._segment), self._place.fd)
            except OSError as error:
                if error.errno not in _NO_SEGMENT:
                    raise  # too many open files, say: it is there, and can be read later
                if self._is_written_to():
                    self._read_fd = os.dup(self.write_fd)  # removed, but still ours to read
                else:
                    self._skip_segment()
        return True

    def _skip_segment(self) -> None:
        """Leave behind a segment that is gone, or no file of ours."""
        with self._lock:
            missing = self._segment
            events = self.events_of.pop(missing, 0)
            self.segments.remove(missing)
            self._segment = self.segments[0] if self.segments else missing + 1
            self._offset = self._end = 0
        self._observer.found_missing(self, events)

    def _next_segment(self) -> bool:
        """Go on to the next segment, and remove this one, whose events are all settled."""
        with self._lock:
            following = [number for number in self.segments if number > self._segment]
            if not following:
                return False
            done, self._segment = self._segment, following[0]
            self._offset = self._end = 0
            while self.segments[0] < self._segment:
                self.segments.popleft()
            self.events_of.pop(done, None)
        if self._read_fd >= 0:
            fd, self._read_fd = self._read_fd, -1
            os.close(fd)
        self._write_position()
        self._unlink(done)
        return True

    def _take_lines(self, lines: list[bytes]) -> None:
        if not self._checks_lines and all(lines):
            ends = itertools.accumulate((len(line) + 1 for line in lines), initial=self._end)
            next(ends)
            self._lines += lines
            self._ends += ends
            self._end = self._ends[-1]
            return
        for line in lines:
            self._end += len(line) + 1
            self._take_line(line, damage_of(line) if self._checks_lines else None)

    def _take_broken_line(self, chunk: bytes) -> None:
        """A line without an end: the last of a dead process, or of any length."""
        line = chunk
        while chunk and b"\n" not in chunk:
            self._end += len(chunk)
            chunk = os.pread(self._read_fd, _CHUNK_BYTES, self._end)
            if len(line) <= LINE_LIMIT_BYTES:
                line += chunk.partition(b"\n")[0]
        if chunk:
            self._end += chunk.index(b"\n") + 1
        # Where only the line end is missing, it is an event all the same.
        reason = damage_of(line) if len(line) <= LINE_LIMIT_BYTES else "a line without an end"
        self._take_line(line, reason)

    def _take_line(self, line: bytes, damage: str | None) -> None:
        if not line:
            self._observer.found_blank(self)
        elif damage is not None:
            self._observer.found_damaged(self, line, damage)
        else:
            self._lines.append(line)
            self._ends.append(self._end)

    # The position.

    def _load_position(self) -> None:
        segment, offset = read_position(self._place.fd, list(self.segments))
        while self.segments and self.segments[0] < segment:
            self._unlink(self.segments.popleft())  # drained, but not removed any more
        self._segment, self._offset, self._end = segment, offset, offset

    def _write_position(self) -> None:
        text = b"%010d %020d\n" % (self._segment, self._offset)
        try:
            if self._position_fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | PRIVATE
                fd = os.open(POSITION_FILE, flags, 0o600, dir_fd=self._place.fd)
                os.fchmod(fd, 0o600)
                self._position_fd = fd
            os.pwrite(self._position_fd, text, 0)
        except OSError:
            pass  # a full disk: a crash repeats more than one batch then

    def _unlink(self, number: int) -> None:
        try:
            os.unlink(segment_name(number), dir_fd=self._place.fd)
        except OSError:
            pass  # gone already, or not to be removed: it is settled all the same

    # The end.

    def remove(self) -> None:
        """Remove the stream, which is drained."""
        self._close_files()
        self._folder.remove_stream(self._place)

    def release(self) -> None:
        """Leave the stream to whoever adopts it."""
        self._close_files()
        self._place.close()

    def _close_files(self) -> None:
        self.closed = True
        # Forgotten before it is closed: after a fork, a child closes what it finds here.
        for name in ("write_fd", "_read_fd", "_position_fd"):
            fd = getattr(self, name)
            setattr(self, name, -1)
            if fd >= 0:
                os.close(fd)


def damage_of(line: bytes) -> str | None:
    """Why *line* is no event; None where it is one."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return "no JSON: torn or damaged"
    return None if isinstance(event, dict) else "no JSON object"


def read_position(folder_fd: int, segments: list[int]) -> tuple[int, int]:
    """The segment and offset that everything before is settled.

    Where it is missing or makes no sense, the beginning: repeats are allowed, losses are not.
    """
    beginning = (segments[0] if segments else 1, 0)
    try:
        fd = open_to_read(POSITION_FILE, folder_fd)
    except OSError:
        return beginning
    try:
        match = _POSITION.fullmatch(os.pread(fd, 100, 0))
    finally:
        os.close(fd)
    if match is None:
        return beginning
    segment, offset = int(match[1]), int(match[2])
    if segment not in segments or not _begins_line(folder_fd, segment, offset):
        return beginning
    return segment, offset


def _begins_line(folder_fd: int, segment: int, offset: int) -> bool:
    if offset == 0:
        return True
    try:
        fd = open_to_read(segment_name(segment), folder_fd)
    except OSError:
        return False
    try:
        # At the very end of a torn file there is no line end before the position.
        return os.pread(fd, 1, offset - 1) == b"\n" or os.fstat(fd).st_size == offset
    finally:
        os.close(fd)


def count_lines(folder_fd: int, number: int, offset: int) -> int:
    """The lines of a segment from *offset* on, one without an end included."""
    try:
        fd = open_to_read(segment_name(number), folder_fd)
    except OSError:
        return 0
    try:
        lines, last = 0, b"\n"
        while chunk := os.pread(fd, _CHUNK_BYTES, offset):
            lines += chunk.count(b"\n")
            last = chunk
            offset += len(chunk)
        return lines + (not last.endswith(b"\n"))
    finally:
        os.close(fd)
