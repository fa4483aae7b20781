"""The file of the dead letters, read and rewritten line by line, while processes append to it.

Reading holds the lock only to find the end of the file. Removing reads without the lock as well,
and copies the lines that stay into a new file; under the lock it copies what was appended
meanwhile and puts the new file in the place of the old one. Lines that stay are copied byte for
byte, whatever is in them. A command that is killed leaves all letters, or the new file alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol, Self

import orjson

from structlog_mozdef._flock import try_lock
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE
from structlog_mozdef.files.lines import read_part
from structlog_mozdef.files.opening import create_file, ignored_errors, open_file
from structlog_mozdef.rendering.convert import decode_bytes

# A longer line is damage, of which the beginning is shown. An event has 4 MiB at the most.
_LINE_LIMIT_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
# Seconds that a command waits for the lock; one that only reads can do without it.
_PATIENCE, _READER_PATIENCE = 2.0, 0.2
_NEW_FILE = re.compile(re.escape(DEAD_LETTERS_FILE) + r"\.[0-9a-f]{16}")


class Letter(NamedTuple):
    """One line of the file.

    Attributes:
        text: the line without its end; of one that is too long, the beginning.
        values: what it says; of a damaged line, that it is damaged.
        is_damaged: whether a crash, or a person, has torn it.
        begin, length: where it is in the file, its end included.
    """

    text: bytes
    values: dict[str, Any]
    is_damaged: bool
    begin: int
    length: int

    @property
    def event(self) -> bytes | None:
        """The event, byte for byte as it was; None where there is none."""
        if not isinstance(self.values.get("event"), dict):
            return None
        head = {name: value for name, value in self.values.items() if name != "event"}
        before = orjson.dumps(head)[:-1] + b',"event":'
        found = self.text[len(before) : -1]
        if self.text.startswith(before) and _is_json(found):
            return found
        return orjson.dumps(self.values["event"])  # somebody has edited the file


class Taker(Protocol):
    """Receives the letters that are removed; leaving its context undoes what is not published."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def take(self, letter: Letter) -> bool:
        """Return whether *letter* is to be removed."""

    def publish(self) -> None:
        """Make sure that what was taken survives: its letters are removed next."""


def read_letters(folder: SpoolFolder) -> Iterator[Letter]:
    """Yield all dead letters, oldest first.

    Raises:
        OSError: the file is no file of ours, or cannot be read.
    """
    with contextlib.suppress(FileNotFoundError), _opened(folder, needs_lock=False) as (fd, size):
        yield from _letters_in(fd, size)


def count_letters(folder: SpoolFolder) -> int:
    """Return the number of dead letters.

    Raises:
        OSError: the file is no file of ours, or cannot be read.
    """
    with contextlib.suppress(FileNotFoundError), _opened(folder, needs_lock=False) as (fd, size):
        return sum(bool(text.strip()) for text, _, _ in _lines_in(fd, size))
    return 0


def remove_letters(folder: SpoolFolder, taker: Callable[[], Taker]) -> int:
    """Remove the letters that a *taker* takes; return their number.

    Raises:
        OSError: the file cannot be replaced, or another process keeps it locked. Nothing was
            removed. The same goes for whatever the taker raises.
    """
    removed: int | None = None
    while removed is None:
        with contextlib.ExitStack() as stack:
            try:
                fd, size = stack.enter_context(_opened(folder, needs_lock=True))
            except FileNotFoundError:
                return 0
            removed = _remove(folder, fd, size, stack.enter_context(taker()))
    return removed


def _remove(folder: SpoolFolder, fd: int, size: int, taker: Taker) -> int | None:
    """Try to remove the letters; None where somebody else has replaced the file meanwhile."""
    removed = 0
    with _NewFile(folder) as kept:
        for letter in _letters_in(fd, size):
            if taker.take(letter):
                removed += 1
            else:
                kept.copy(fd, letter.begin, letter.begin + letter.length)
        if not removed:
            return 0
        kept.sync()
        with contextlib.ExitStack() as stack:
            try:
                current = os.fstat(stack.enter_context(_file_of(folder).locked()))
            except FileNotFoundError:
                return None
            if not os.path.samestat(current, os.fstat(fd)) or current.st_size < size:
                return None
            kept.copy(fd, size, current.st_size)
            kept.sync()
            taker.publish()
            kept.replace()
    return removed


class _NewFile:
    """What the file of the dead letters is replaced by; made when it gets its first line."""

    def __init__(self, folder: SpoolFolder) -> None:
        self._folder = folder
        self._name = ""
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with ignored_errors():
                self._file.close()
        if self._name:
            with ignored_errors():
                os.unlink(self._name, dir_fd=self._folder.fd)

    def copy(self, fd: int, begin: int, end: int) -> None:
        """Append what is between two offsets of *fd*."""
        while begin < end and (data := os.pread(fd, min(_CHUNK_BYTES, end - begin), begin)):
            self._opened().write(data)
            begin += len(data)

    def _opened(self) -> BinaryIO:
        while self._file is None:
            self._name = f"{DEAD_LETTERS_FILE}.{os.urandom(8).hex()}"
            file = os.fdopen(
                create_file(self._name, os.O_RDWR, self._folder.fd), "wb", _CHUNK_BYTES
            )
            if try_lock(file.fileno()) and os.fstat(file.fileno()).st_nlink:
                self._file = file
            else:
                file.close()  # another command took it for one that was left behind
        return self._file

    def sync(self) -> None:
        """Force it to the disk."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def replace(self) -> None:
        """Put it in the place of the dead letters. Those are locked."""
        fd = self._folder.fd
        if self._file is None:
            os.unlink(DEAD_LETTERS_FILE, dir_fd=fd)
        else:
            os.rename(self._name, DEAD_LETTERS_FILE, src_dir_fd=fd, dst_dir_fd=fd)
        self._name = ""
        self._folder.sync()
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove what killed commands have left behind: nobody has it locked."""
        for name in filter(_NEW_FILE.fullmatch, self._folder.names()):
            with ignored_errors():
                fd = open_file(name, self._folder.fd)
                try:
                    if try_lock(fd):
                        os.unlink(name, dir_fd=self._folder.fd)
                finally:
                    os.close(fd)


def _file_of(folder: SpoolFolder) -> DeadLetterFile:
    return DeadLetterFile(folder, sys.maxsize)


@contextlib.contextmanager
def _opened(folder: SpoolFolder, *, needs_lock: bool) -> Iterator[tuple[int, int]]:
    """Open the file; with it comes its size at a moment when nobody was writing to it."""
    file = _file_of(folder)
    fd = file.open()
    try:
        size = os.fstat(fd).st_size
        try:
            with file.locked(_PATIENCE if needs_lock else _READER_PATIENCE) as locked:
                if os.path.samestat(os.fstat(locked), os.fstat(fd)):
                    size = os.fstat(locked).st_size
        except BlockingIOError:
            if needs_lock:
                raise
        except FileNotFoundError:
            pass  # removed meanwhile
        yield fd, size
    finally:
        os.close(fd)


def _letters_in(fd: int, size: int) -> Iterator[Letter]:
    for text, begin, length in _lines_in(fd, size):
        if text.strip():
            is_complete = length <= len(text) + 1
            values = _values_of(text) if is_complete else None
            yield Letter(text, values or _damaged(text), values is None, begin, length)


def _lines_in(fd: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each line before *size*, without its end, with its begin and its length."""

    def read(count: int, offset: int) -> bytes:
        return os.pread(fd, min(count, size - offset), offset)

    begin = 0
    while (part := read_part(read, begin, _LINE_LIMIT_BYTES)) is not None:
        for line, length in part.each():
            yield line, begin, length
            begin += length


def _values_of(text: bytes) -> dict[str, Any] | None:
    try:
        values = orjson.loads(text)
    except ValueError:
        return None  # a crash has torn it
    return values if isinstance(values, dict) and "reason" in values else None


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True


def _damaged(text: bytes) -> dict[str, Any]:
    return {"reason": "a damaged line among the dead letters", "line": decode_bytes(text)}
