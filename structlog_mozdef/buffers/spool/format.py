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
    """The file name of a segment."""
    return f"{number:010d}.ndjson"


def segment_numbers(folder_fd: int) -> list[int]:
    """The segments of a stream, oldest first."""
    matches = map(_SEGMENT_NAME.fullmatch, os.listdir(folder_fd))
    return sorted(int(match[1]) for match in matches if match)


# Metadata: ``stream.json``.

#: A stream of a later format is left alone.
FORMAT = 1
#: Stands for the destination of whoever only looks.
ANY_DESTINATION = "*"


class StreamMetadata(NamedTuple):
    """What ``stream.json`` says; None where it does not say it legibly."""

    destination: str | None
    format: int | None


def read_metadata(stream_fd: int) -> StreamMetadata:
    """What the stream whose folder is open as *stream_fd* notes of itself."""
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
    """Why the stream whose folder is open as *stream_fd* is not for *destination*, and us."""
    if os.fstat(stream_fd).st_uid != os.geteuid():
        return "it belongs to another user"
    metadata = read_metadata(stream_fd)
    # Where the note is damaged, the folder itself serves our destination.
    if metadata.format is not None and metadata.format > FORMAT:
        return f"it has format {metadata.format}, of a later version of structlog-mozdef"
    if (
        destination not in (ANY_DESTINATION, metadata.destination)
        and metadata.destination is not None
    ):
        return f"it holds events for {metadata.destination!r}"
    return None


# The ack offset: ``position``.

_ACK_OFFSET = re.compile(rb"((\d{10}) (\d{20})) ([0-9a-f]{8})\n")
_UNFINISHED = f"{ACK_OFFSET_FILE}.new"


class AckOffsetFile:
    """Writes the position of the stream whose folder is open as *folder_fd*.

    Attributes:
        is_behind: whether the disk refused the last position.
    """

    def __init__(self, folder_fd: int) -> None:
        self._folder_fd = folder_fd
        self._fd = -1
        self.is_behind = False

    def write(self, segment: int, offset: int) -> None:
        """Everything before *offset* of *segment* is settled."""
        offset_text = b"%010d %020d" % (segment, offset)
        text = b"%b %08x\n" % (offset_text, zlib.crc32(offset_text))
        try:
            if self._fd < 0:
                self._fd = self._put_in_place(text)
            os.pwrite(self._fd, text, 0)
            self.is_behind = False
        except OSError:
            self.is_behind = True  # a full disk: a crash repeats more than one batch then

    def _put_in_place(self, text: bytes) -> int:
        """Replace whatever is there: it may be no file, or no file of ours."""
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
        """Let go of the file."""
        # Forgotten before it is closed: after a fork, a child closes what it finds here.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_ack_offset(folder_fd: int, segments: list[int]) -> tuple[int, int]:
    """The segment and offset that everything before is settled.

    Where it is missing or makes no sense, the beginning: repeats are allowed, losses are not.

    Raises:
        OSError: no file can be opened now.
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
        # At the very end of a torn file there is no line end before the position.
        return offset == size or (offset < size and os.pread(fd, 1, offset - 1) == b"\n")
    finally:
        os.close(fd)


# Lines of a segment.

#: What is read at once. More does not stay in the cache of the processor, and takes twice as long.
CHUNK_BYTES = 64 * 1024
#: A longer line is damage; a longer event is not taken.
LINE_LIMIT_BYTES = 4 * 1024 * 1024
#: What opening says of a segment that is gone, a link, or no regular file.
NO_SEGMENT = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENODEV})


def damage_of(line: bytes) -> str | None:
    """Why *line* is no event; None where it is one."""
    try:
        event = orjson.loads(line)
    except ValueError:
        return "no JSON: torn or damaged"
    return None if isinstance(event, dict) else "no JSON object"


def whole_lines(chunk: bytes) -> list[bytes]:
    """The lines of *chunk* without their ends; what is behind the last end is left out."""
    # Two to three times as fast as `bytes.split`, which looks at each byte.
    lines = io.BytesIO(chunk).readlines()
    if lines and not lines[-1].endswith(b"\n"):
        del lines[-1]
    return [line[:-1] for line in lines]


def count_lines(folder_fd: int, number: int, offset: int) -> tuple[int, int]:
    """The lines of a segment from *offset* on, one without an end included; and its size.

    Raises:
        OSError: it cannot be read now. What is missing, or no file of ours, has no lines.
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
