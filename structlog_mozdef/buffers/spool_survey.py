"""A look at a spool from outside: what waits in it, and whose it is. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from structlog_mozdef.buffers import locks
from structlog_mozdef.buffers.spool_folder import (
    STREAM_FILE,
    SpoolFolder,
    create_file,
    open_folder,
    open_to_read,
    segment_name,
    segment_numbers,
)
from structlog_mozdef.buffers.spool_stream import count_lines, read_position
from structlog_mozdef.timestamps import iso_timestamp


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
    """

    name: str
    pid: int
    begun: str
    destination: str | None
    alive: bool
    events: int
    bytes: int


def survey(folder: SpoolFolder) -> list[StreamReport]:
    """Every stream, oldest first."""
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
    """Whether there is a stream that no process holds."""
    for name in folder.stream_names():
        try:
            fd = open_folder(name, folder.fd)
        except OSError:
            continue
        try:
            if not _is_held(fd):
                return True
        finally:
            os.close(fd)
    return False


def _report(folder: SpoolFolder, name: str, fd: int) -> StreamReport:
    begun, pid, _ = name.split("-")
    segments = segment_numbers(fd)
    first, offset = read_position(fd, segments)
    events = sum(
        count_lines(fd, number, offset if number == first else 0)
        for number in segments
        if number >= first
    )
    size = 0
    for number in segments:
        try:
            size += os.stat(segment_name(number), dir_fd=fd, follow_symlinks=False).st_size
        except OSError:
            pass  # drained meanwhile
    return StreamReport(
        name=name,
        pid=int(pid),
        begun=iso_timestamp(int(begun) / 1000) or "",
        destination=folder.destination_of(name),
        alive=_is_held(fd),
        events=events,
        bytes=size,
    )


def _is_held(folder_fd: int) -> bool:
    try:
        fd = open_to_read(STREAM_FILE, folder_fd)
    except OSError:
        return False
    try:
        return not locks.try_lock(fd)
    finally:
        os.close(fd)


def write_orphan(path: str, destination: str, events: Iterable[bytes]) -> None:
    """Put *events* into a stream that the next sink on the folder adopts.

    Raises:
        OSError: it cannot be written.
        SpoolError: the folder serves another destination.
    """
    place = SpoolFolder(path, destination).create_stream()
    try:
        fd = create_file(segment_name(1), os.O_WRONLY, place.fd)
        with os.fdopen(fd, "wb") as file:
            file.writelines(event + b"\n" for event in events)
            file.flush()
            os.fsync(file.fileno())
    finally:
        place.close()
