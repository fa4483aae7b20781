"""What a stream notes of itself: its format, and where its events go."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from structlog_mozdef.buffers.spool.files import STREAM_FILE, TOO_MANY_OPEN, open_to_read

#: A stream of a later format is left alone.
FORMAT = 1
#: Stands for the destination of whoever only looks.
ANY_DESTINATION = "*"


class StreamMetadata(NamedTuple):
    """What ``stream.json`` says; None where it does not say it legibly."""

    destination: str | None
    format: int | None


def read_metadata(stream_fd: int) -> StreamMetadata:
    """What the stream whose folder is open as *stream_fd* notes of itself."""
    try:
        fd = open_to_read(STREAM_FILE, stream_fd)
    except OSError as error:
        if error.errno in TOO_MANY_OPEN:
            raise
        return StreamMetadata(None, None)
    try:
        note = json.loads(os.pread(fd, 10_000, 0))
        destination, number = note.get("destination"), note.get("format")
    except (OSError, ValueError, AttributeError, RecursionError):
        return StreamMetadata(None, None)
    finally:
        os.close(fd)
    return StreamMetadata(
        destination if isinstance(destination, str) else None,
        number if type(number) is int else None,
    )


def reason_to_leave(stream_fd: int, destination: str) -> str | None:
    """Why the stream whose folder is open as *stream_fd* is not for *destination*, and us."""
    if os.fstat(stream_fd).st_uid != os.geteuid():
        return "it belongs to another user"
    note = read_metadata(stream_fd)
    # Where the note is damaged, the folder itself serves our destination.
    if note.format is not None and note.format > FORMAT:
        return f"it has format {note.format}, of a later version of structlog-mozdef"
    if destination not in (ANY_DESTINATION, note.destination) and note.destination is not None:
        return f"it holds events for {note.destination!r}"
    return None
