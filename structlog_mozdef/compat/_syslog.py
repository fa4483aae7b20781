"""The syslog of this machine, without the C library: it reports failures, and its path is known."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time

from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.transports.syslog.format import FACILITIES, priority_of, rfc3164_time

_USER_FACILITY = FACILITIES.index("user")


class LocalSyslog:
    """The local syslog daemon.

    Args:
        path: of the daemon's socket.
        timeout: seconds that a daemon which does not read may delay the caller.
    """

    def __init__(self, path: str = "/dev/log", timeout: float = 1.0) -> None:
        self._path = path
        self._timeout = timeout

    def write(self, line: str, severity: object) -> None:
        """Write *line*, which has no line breaks, with the priority of *severity*.

        Args:
            line: the message.
            severity: one of MozDef's; INFO replaces an unknown one.

        Raises:
            MozDefError: the daemon does not accept the line.
        """
        data = (_head(severity) + line).encode("utf-8", "backslashreplace")
        try:
            self._send(data)
        except OSError as error:
            raise MozDefError(
                f"syslog at {self._path} does not accept the event: {error.strerror or error}"
            ) from error

    def _send(self, data: bytes) -> None:
        family = getattr(socket, "AF_UNIX", None)
        if family is None:
            raise OSError("this system has no local sockets")
        try:
            self._send_by(family, socket.SOCK_DGRAM, data)
        except OSError as error:
            # Some daemons listen for connections, where a zero byte ends a message.
            if error.errno != errno.EPROTOTYPE:
                raise
            self._send_by(family, socket.SOCK_STREAM, data + b"\0")

    def _send_by(self, family: int, kind: int, data: bytes) -> None:
        with socket.socket(family, kind) as connection:
            connection.settimeout(self._timeout)
            connection.connect(self._path)
            connection.sendall(data)


def _head(severity: object) -> str:
    priority = priority_of(severity, _USER_FACILITY)
    time_of_day = rfc3164_time(time.localtime())
    program = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119 - it is a string
    program = program or identity.process_name()
    return f"<{priority}>{time_of_day} {program}[{identity.process_id()}]: "
