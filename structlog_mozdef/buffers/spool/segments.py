"""The segments of a stream: what waits in them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    Offset,
    decode_ack,
    segment_name,
    segment_numbers_in,
)
from structlog_mozdef.files.lines import CHUNK_BYTES
from structlog_mozdef.files.opening import NO_FILE, open_file, opened_folder, read_file

_EMPTY_LINE = re.compile(rb"\n(?=\n)")


@dataclass(slots=True)
class Segment:
    """One file of a stream.

    Attributes:
        start: the events of the stream before it.
        size: in bytes; 0 for the one that is appended to.
        lost: its events that are never given out: dropped, missing or damaged.
    """

    start: int
    size: int = 0
    lost: int = 0


def open_segment(stream_fd: int, number: int) -> int:
    """Open a segment; -1 where there is none, or no file of ours.

    Raises:
        OSError: it cannot be opened now.
    """
    try:
        return open_file(segment_name(number), stream_fd)
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        return -1


class Contents(NamedTuple):
    """What waits in a stream.

    Attributes:
        acked: everything before this is settled.
        segments: from there on; they start with the lines that wait before them.
        events: the lines that wait.
        done: the segments before that.
    """

    acked: Offset
    segments: dict[int, Segment]
    events: int
    done: list[int]


def read_contents(stream_fd: int, *, counts_torn: bool = True) -> Contents:
    """Read a stream to count what waits in it.

    Args:
        stream_fd: descriptor of the subfolder.
        counts_torn: whether a line without an end counts.

    Raises:
        OSError: it cannot be read now. What is missing, or no file of ours, has no lines.
    """
    with opened_folder(".", stream_fd) as fd:
        numbers = segment_numbers_in(os.listdir(fd))
    # Where the ack offset makes no sense, the beginning: repeats are no losses.
    acked = decode_ack(read_file(ACK_FILE, stream_fd, 100))
    if acked is None or acked.segment not in numbers or not _begins_line(stream_fd, acked):
        acked = Offset(numbers[0] if numbers else 1, 0)
    segments: dict[int, Segment] = {}
    events = 0
    for number in numbers:
        if number >= acked.segment:
            begin = acked.offset if number == acked.segment else 0
            lines, is_torn, size = _count_lines(stream_fd, number, begin)
            lines += is_torn and counts_torn
            segments[number] = Segment(events, size)
            events += lines
    return Contents(acked, segments, events, [n for n in numbers if n < acked.segment])


def _begins_line(stream_fd: int, acked: Offset) -> bool:
    if acked.offset == 0:
        return True
    fd = open_segment(stream_fd, acked.segment)
    if fd < 0:
        return False
    try:
        size = os.fstat(fd).st_size
        # At the very end of a torn file there is no line end before it.
        return acked.offset == size or (
            acked.offset < size and os.pread(fd, 1, acked.offset - 1) == b"\n"
        )
    finally:
        os.close(fd)


def _count_lines(stream_fd: int, number: int, offset: int) -> tuple[int, bool, int]:
    """Count the lines of a segment from *offset* on, but for empty ones.

    Returns:
        Their number, whether one more has no end, and the size of the segment.
    """
    fd = open_segment(stream_fd, number)
    if fd < 0:
        return 0, False, 0
    try:
        lines, last = 0, b"\n"
        while chunk := os.pread(fd, CHUNK_BYTES, offset):
            lines += chunk.count(b"\n")
            text = last[-1:] + chunk
            if b"\n\n" in text:
                lines -= len(_EMPTY_LINE.findall(text))
            last = chunk
            offset += len(chunk)
        return lines, not last.endswith(b"\n"), os.fstat(fd).st_size
    finally:
        os.close(fd)
