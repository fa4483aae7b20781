"""All that knows the bytes on disk: names, metadata, ack offsets and lines.

The docstring of the package describes the format, whose number is 1.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import zlib
from typing import NamedTuple

import orjson

from structlog_mozdef.buffers.spool.safe_files import (
    TOO_MANY_OPEN,
    create_file,
    open_to_read,
    quarantine,
)

# Names.

STREAM_FILE = "stream.json"
ACK_OFFSET_FILE = "position"
DEAD_LETTERS_FILE = "dead-letters.ndjson"
_SEGMENT_NAME = re.compile(r"(\d{10})\.ndjson")


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:010d}.ndjson"


def segment_numbers(folder_fd: int) -> list[int]:
    """Return the numbers of the segments of a stream, oldest first."""
    matches = map(_SEGMENT_NAME.fullmatch, os.listdir(folder_fd))
    return sorted(int(match[1]) for match in matches if match)


# Metadata: ``stream.json``.

#: A stream of a later format is left alone.
FORMAT = 1
#: The destination of a process that only inspects.
ANY_DESTINATION = "*"


class StreamMetadata(NamedTuple):
    """The content of ``stream.json``; None for what is missing or damaged."""

    destination: str | None
    format: int | None


def read_metadata(stream_fd: int) -> StreamMetadata:
    """Read the metadata of the stream whose folder is open as *stream_fd*."""
    try:
        fd = open_to_read(STREAM_FILE, stream_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return StreamMetadata(None, None)
    try:
        metadata = json.loads(os.pread(fd, 10_000, 0))
        destination, number = metadata.get("destination"), metadata.get("format")
    except (OSError, ValueError, AttributeError, RecursionError):
        return StreamMetadata(None, None)
    finally:
        os.close(fd)
    return StreamMetadata(
        destination if isinstance(destination, str) else None,
        number if type(number) is int else None,
    )


def reason_not_to_adopt(stream_fd: int, destination: str) -> str | None:
    """Return why a sink to *destination* must leave a stream alone; None if it may adopt it.

    Args:
        stream_fd: descriptor of the stream's folder.
        destination: of the sink.
    """
    if os.fstat(stream_fd).st_uid != os.geteuid():
        return "it belongs to another user"
    metadata = read_metadata(stream_fd)
    # If the metadata is damaged: the folder serves our destination.
    if metadata.format is not None and metadata.format > FORMAT:
        return f"it has format {metadata.format}, of a later version of structlog-mozdef"
    if (
        destination not in (ANY_DESTINATION, metadata.destination)
        and metadata.destination is not None
    ):
        return f"it holds events for {metadata.destination!r}"
    return None


# The ack offset, in the file ``position``: everything before it is settled. One line of fixed
# length, ``SEGMENT OFFSET CHECKSUM``, overwritten in place. The checksum (CRC 32, hexadecimal)
# covers the other two: half of a new line and half of an old one would be an offset that was never
# reached.

_ACK_OFFSET = re.compile(rb"((\d{10}) (\d{20})) ([0-9a-f]{8})\n")
_UNFINISHED = f"{ACK_OFFSET_FILE}.new"


class AckOffsetFile:
    """Write the ack offset of the stream whose folder is open as *folder_fd*.

    Attributes:
        is_behind: whether the last write failed.
    """

    def __init__(self, folder_fd: int) -> None:
        self._folder_fd = folder_fd
        self._fd = -1
        self.is_behind = False

    def write(self, segment: int, offset: int) -> None:
        """Record that everything before *offset* of *segment* is settled."""
        offset_text = b"%010d %020d" % (segment, offset)
        text = b"%b %08x\n" % (offset_text, zlib.crc32(offset_text))
        try:
            if self._fd < 0:
                self._fd = self._replace(text)
            os.pwrite(self._fd, text, 0)
            self.is_behind = False
        except OSError:
            self.is_behind = True  # a full disk: a crash repeats more than one batch then

    def _replace(self, text: bytes) -> int:
        """Replace whatever has the name: it may be a folder, a link or a file of somebody else."""
        quarantine(_UNFINISHED, self._folder_fd)
        fd = create_file(_UNFINISHED, os.O_WRONLY, self._folder_fd)
        try:
            os.pwrite(fd, text, 0)
            try:
                self._rename()
            except IsADirectoryError:
                quarantine(ACK_OFFSET_FILE, self._folder_fd)
                self._rename()
        except OSError:
            os.close(fd)
            raise
        return fd

    def _rename(self) -> None:
        folder = self._folder_fd
        os.rename(_UNFINISHED, ACK_OFFSET_FILE, src_dir_fd=folder, dst_dir_fd=folder)

    def close(self) -> None:
        """Close the file."""
        # Cleared before it is closed: a child forked meanwhile closes the descriptors it finds.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_ack_offset(folder_fd: int, segments: list[int]) -> tuple[int, int]:
    """Return the segment and offset before which everything is settled.

    If it is missing or makes no sense, this is the beginning: repeats are allowed, losses are not.

    Raises:
        OSError: no more files can be opened.
    """
    beginning = (segments[0] if segments else 1, 0)
    try:
        fd = open_to_read(ACK_OFFSET_FILE, folder_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return beginning
    try:
        match = _ACK_OFFSET.fullmatch(os.pread(fd, 100, 0))
    finally:
        os.close(fd)
    if match is None or int(match[4], 16) != zlib.crc32(match[1]):
        return beginning
    segment, offset = int(match[2]), int(match[3])
    if segment not in segments or not _begins_line(folder_fd, segment, offset):
        return beginning
    return segment, offset


def _begins_line(folder_fd: int, segment: int, offset: int) -> bool:
    if offset == 0:
        return True
    try:
        fd = open_to_read(segment_name(segment), folder_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return False
    try:
        size = os.fstat(fd).st_size
        # At the end of a torn file there is no line end before the ack offset.
        return offset == size or (offset < size and os.pread(fd, 1, offset - 1) == b"\n")
    finally:
        os.close(fd)


# Lines of a segment.

#: Bytes read at once. More does not stay in the processor's cache, and takes twice as long.
CHUNK_BYTES = 64 * 1024
#: A longer line is damage; a longer event is dropped.
LINE_LIMIT_BYTES = 4 * 1024 * 1024
#: Errors from opening a segment that is gone, a link, or not a regular file.
NO_SEGMENT = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV})


def damage_of(line: bytes) -> str | None:
    """Return why *line* is not an event; None if it is one."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return "no JSON: torn or damaged"
    return None if isinstance(event, dict) else "no JSON object"


def complete_lines(chunk: bytes) -> list[bytes]:
    """Return the complete lines of *chunk*, without their ends."""
    # Two to three times as fast as `bytes.split`, which looks at each byte.
    lines = io.BytesIO(chunk).readlines()
    if lines and not lines[-1].endswith(b"\n"):
        del lines[-1]
    return [line[:-1] for line in lines]


def count_lines(folder_fd: int, number: int, offset: int) -> tuple[int, int]:
    """Count the lines of a segment from *offset* on, including one without an end.

    Returns:
        The number of lines, and the size of the segment in bytes.


    Raises:
        OSError: it cannot be read now. A missing file, or one of another user, has no lines.
    """
    try:
        fd = open_to_read(segment_name(number), folder_fd)
    except OSError as error:
        if error.errno not in NO_SEGMENT:
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
