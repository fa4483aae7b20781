"""A read-only view of a spool: what waits in it, and whose it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import (
    ANY_DESTINATION,
    count_lines,
    read_ack_offset,
    reason_not_to_adopt,
    segment_name,
    segment_numbers,
)
from structlog_mozdef.buffers.spool.safe_files import create_file, open_folder
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
        bytes: of its segments, including settled parts.
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
    """Return a report for every stream, oldest first."""
    reports = []
    for name in folder.stream_names():
        try:
            fd = open_folder(name, folder.fd)
        except OSError:
            continue  # drained meanwhile, or no folder
        try:
            reports.append(_report(folder, name, fd))
        finally:
            os.close(fd)
    return reports


def has_orphans(folder: SpoolFolder) -> bool:
    """Return whether there is a stream without an owner that can be adopted."""
    for name in folder.stream_names():
        try:
            fd = open_folder(name, folder.fd)
        except OSError:
            continue
        try:
            if not _is_held(fd) and reason_not_to_adopt(fd, ANY_DESTINATION) is None:
                return True
        finally:
            os.close(fd)
    return False


def _report(folder: SpoolFolder, name: str, fd: int) -> StreamReport:
    begun, pid, _ = name.split("-")
    segments = segment_numbers(fd)
    first, offset = read_ack_offset(fd, segments)
    events, size = 0, 0
    for number in segments:
        lines, segment_size = count_lines(fd, number, offset if number == first else 0)
        size += segment_size
        if number >= first:
            events += lines
    return StreamReport(
        name=name,
        pid=int(pid),
        begun=iso_timestamp(int(begun) / 1000) or "",
        destination=folder.destination_of(name),
        alive=_is_held(fd),
        events=events,
        bytes=size,
        left_alone=reason_not_to_adopt(fd, ANY_DESTINATION),
    )


def _is_held(stream_fd: int) -> bool:
    # The lock is held for a moment: a process that adopts meanwhile tries again later.
    if not _flock.try_lock(stream_fd):
        return True
    _flock.unlock(stream_fd)
    return False


def write_orphan(folder: SpoolFolder, destination: str, events: Iterable[bytes]) -> None:
    """Write *events* into a stream that the next sink on the folder adopts.

    Raises:
        OSError: it cannot be written.
        SpoolError: the folder serves another destination.
    """
    target = SpoolFolder(folder.path, destination)
    try:
        stream_lock = target.create_stream()
        try:
            fd = create_file(segment_name(1), os.O_WRONLY, stream_lock.fd)
            with os.fdopen(fd, "wb") as file:
                file.writelines(event + b"\n" for event in events)
                file.flush()
                os.fsync(file.fileno())
            os.fsync(stream_lock.fd)
            target.sync()
        except OSError:
            target.remove_stream(stream_lock)
            raise
        stream_lock.close()
    finally:
        target.close()
