"""Advisory locks on files and folders (``flock``), which end with the process that holds them.

Windows has none: check `AVAILABLE` first.
"""

from __future__ import annotations

import time
from typing import Any

from structlog_mozdef._deadline import Deadline

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: Whether this platform has such locks.
AVAILABLE = fcntl is not None

# Seconds between two attempts to lock.
_POLL_INTERVAL = 0.005


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Lock the open file *fd*; False where somebody else holds it.

    Two who ask for a *shared* lock do not disturb each other.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_by(fd: int, deadline: Deadline) -> bool:
    """Lock the open file *fd*; False where somebody else holds it until *deadline*."""
    while not try_lock(fd):
        if deadline.expired:
            return False
        time.sleep(_POLL_INTERVAL)
    return True


def is_locked(fd: int) -> bool:
    """Return whether somebody else holds the lock on the open file *fd*.

    It is locked for a moment to find out: who tries meanwhile to lock it has to try again.
    """
    if not try_lock(fd, shared=True):
        return True
    unlock(fd)
    return False


def unlock(fd: int) -> None:
    """Release the lock on the open file *fd*."""
    fcntl.flock(fd, fcntl.LOCK_UN)
