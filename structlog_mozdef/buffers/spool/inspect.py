"""A spool seen from outside: what waits in it, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import (
    StreamName,
    StreamNames,
    parse_stream_name,
    segment_name,
)
from structlog_mozdef.buffers.spool.segments import read_contents
from structlog_mozdef.files.opening import create_file, ignored_errors, opened_folder
from structlog_mozdef.rendering.timestamps import iso_timestamp


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
        left_alone: why no process will adopt it, or None.
    """

    name: str
    pid: int
    begun: str
    destination: str | None
    alive: bool
    events: int
    bytes: int
    left_alone: str | None


def inspect_folder(folder: SpoolFolder) -> list[StreamReport]:
    """Every stream, oldest first."""
    reports = []
    for name in folder.stream_names():
        parsed = parse_stream_name(name)
        if parsed is not None:
            try:
                reports.append(_report(folder, name, parsed))
            except FileNotFoundError:
                pass  # drained meanwhile
            except NotADirectoryError:
                pass  # no stream
    return reports


def has_orphans(folder: SpoolFolder) -> bool:
    """Return whether there is a stream that no process holds, and that one can adopt."""
    for name in folder.stream_names():
        try:
            with opened_folder(name, folder.fd) as fd:
                if not _flock.is_locked(fd) and folder.reason_to_leave(fd) is None:
                    read_contents(fd)
                    return True
        except OSError:
            continue  # it is gone, or cannot be read
    return False


def remove_orphans(folder: SpoolFolder) -> int:
    """Remove the streams that no process holds; return how many events waited in them."""
    removed = 0
    for name in folder.stream_names():
        stream = folder.lock_orphan(name)
        if stream is not None:
            with ignored_errors():  # it cannot be read
                removed += read_contents(stream.fd).events
            folder.remove_stream(stream)
    return removed


def _report(folder: SpoolFolder, name: str, parsed: StreamName) -> StreamReport:
    events = size = 0
    alive, reason = False, None
    try:
        with opened_folder(name, folder.fd) as fd:
            alive, reason = _flock.is_locked(fd), folder.reason_to_leave(fd)
            found = read_contents(fd)
            events, size = found.events, sum(each.size for each in found.segments.values())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
    return StreamReport(
        name=name,
        pid=parsed.pid,
        begun=iso_timestamp(parsed.begun / 1000) or "",
        destination=folder.destination_of(name),
        alive=alive,
        events=events,
        bytes=size,
        left_alone=reason,
    )


def write_orphan(folder: SpoolFolder, destination: str, events: Iterable[bytes]) -> None:
    """Put *events* into a stream that the next sink on the folder adopts.

    Raises:
        OSError: it cannot be written.
        SpoolError: the folder serves another destination.
    """
    target = SpoolFolder(folder.path, destination)
    try:
        stream = target.create_stream(StreamNames().next())
        try:
            fd = create_file(segment_name(1), os.O_WRONLY, stream.fd)
            with os.fdopen(fd, "wb") as file:
                file.writelines(event + b"\n" for event in events)
                file.flush()
                os.fsync(file.fileno())
            os.fsync(stream.fd)
            target.sync()
        except OSError:
            target.remove_stream(stream)
            raise
        stream.close()
    finally:
        target.close()
