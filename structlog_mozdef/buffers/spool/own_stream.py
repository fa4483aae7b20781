"""A stream that this process appends to, under the spool's lock.

The writer never goes back: where anything surprising happens it leaves the stream to the reader.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from structlog_mozdef.buffers.accounting import Times
from structlog_mozdef.buffers.spool.folder import SpoolFolder, StreamLock
from structlog_mozdef.buffers.spool.format import Offset, segment_name
from structlog_mozdef.buffers.spool.segments import Part, Segment
from structlog_mozdef.buffers.spool.stream import (
    Chunk,
    DamageLog,
    Stream,
    StreamState,
)
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import create_file, ignored_errors, open_folder, write_all

if TYPE_CHECKING:
    from structlog_mozdef.buffers.spool.outage import Holding


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

    def __init__(self, folder: SpoolFolder, lock: StreamLock, damage: DamageLog) -> None:
        super().__init__(folder, lock.name, damage)
        self.lock = lock
        self.closed = False
        self.times = Times()
        self.fd = -1
        self.credit = self.granted = self.offset = self.next_mark = 0
        self._file: Descriptor | None = None

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
        self._segments[number] = Segment(self.appended)
        if before is not None:
            self._segments[self.last].size = before.status().st_size
        self.granted = self.credit = 0
        self.fd = self._file.fd
        self.last = number
        return before

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
        self.lock_fd()

    def is_short(self) -> bool:
        """Return whether events wait that are not there: somebody has cut them off."""
        read = self.state.read
        with ignored_errors():
            is_read = self._file is not None and self._file.status().st_size <= read.offset
            return is_read and read.segment == self.last and self.left() > self.state.outstanding
        return False

    def drop_oldest_segment(self) -> int:
        """Remove the oldest complete segment that reading has not reached; return its events."""
        ahead = sorted(
            number for number in list(self._segments) if number > self.state.read.segment
        )
        ends = [self._segments[number].start for number in ahead[1:]]
        if self.closed:
            ends.append(self.appended)
        for number, end in zip(ahead, ends, strict=False):
            segment = self._segments[number]
            events = end - segment.start - segment.lost
            if events:
                segment.lost += events
                segment.size = 0
                self._unlink(number)
                return events
        return 0

    def descriptors_to_sync(self) -> list[Descriptor]:
        """Return copies of what has to be synchronised so that what was appended is safe."""
        if self._file is None:
            return []
        self._file.status()
        # (The folder is opened again: a copy would keep its lock.)
        return [Descriptor(os.dup(self._file.fd)), Descriptor(open_folder(".", self.lock_fd()))]

    def write_holding(self, holding: Holding) -> None:
        """Write what waits in *holding*, and go on with its counts.

        Raises:
            OSError: the disk does not accept it.
        """
        lines, outstanding, settled, delivered, _ = holding.state
        self.begin_segment()
        data = b"".join(lines)
        write_all(self.fd, data)
        self.closed = True
        self.granted, self.times, self.appended = len(data), holding.times, settled + len(lines)
        self._segments[self.last].start = settled
        begin = Offset(self.last, 0)
        sent = [line[:-1] for line in lines[:outstanding]]
        end = begin.after(sum(map(len, lines[:outstanding])))
        if sent:
            self._chunks.append(Chunk(begin, sent, end, settled))
        self.state = StreamState(end, settled + outstanding, outstanding, begin, settled, delivered)

    # What differs in reading.

    def take_over(self, lock: StreamLock) -> None:
        super().take_over(lock)
        self.granted = self.credit = 0

    def _open(self, number: int) -> int:
        fd = super()._open(number)
        if fd < 0 and self._file is not None and number == self.last:
            self._file.status()
            fd = os.dup(self._file.fd)  # removed, but still ours to read
        return fd

    def _add_part(self, part: Part) -> None:
        if part.is_torn:  # the disk accepted only a part of it: the event went to another stream
            self._pass_over(part.length)
        else:
            super()._add_part(part)

    def can_be_released(self) -> bool:
        """Return whether the stream could do without its descriptors for now."""
        return self.closed and self.lock is not None and not self.state.outstanding

    def _close_files(self) -> None:
        super()._close_files()
        self.stop_writing()
        self.fd = -1
        file, self._file = self._file, None
        if file is not None:
            file.close()
