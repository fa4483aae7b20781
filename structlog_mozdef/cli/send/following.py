"""Files that other programs write, as ``tail -F`` follows them: through rotations and truncations.

A file that is renamed or removed is read on until nobody has written to it for a minute: a program
goes on writing to the old file until it opens the new one. Of a file that is truncated and written
again between two looks, what came in between is not seen.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from structlog_mozdef.cli.ending import StopReading
from structlog_mozdef.cli.send.reading import STANDARD_INPUT, Splitter, unreadable
from structlog_mozdef.cli.terminal import printable

#: Seconds between two looks where there was nothing new.
_POLL_INTERVAL = 0.25
#: Seconds without anything new after which a file is closed that has its name no more.
_LEFT_AFTER = 60.0
#: Bytes that are read of one file before the next one has its turn.
_CHUNK_BYTES = 64 * 1024


class Identity(NamedTuple):
    """What tells a file from others, whatever its name."""

    device: int
    inode: int


class OpenFile:
    """A file that is open, and how far it was read.

    Attributes:
        identity: of the file.
        offset: up to which its lines were read.
        has_grown: whether there was something new the last time, were it a part of a line.
    """

    def __init__(self, fd: int, offset: int = 0) -> None:
        status = os.fstat(fd)
        self.identity = Identity(status.st_dev, status.st_ino)
        self.offset = 0
        self.has_grown = False
        self._fd = fd
        self._read_to = 0
        self._splitter = Splitter()
        self._grown_at = time.monotonic()
        self._seek(offset if offset <= status.st_size else 0)

    def _seek(self, offset: int) -> None:
        self.offset = self._read_to = os.lseek(self._fd, offset, os.SEEK_SET)

    def seek_end(self) -> None:
        """Leave out what is in it."""
        self._seek(os.fstat(self._fd).st_size)

    def begin(self, size: int) -> bytes:
        """Return its first *size* bytes."""
        try:
            os.lseek(self._fd, 0, os.SEEK_SET)
            return os.read(self._fd, size)
        finally:
            os.lseek(self._fd, self._read_to, os.SEEK_SET)

    def new_lines(self) -> list[bytes]:
        """Return some of the lines that were written since the last time."""
        lines = []
        if os.fstat(self._fd).st_size < self._read_to:
            lines = self.rest()
            self._seek(0)
        chunk = os.read(self._fd, _CHUNK_BYTES)
        self.has_grown = bool(chunk)
        if chunk:
            self._grown_at = time.monotonic()
            self._read_to += len(chunk)
            lines += self._splitter.feed(chunk)
            end = chunk.rfind(b"\n")
            if end >= 0:
                self.offset = self._read_to - len(chunk) + end + 1
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line, if it has no end."""
        self.offset = self._read_to
        return self._splitter.rest()

    @property
    def is_left(self) -> bool:
        """Whether nobody has written to it for a while."""
        return time.monotonic() - self._grown_at > _LEFT_AFTER

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


class FollowedFile:
    """All files that have, or had, one name; the current one comes last.

    Args:
        path: the name.
        files: those that were opened before.
    """

    def __init__(self, path: str, files: Sequence[OpenFile] = ()) -> None:
        self.path = path
        self.files = list(files)
        self._problem = ""

    def new_lines(self) -> list[bytes]:
        """Return some of the lines that were written since the last time."""
        problem = self._open_current()
        lines: list[bytes] = []
        for file in self.files.copy():
            try:
                lines = file.new_lines()
            except OSError as error:  # of a disk or a network; the next look may find it mended
                problem = problem or _reason(error)
                lines, file.has_grown = [], False
            if file is not self.files[-1] and file.is_left:
                lines += file.rest()
                self.files.remove(file)
                file.close()
            if lines or file.has_grown:
                break  # the newer files come after this one
        self._note(problem)
        return lines

    @property
    def has_grown(self) -> bool:
        """Whether there was something new the last time, were it a part of a line."""
        return any(file.has_grown for file in self.files)

    def look(self) -> None:
        """Open the file that has the name now, if it is another one."""
        self._note(self._open_current())

    def _open_current(self) -> str:
        """Do that, and return why it is not possible."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - it is a string
            identity = Identity(status.st_dev, status.st_ino)
            if self.files and self.files[-1].identity == identity:
                return ""
            known = [file for file in self.files if file.identity == identity]
            if not known:
                known = [_open(self.path)]
        except OSError as error:
            return _reason(error)
        self.files = [file for file in self.files if file not in known] + known
        return ""

    def _note(self, problem: str) -> None:
        """Say why the file cannot be read, once for each reason."""
        if problem and problem != self._problem:
            print(f"{printable(self.path)} is waited for: {problem}", file=sys.stderr)
        self._problem = problem

    def rest(self) -> list[bytes]:
        """Return the last lines that have no end."""
        return [line for file in self.files for line in file.rest()]

    def close(self) -> None:
        """Close all files."""
        for file in self.files:
            file.close()
        self.files.clear()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _open(path: str) -> OpenFile:
    # Without waiting for somebody who writes into what is a pipe.
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(0, "it is no file")
    return OpenFile(fd)


def check_followed(paths: Sequence[str]) -> None:
    """Check that all can be followed. A file that is missing may come.

    Raises:
        ValueError: one cannot.
    """
    if not paths or STANDARD_INPUT in paths:
        raise ValueError("--follow is for files: name at least one, and not -")
    for path in paths:
        try:
            with contextlib.suppress(FileNotFoundError):
                _open(path).close()
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from None


def followed_lines(files: Sequence[FollowedFile], stop: StopReading) -> Iterator[bytes | None]:
    """Yield the lines of *files*, until a signal comes; None after each look at all of them."""
    while not stop.status:
        is_quiet = True
        for file in files:
            yield from [] if stop.status else file.new_lines()
            is_quiet = is_quiet and not file.has_grown
        yield None
        if is_quiet:
            stop.wait(_POLL_INTERVAL)
