"""The lines of files and of standard input, for ``send``: plain, or in gzip."""

from __future__ import annotations

import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence

from structlog_mozdef.cli.ending import StopReading

#: Longer lines are truncated: the maximum size of an event is a tenth of this.
LINE_LIMIT_BYTES = 1_000_000
_CHUNK_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

STANDARD_INPUT = "-"


class Splitter:
    """Makes lines of chunks of bytes. A line that is too long comes with one byte too many."""

    def __init__(self) -> None:
        self._begin = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in *chunk*, without their ends."""
        lines = chunk.split(b"\n")
        lines[0] = self._joined(lines[0])
        self._begin = lines.pop()
        return lines

    def _joined(self, more: bytes) -> bytes:
        if len(self._begin) > LINE_LIMIT_BYTES:
            return self._begin
        return (self._begin + more)[: LINE_LIMIT_BYTES + 1]

    def rest(self) -> list[bytes]:
        """Return the line that has no end, if there is one, and begin again."""
        rest, self._begin = self._begin, b""
        return [rest] if rest else []


def check_sources(sources: Sequence[str]) -> None:
    """Check that all can be read, before the first one is.

    Raises:
        ValueError: one cannot, or standard input is named twice.
    """
    if sources.count(STANDARD_INPUT) > 1:
        raise ValueError("FILE is - more than once; there is one standard input")
    for source in sources:
        if source == STANDARD_INPUT:
            if sys.stdin is None:
                raise ValueError("standard input is closed")
            continue
        try:
            if stat.S_ISDIR(os.stat(source).st_mode):  # noqa: PTH116 - it is a string
                raise IsADirectoryError(0, "it is a folder")
            if not os.access(source, os.R_OK):
                raise PermissionError(0, "Permission denied")
        except (OSError, ValueError) as error:
            raise unreadable(source, error) from None


def unreadable(source: str, error: Exception) -> ValueError:
    """Return the error that *source* cannot be read."""
    reason = getattr(error, "strerror", None) or str(error)
    return ValueError(f"FILE is {source!r}, which cannot be read: {reason}")


def lines_of(
    sources: Sequence[str], stop: StopReading, on_read: Callable[[int], object]
) -> Iterator[bytes]:
    """Yield the lines of all *sources*, until a signal comes.

    Args:
        sources: files, or ``-``.
        stop: ends it.
        on_read: is given the number of bytes that were read, each time.

    Raises:
        ValueError: a file cannot be read to its end. What could be read was yielded.
    """
    for source in sources:
        splitter = Splitter()
        try:
            for chunk in _unpacked(_chunks_of(source, stop, on_read), stop):
                yield from splitter.feed(chunk)
        except (OSError, EOFError, zlib.error) as error:
            yield from splitter.rest()
            raise unreadable(source, error) from None
        yield from splitter.rest()


def size_of(sources: Sequence[str]) -> int | None:
    """Return the size of all *sources*; None where it is not known."""
    sizes = 0
    for source in sources:
        if source == STANDARD_INPUT:
            return None
        status = os.stat(source)  # noqa: PTH116 - it is a string
        if not stat.S_ISREG(status.st_mode):
            return None
        sizes += status.st_size
    return sizes


def _chunks_of(source: str, stop: StopReading, on_read: Callable[[int], object]) -> Iterator[bytes]:
    fd = sys.stdin.fileno() if source == STANDARD_INPUT else stop.open(source)
    if fd < 0:
        return
    try:
        while chunk := stop.read(fd, _CHUNK_BYTES):
            on_read(len(chunk))
            yield chunk
    finally:
        if source != STANDARD_INPUT:
            os.close(fd)


def _unpacked(chunks: Iterator[bytes], stop: StopReading) -> Iterator[bytes]:
    """Yield *chunks*, unpacked if they are gzip.

    Raises:
        EOFError: the end of a member is missing.
        zlib.error: it is damaged.
    """
    begin = b""
    unpacker = None
    for chunk in chunks:
        if unpacker is None:
            begin += chunk
            if len(begin) < len(_GZIP) and _GZIP.startswith(begin):
                continue
            if not begin.startswith(_GZIP):
                yield begin
                yield from chunks
                return
            unpacker, chunk = zlib.decompressobj(_GZIP_WINDOW), begin  # noqa: PLW2901
        while chunk:
            if unpacker.eof:
                chunk = chunk.lstrip(b"\0")  # noqa: PLW2901 - padding between members
                if not chunk:
                    break
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
            yield unpacker.decompress(chunk, _CHUNK_BYTES)
            chunk = unpacker.unconsumed_tail or unpacker.unused_data  # noqa: PLW2901
    if unpacker is None:
        yield begin
        return
    yield unpacker.flush()
    if not unpacker.eof and not stop.status:
        raise EOFError("the end of the gzip file is missing")
