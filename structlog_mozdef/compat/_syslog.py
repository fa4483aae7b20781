"""The syslog of this machine, by the C library, as the old clients wrote to it.

So what the program sets by `syslog.openlog` and `syslog.setlogmask` counts. The C library says
nothing of failures, and waits forever for a daemon that does not read; so the daemon is tried
first.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import Callable
from typing import Any

from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.transports.syslog.format import priority_of

#: Where the C library writes to.
_PATH = "/var/run/syslog" if sys.platform == "darwin" else "/dev/log"


class LocalSyslog:
    """The local syslog daemon.

    Args:
        path: of the daemon's socket.
        timeout: seconds that a daemon which does not read may delay the caller.
    """

    def __init__(self, path: str = _PATH, timeout: float = 1.0) -> None:
        self._path = path
        self._timeout = timeout

    def write(self, line: str, severity: object, facility: int | None = None) -> None:
        """Write *line* with the priority of *severity*.

        Args:
            line: the message.
            severity: one of MozDef's; INFO replaces an unknown one.
            facility: a constant of `syslog`. Default: that of the program.

        Raises:
            MozDefError: the daemon does not accept the line.
        """
        write = _c_library()
        line = line.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
        try:
            self._check()
            write(priority_of(severity, 0) | (facility or 0), line)
        except (OSError, RuntimeError) as error:  # the second in a subinterpreter
            reason = getattr(error, "strerror", None) or error
            raise MozDefError(
                f"syslog at {self._path} does not accept the event: {reason}"
            ) from error

    def _check(self) -> None:
        """Raise OSError if no daemon is there, or if it does not read."""
        try:
            self._check_by(socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            self._check_by(socket.SOCK_STREAM)  # some daemons listen for connections

    def _check_by(self, kind: int) -> None:
        with socket.socket(socket.AF_UNIX, kind) as connection:
            connection.settimeout(self._timeout)
            connection.connect(self._path)
            waiting = select.poll()
            waiting.register(connection, select.POLLOUT)
            if not waiting.poll(self._timeout * 1000):
                raise TimeoutError("timed out")


def _c_library() -> Callable[[int, str], Any]:
    if not hasattr(socket, "AF_UNIX"):
        raise MozDefError("this system has no local sockets, and so no syslog")
    from syslog import syslog

    return syslog
