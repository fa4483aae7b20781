"""A spool seen from outside: what waits in it, and whose it is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson

from structlog_mozdef import _flock
from structlog_mozdef.buffers.base import Buffer
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import LINE_LIMIT_BYTES, StreamName, parse_stream_name
from structlog_mozdef.buffers.spool.segments import Contents, open_segment, read_contents
from structlog_mozdef.files.lines import read_part
from structlog_mozdef.files.opening import TOO_MANY_OPEN, ignored_errors, opened_folder
from structlog_mozdef.rendering.timestamps import iso_timestamp

# A larger event is not parsed for its timestamp: that can take twenty times as much memory.
_PARSED_BYTES = 1024 * 1024


@dataclass(frozen=True)
class StreamReport:
    """One stream of a spool.

    Attributes:
        name: of its folder.
        pid: of the process that began it.
        begun: when, in ISO 8601.
        destination: where its events go, or None where that cannot be read.
        alive: whether a process holds it.
        events: that wait.
        bytes: of its segments, those parts that are settled included.
        oldest: when the oldest event that waits was written, in seconds of ``time.time``; None
            where none waits.
        left_alone: why no process will adopt it, or None.
        readable: whether the counts are known.
    """

    name: str
    pid: int
    begun: str
    destination: str | None
    alive: bool
    events: int
    bytes: int
    oldest: float | None
    left_alone: str | None
    readable: bool


def inspect_folder(folder: SpoolFolder) -> list[StreamReport]:
    """Every stream, oldest first."""
    reports = []
    for name in folder.stream_names():
        parsed = parse_stream_name(name)
        assert parsed is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # drained, or no stream
            reports.append(_report(folder, name, parsed))
    return reports


def is_drained(folder: SpoolFolder, buffer: Buffer) -> bool:
    """Return whether nothing waits for *buffer*, which adopts the orphans in *folder*.

    Raises:
        OSError: the folder cannot be read now.
    """
    # In the order in which a stream goes through these, so that none is missed on its way.
    return not (has_orphans(folder) or buffer.is_adopting() or buffer.counts().buffered)


def has_orphans(folder: SpoolFolder) -> bool:
    """Return whether there is a stream that no process holds, and that one can adopt.

    While this process can open no more files, there may be one.

    Raises:
        OSError: the folder cannot be read now.
    """
    try:
        return any(_is_orphan(folder, name) for name in folder.stream_names())
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            return True
        raise


def _is_orphan(folder: SpoolFolder, name: str) -> bool:
    try:
        with opened_folder(name, folder.fd) as fd:
            if _flock.is_locked(fd) or folder.reason_to_leave(fd) is not None:
                return False
            read_contents(fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return False  # it is gone, or cannot be read
    return True


def remove_orphans(folder: SpoolFolder, names: Iterable[str]) -> int:
    """Remove those streams that no process holds; return how many events waited in them."""
    removed = 0
    for name in names:
        stream = folder.lock_orphan(name)
        if stream is not None:
            with ignored_errors():  # it cannot be read
                removed += read_contents(stream.fd).events
            folder.remove_stream(stream)
    return removed


def _report(folder: SpoolFolder, name: str, parsed: StreamName) -> StreamReport:
    events = size = 0
    alive, reason, oldest, readable = False, None, None, True
    begun = parsed.begun / 1000
    try:
        with opened_folder(name, folder.fd) as fd:
            alive, reason = _flock.is_locked(fd), folder.reason_to_leave(fd)
            found = read_contents(fd)
            events, size = found.events, sum(each.size for each in found.segments.values())
            oldest = _oldest(fd, found, begun) if events else None
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        reason, readable = f"it cannot be read: {error.strerror}", False
    return StreamReport(
        name=name,
        pid=parsed.pid,
        begun=iso_timestamp(begun) or "",
        destination=folder.destination_of(name),
        alive=alive,
        events=events,
        bytes=size,
        oldest=oldest,
        left_alone=reason,
        readable=readable,
    )


def _oldest(stream_fd: int, contents: Contents, begun: float) -> float | None:
    """Return when the first event that waits was written, as well as that can be known.

    That is between the begin of the stream and the last write to the segment. In between, the
    timestamp of the event decides, which a program may have set to any time.
    """
    for number in sorted(contents.segments):
        fd = open_segment(stream_fd, number)
        if fd < 0:
            continue  # delivered meanwhile
        try:
            acked = contents.acked
            begin = acked.offset if number == acked.segment else 0
            part = read_part(partial(os.pread, fd), begin, LINE_LIMIT_BYTES)
            written_at = os.fstat(fd).st_mtime
        finally:
            os.close(fd)
        if part is not None:
            timestamp = _timestamp_of(part.lines[0])
            return written_at if timestamp is None else min(max(timestamp, begun), written_at)
    return None


def _timestamp_of(line: bytes) -> float | None:
    if len(line) > _PARSED_BYTES:
        return None
    try:
        moment = datetime.fromisoformat(orjson.loads(line)["timestamp"])
        return None if moment.tzinfo is None else moment.timestamp()
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
