"""A look at a spool from outside: what waits in it, and whose it is. Changes nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import StreamName, parse_stream_name, segment_name
from structlog_mozdef.buffers.spool.safe_files import create_file, ignored_errors, opened_folder
from structlog_mozdef.buffers.spool.stream import survey
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
    """Tell whether there is a stream that no process holds, and that one can adopt."""
    for name in folder.stream_names():
        try:
            with opened_folder(name, folder.fd) as fd:
                if not _is_held(fd) and folder.reason_to_leave(fd) is None:
                    survey(fd)
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
                removed += survey(stream.fd).events
            folder.remove_stream(stream)
    return removed


def _report(folder: SpoolFolder, name: str, parsed: StreamName) -> StreamReport:
    events = size = 0
    alive, reason = False, None
    try:
        with opened_folder(name, folder.fd) as fd:
            alive, reason = _is_held(fd), folder.reason_to_leave(fd)
            found = survey(fd)
            events, size = found.events, sum(found.sizes.values())
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


def _is_held(stream_fd: int) -> bool:
    # A lock that is held for a moment: who adopts meanwhile tries again later.
    if not _flock.try_lock(stream_fd, shared=True):
        return True
    _flock.unlock(stream_fd)
    return False


def write_orphan(folder: SpoolFolder, destination: str, events: Iterable[bytes]) -> None:
    """Put *events* into a stream that the next sink on the folder adopts.

    Raises:
        OSError: it cannot be written.
        SpoolError: the folder serves another destination.
    """
    target = SpoolFolder(folder.path, destination)
    try:
        name = StreamName(time.time_ns() // 1_000_000, os.getpid(), os.urandom(8).hex())
        stream = target.create_stream(name)
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
