"""Advisory locks on files and folders (``flock``): they end with the process that holds them."""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Whether this platform has such locks.
AVAILABLE = fcntl is not None


def lock(fd: int) -> None:
    """Lock the open file *fd*; waits for whoever holds it."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def try_lock(fd: int) -> bool:
    """Lock the open file *fd*; False where somebody else holds it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    """Let others lock the open file *fd*."""
    fcntl.flock(fd, fcntl.LOCK_UN)
