"""A daemon for the local syslog: a real socket, at the one path that the C library writes to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PATH = Path("/dev/log")
# Two test runs on one machine take turns.
_TURNS = Path(tempfile.gettempdir()) / "structlog-mozdef-tests-dev-log.lock"


@contextlib.contextmanager
def local_daemon(kind: int = socket.SOCK_DGRAM) -> Iterator[socket.socket]:
    """Listen as the syslog daemon of this machine; skip the test where there is another one."""
    with _TURNS.open("w") as turns, socket.socket(socket.AF_UNIX, kind) as listener:
        fcntl.flock(turns, fcntl.LOCK_EX)
        _remove_stale()
        try:
            listener.bind(str(PATH))
        except OSError as error:
            pytest.skip(f"this machine has a syslog daemon of its own, or {error}")
        if kind == socket.SOCK_STREAM:
            listener.listen()
        listener.settimeout(5)
        try:
            yield listener
        finally:
            PATH.unlink()


def _remove_stale() -> None:
    """Remove the socket of a test run that was killed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(PATH))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(PATH)  # noqa: PTH108 - a socket
        except OSError:
            pass
