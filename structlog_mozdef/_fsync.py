"""Forcing what was written to the disk, with the call that each platform has."""

from __future__ import annotations

import os


def sync_data(fd: int) -> None:
    """Force the contents of the open file *fd* to the disk.

    macOS and Windows have no ``fdatasync``. ``fsync`` stands in for it there: it writes the times
    of the file as well, which costs more and promises no less.
    """
    # Looked up with each call: a disk takes a thousand times longer.
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)
