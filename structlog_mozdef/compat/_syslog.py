"""The syslog of this machine, by the C library, as the old clients wrote to it.

So what the program sets by `syslog.openlog` and `syslog.setlogmask` counts. But the C library says
nothing of failures, and waits forever for a daemon that does not read; so the daemon is tried
first. And it holds a lock while it writes, which in a child that was forked at that moment nobody
ever releases: such a child writes without the C library.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.transports.syslog.format import FACILITIES, priority_of, rfc3164_time

#: Where the C library writes to.
_PATH = "/var/run/syslog" if sys.platform == "darwin" else "/dev/log"
_USER = FACILITIES.index("user") << 3


class LocalSyslog:
    """The local syslog daemon.

    Args:
        path: of the daemon's socket.
        timeout: seconds that a daemon which does not read may delay the caller.
    """

    def __init__(self, path: str = _PATH, timeout: float = 1.0) -> None:
        self._path = path
        self._timeout = timeout
        # The threads that may be in the C library. Each changes the set in one step.
        self._writing: set[int] = set()
        self._has_c_library = True
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        if self._writing - {threading.get_ident()}:
            self._has_c_library = False
        self._writing = set()

    def write(self, line: str, severity: object, facility: int | None = None) -> None:
        """Write *line* with the priority of *severity*.

        Args:
            line: the message.
            severity: one of MozDef's; INFO replaces an unknown one.
            facility: a constant of `syslog`. Default: that of the program.

        Raises:
            MozDefError: the daemon does not accept the line.
        """
        write = _c_library() if self._has_c_library else None
        line = line.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
        priority = priority_of(severity, 0) | (facility or 0)
        try:
            if write is None:
                self._try(_head(priority) + line)
            else:
                self._try(None)
                self._write_by(write, priority, line)
        except (OSError, RuntimeError) as error:  # the second in a subinterpreter
            reason = getattr(error, "strerror", None) or error
            raise MozDefError(
                f"syslog at {self._path} does not accept the event: {reason}"
            ) from error

    def _write_by(self, write: Callable[[int, str], Any], priority: int, line: str) -> None:
        thread = threading.get_ident()
        try:
            self._writing.add(thread)
            write(priority, line)
        finally:
            self._writing.discard(thread)

    def _try(self, line: str | None) -> None:
        """Write *line*, if there is one; raise OSError if no daemon is there, or none reads."""
        data = b"" if line is None else line.encode("utf-8")
        try:
            self._try_by(socket.SOCK_DGRAM, data)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            # Some daemons listen for connections, where a zero byte ends a message.
            self._try_by(socket.SOCK_STREAM, data and data + b"\0")

    def _try_by(self, kind: int, data: bytes) -> None:
        if sys.platform == "win32":
            return
        with socket.socket(socket.AF_UNIX, kind) as connection:
            connection.settimeout(self._timeout)
            connection.connect(self._path)
            waiting = select.poll()
            waiting.register(connection, select.POLLOUT)
            if not waiting.poll(self._timeout * 1000):
                raise TimeoutError("timed out")
            if data:
                connection.sendall(data)


def _head(priority: int) -> str:
    program = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119 - it is a string
    program = program or identity.process_name()
    if not priority >> 3:
        priority |= _USER
    return f"<{priority}>{rfc3164_time(time.localtime())} {program}: "


def _c_library() -> Callable[[int, str], Any]:
    if sys.platform != "win32":
        from syslog import syslog

        return syslog
    raise MozDefError("this system has no local sockets, and so no syslog")
