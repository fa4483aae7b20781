"""What an error of a file means for the events."""

from __future__ import annotations

import errno

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.errors import os_error

#: What only a change of settings can help: permissions, folders, links.
_SETTINGS = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
        *(errno.EROFS, errno.ENAMETOOLONG, errno.EBADF, errno.EPIPE),
    }
)


def file_error(
    error: OSError, doing: str = "the file cannot be written", *, ambiguous: bool = False
) -> TransportError:
    """Return what *error* means for the events; *doing* is the beginning of the sentence."""
    return os_error(error, doing, ambiguous=ambiguous, settings=_SETTINGS)
