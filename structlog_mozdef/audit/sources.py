"""The events of a record: NDJSON, a spool, or the database of the collector."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import DEAD_LETTERS_FILE, LINE_LIMIT_BYTES
from structlog_mozdef.buffers.spool.segments import open_segment, read_contents
from structlog_mozdef.exceptions import AuditError, MozDefError
from structlog_mozdef.files.lines import read_part
from structlog_mozdef.files.opening import open_file, opened_folder

_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
#: A longer line is no event.
_LINE_LIMIT_BYTES = 16 * 1024 * 1024
_ACTIONS = ({"index"}, {"create"})
# What ends a name. A string with such text in it looks like more names than there are.
_NAMES = re.compile(rb'"[ \t\r\n]*:')

#: What stands for a line that is no event.
NO_EVENT: dict[str, Any] = {}


def events_of(path: str) -> Iterator[dict[str, Any]]:
    """Yield the events of the file or folder at *path*; `NO_EVENT` for each line that is none.

    Raises:
        AuditError: it cannot be read, or not to its end.
    """
    try:
        if Path(path).is_dir():
            yield from _events_in_spool(path)
            return
        with Path(path).open("rb") as file:
            start = file.read(len(_SQLITE))
            file.seek(0)
            if start == _SQLITE:
                yield from _events_in_database(path)
            elif start.startswith(_GZIP):
                with gzip.open(file) as unpacked:
                    yield from events_in_lines(unpacked)  # type: ignore[arg-type]
            else:
                yield from events_in_lines(file)
    except (OSError, EOFError, MozDefError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AuditError(f"{path!r} cannot be read: {reason}") from None


def events_in_lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the events of NDJSON: as they were sent, or as an index returns or exports them."""
    while line := stream.readline(_LINE_LIMIT_BYTES):
        if len(line) >= _LINE_LIMIT_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(_LINE_LIMIT_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield NO_EVENT
        elif line.strip():
            event = parse(line)
            if event.keys() not in _ACTIONS:
                yield event


def parse(line: bytes) -> dict[str, Any]:
    """Return the event in *line*; `NO_EVENT` where there is none.

    Nor is there one where a name comes twice in an object: who reads the line by eye or by another
    program may see another value than an auditor.
    """
    try:
        value = orjson.loads(line.removeprefix(codecs.BOM_UTF8))
        if len(_NAMES.findall(line)) > _n_names(value):
            _check_names(line)
    except (ValueError, RecursionError):  # no JSON, or deeper than any event
        return NO_EVENT
    return unwrapped(value)


def _n_names(value: Any) -> int:
    kind = type(value)
    if kind is dict:
        return len(value) + sum(map(_n_names, value.values()))
    return sum(map(_n_names, value)) if kind is list else 0


def _check_names(line: bytes) -> None:
    """Raise ValueError where a name comes twice in an object of *line*."""

    def check(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return {}

    json.loads(line.decode("utf-8-sig"), object_pairs_hook=check)


def unwrapped(value: Any) -> dict[str, Any]:
    """Return the event itself, from the ``_source`` of an index if it is in one."""
    if not isinstance(value, dict):
        return NO_EVENT
    source = value.get("_source")
    return source if isinstance(source, dict) else value


def _events_in_database(path: str) -> Iterator[dict[str, Any]]:
    from structlog_mozdef.collector.store import stored_documents

    for document in stored_documents(path):
        yield parse(document.encode())


def _events_in_spool(path: str) -> Iterator[dict[str, Any]]:
    folder = SpoolFolder.existing(path)
    try:
        for name in folder.stream_names():
            try:
                with opened_folder(name, folder.fd) as fd:
                    for number in read_contents(fd).segments:
                        yield from map(parse, _lines_of_segment(fd, number))
            except (FileNotFoundError, NotADirectoryError):
                pass  # drained meanwhile, or no stream
        yield from _events_in_dead_letters(folder)
    finally:
        folder.close()


def _events_in_dead_letters(folder: SpoolFolder) -> Iterator[dict[str, Any]]:
    try:
        fd = open_file(DEAD_LETTERS_FILE, folder.fd)
    except FileNotFoundError:
        return
    with os.fdopen(fd, "rb") as letters:
        for letter in events_in_lines(letters):
            event = letter.get("event")
            yield event if isinstance(event, dict) else NO_EVENT


def _lines_of_segment(stream_fd: int, number: int) -> Iterable[bytes]:
    fd = open_segment(stream_fd, number)
    if fd < 0:
        return
    with os.fdopen(fd, "rb", buffering=0) as segment:

        def read(length: int, offset: int) -> bytes:
            segment.seek(offset)
            return segment.read(length)

        offset = 0
        while (part := read_part(read, offset, LINE_LIMIT_BYTES)) is not None:
            offset += part.length
            if not part.is_torn:  # a process may be writing it
                yield from part.lines
