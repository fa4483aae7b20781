"""A stream that this process appends to, under the spool's lock.

The writer never goes back: where anything surprising happens it leaves the stream to the reader.

While the disk accepts nothing, the segments of a stream are held in memory. Nothing else differs:
when they are written to the disk, all that was read and settled stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from structlog_mozdef.buffers.accounting import Times
from structlog_mozdef.buffers.base import BUFFER_FULL
from structlog_mozdef.buffers.spool.folder import StreamLock
from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    LINE_LIMIT_BYTES,
    encode_ack,
    segment_name,
)
from structlog_mozdef.buffers.spool.segments import Contents, Segment
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.lines import Part, read_part
from structlog_mozdef.files.opening import create_file, ignored_errors, open_folder, write_all

if TYPE_CHECKING:
    from structlog_mozdef.buffers.spool.ledger import SpoolLedger

_APPEND = os.O_RDWR | os.O_APPEND
# Of a segment in memory. It goes to the disk as a whole, settled events included.
_HELD_SEGMENT_BYTES = 1024 * 1024


class OwnStream(Stream):
    """See `Stream`; appending is quick while there is credit.

    Attributes:
        fd: descriptor of the last segment, to append to; -1 before there is one.
        credit: bytes that may be appended before all that can change is examined.
        granted: bytes of the last segment, and the credit.
        offset: what *appended* is ahead of the number of events of this process that wait.
        next_mark: number of appended events at which a log call has to do more.
        times: when some of its events were appended.
    """

    def __init__(self, ledger: SpoolLedger, name: str) -> None:
        super().__init__(ledger, name)
        self.closed = False
        self.times = Times()
        self.fd = -1
        self.credit = self.granted = self.offset = self.next_mark = 0
        self._file: Descriptor | None = None
        self._held: dict[int, bytearray] = {}

    def begin_segment(self) -> Descriptor | None:
        """Append to a new segment from now on.

        Returns:
            The segment that is complete now.

        Raises:
            OSError: there is no new segment.
        """
        fd = create_file(segment_name(self.last + 1), _APPEND, self.lock_fd())
        before, self._file = self._file, Descriptor(fd)
        self.fd = self._file.fd
        self._count_segment()
        return before

    def _count_segment(self) -> None:
        """Count what is appended from now on as events of another segment."""
        if self.last in self._segments:
            self._segments[self.last].size = self.bytes_in_segment()
        self._segments[self.last + 1] = Segment(self.appended)
        self.granted = self.credit = 0
        self.last += 1  # last: a reader at the end of a segment that is not the last goes on

    def events_in_segment(self) -> int:
        """Return how many events were appended to the last segment."""
        last = self._segments.get(self.last)
        return self.appended - (last.start if last else 0)

    def bytes_in_segment(self) -> int:
        """Return the bytes of the last segment, as far as this process wrote them."""
        return self.granted - self.credit

    def disk_bytes(self) -> int:
        return super().disk_bytes() + self.bytes_in_segment()

    def grant(self, size: int) -> None:
        """Let so many bytes be appended, beyond the credit that is left."""
        self.granted += size
        self.credit += size

    def stop_writing(self) -> None:
        """Append no more: the credit is given back."""
        self.granted -= self.credit
        self.credit = 0

    def check(self) -> None:
        """Make sure that events are still appended to this very stream.

        Raises:
            OSError: somebody removed it, or closed its descriptors.
        """
        if self._file is not None and self._file.status().st_nlink == 0:
            raise FileNotFoundError("it was removed")
        if not self.is_held:
            self.lock_fd()

    def is_short(self) -> bool:
        """Return whether events wait that are not there: somebody has cut them off."""
        read = self.state.read
        with ignored_errors():
            is_read = self._file is not None and self._file.status().st_size <= read.offset
            return is_read and read.segment == self.last and self.left() > self.state.outstanding
        return False

    def drop_oldest_segment(self) -> bool:
        """Drop the oldest complete segment that reading has not reached; False if there is none."""
        ahead = sorted(
            number for number in list(self._segments) if number > self.state.read.segment
        )
        ends = [self._segments[number].start for number in ahead[1:]]
        if self.closed:
            ends.append(self.appended)
        for number, end in zip(ahead, ends, strict=False):
            segment = self._segments[number]
            events = end - segment.start
            if events > segment.lost:
                if not self._unlink(number):
                    return False  # it stays where it is, and is delivered
                segment.size = 0
                if number == self.last:  # what is removed, but open, would still be read
                    self._close_segment()
                    self.granted = self.credit = 0
                self._ledger.drops.add_part(BUFFER_FULL, segment, events)
                return True
        return False

    def descriptors_to_sync(self) -> list[Descriptor]:
        """Return copies of what has to be synchronised so that what was appended is safe."""
        file = self._file
        if file is None:
            return []
        # (The folder is opened again: a copy would keep its lock.)
        return [Descriptor(os.dup(file.checked())), Descriptor(open_folder(".", self.lock_fd()))]

    # In memory.

    @property
    def is_held(self) -> bool:
        """Whether the events are held in memory."""
        return self.lock is None and bool(self._held)

    @property
    def is_released(self) -> bool:
        return self.lock is None and not self._held

    def hold(self, line: bytes) -> None:
        """Write a line to memory."""
        size = self.bytes_in_segment()
        if not self._held or size >= _HELD_SEGMENT_BYTES or (size and not self.left()):
            self._held[self.last + 1] = bytearray()
            self._count_segment()
        self._held[self.last] += line
        self.grant(len(line))

    def write_held(self, lock: StreamLock) -> list[Descriptor]:
        """Write what is held in memory to the disk, where this stream is from then on.

        Args:
            lock: of a new stream.

        Returns:
            Files that are complete now.

        Raises:
            OSError: the disk does not accept it.
        """
        acked, files = self.state.acked, []
        contents = {segment_name(n): bytes(held) for n, held in sorted(self._held.copy().items())}
        for name, content in {ACK_FILE: encode_ack(acked), **contents}.items():
            files.append(Descriptor(create_file(name, _APPEND, lock.fd)))
            write_all(files[-1].fd, content)
        if self.is_held:  # and no signal handler was faster
            self._file = files.pop()
            self.fd = self._file.fd
            self._ack_is_behind = False
            self.lock, self.name, self._held = lock, lock.name, {}
        return files

    # What differs in reading.

    def _next_part(self) -> Part | None:
        number, offset = self.state.read
        held = self._held.get(number)
        if held is None:
            return super()._next_part()
        return read_part(
            lambda size, begin: bytes(held[begin : begin + size]), offset, LINE_LIMIT_BYTES
        )

    def take_over(self, lock: StreamLock, contents: Contents) -> None:
        super().take_over(lock, contents)
        self.granted = self.credit = 0

    def _open(self, number: int) -> int:
        fd = super()._open(number)
        file = self._file
        if fd < 0 and file is not None and number == self.last:
            fd = os.dup(file.checked())  # removed, but still ours to read
        return fd

    def _unlink(self, number: int) -> bool:
        return self._held.pop(number, None) is not None or super()._unlink(number)

    def _damages(self, part: Part) -> Sequence[str | None]:
        # Of a torn line the disk accepted only a part: the event went to another stream.
        return [""] if part.is_torn else super()._damages(part)

    def _close_files(self) -> StreamLock | None:
        self.stop_writing()
        self._held = {}
        self._close_segment()
        return super()._close_files()

    def _close_segment(self) -> None:
        file, self._file, self.fd = self._file, None, -1
        if file is not None:
            file.close()
