"""Lines of NDJSON, which of them were written, and what went wrong."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from structlog_mozdef.exceptions import TransportError

#: What only a change of settings can help: permissions, folders, links.
_SETTINGS = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
        *(errno.EROFS, errno.ENAMETOOLONG, errno.EBADF, errno.EPIPE),
    }
)
_BLANKS = bytes.maketrans(b"\n\r", b"  ")


def lines_of(events: Sequence[bytes]) -> list[bytes]:
    """*events* as lines; a newline in one, which JSON has only between tokens, is made a blank."""
    return [
        (event.translate(_BLANKS) if b"\n" in event or b"\r" in event else event) + b"\n"
        for event in events
    ]


def whole_lines(lines: Sequence[bytes], written: int) -> tuple[int, int]:
    """How many of *lines* are among the first *written* bytes of them, and their size."""
    size = 0
    for count, line in enumerate(lines):
        if size + len(line) > written:
            return count, size
        size += len(line)
    return len(lines), size


def transport_error_of(error: OSError, doing: str, *, ambiguous: bool = False) -> TransportError:
    """What the sink is told about *error*."""
    return TransportError(
        f"{doing}: {error.strerror or type(error).__name__}",
        retryable=error.errno not in _SETTINGS,
        ambiguous=ambiguous,
    )
