"""The acknowledged position of a stream: everything before it is settled.

One line of fixed length, ``SEGMENT OFFSET CHECKSUM``, overwritten in its place. The checksum
(CRC 32, in hexadecimal) is of what stands before it: half of a new position and half of an old one
would be a place that nobody has reached.
"""

from __future__ import annotations

import os
import re
import zlib

from structlog_mozdef.buffers.spool.files import (
    POSITION_FILE,
    TOO_MANY_OPEN,
    create_file,
    open_to_read,
    quarantine,
    segment_name,
)

_POSITION = re.compile(rb"((\d{10}) (\d{20})) ([0-9a-f]{8})\n")
_UNFINISHED = f"{POSITION_FILE}.new"


class PositionFile:
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
        place = b"%010d %020d" % (segment, offset)
        text = b"%b %08x\n" % (place, zlib.crc32(place))
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
                quarantine(POSITION_FILE, self._folder_fd)
                self._rename()
        except OSError:
            os.close(fd)
            raise
        return fd

    def _rename(self) -> None:
        folder = self._folder_fd
        os.rename(_UNFINISHED, POSITION_FILE, src_dir_fd=folder, dst_dir_fd=folder)

    def close(self) -> None:
        """Let go of the file."""
        # Forgotten before it is closed: after a fork, a child closes what it finds here.
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_position(folder_fd: int, segments: list[int]) -> tuple[int, int]:
    """The segment and offset that everything before is settled.

    Where it is missing or makes no sense, the beginning: repeats are allowed, losses are not.

    Raises:
        OSError: no file can be opened now.
    """
    beginning = (segments[0] if segments else 1, 0)
    try:
        fd = open_to_read(POSITION_FILE, folder_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return beginning
    try:
        match = _POSITION.fullmatch(os.pread(fd, 100, 0))
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
