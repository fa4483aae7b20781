"""The syslog of this machine, without the C library: its address can be set, and it says no."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time

from structlog_mozdef.compat._delivery import own_log
from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.transports.syslog.format import FACILITIES, priority_of, rfc3164_time

#: The socket of the local syslog daemon.
SYSLOG_SOCKET = "/dev/log"
#: Seconds that a daemon which takes nothing may hold the caller.
SYSLOG_TIMEOUT = 1.0

_USER_FACILITY = FACILITIES.index("user")


def write(line: str, severity: object, *, must: bool) -> None:
    """Write *line* to the local syslog, with the priority of *severity*.

    Args:
        line: without line breaks.
        severity: MozDef's; INFO stands in for one that is unknown.
        must: the event reaches nobody else, and the caller wants to know of failures.

    Raises:
        MozDefError: where it cannot be written and *must* be.
    """
    data = (_head(severity) + line).encode("utf-8", "backslashreplace")
    try:
        _send(data)
    except OSError as error:
        message = f"syslog at {SYSLOG_SOCKET} does not take the event: {error.strerror or error}"
        if must:
            raise MozDefError(message) from error
        own_log.warn("syslog", message)


def _head(severity: object) -> str:
    priority = priority_of(severity, _USER_FACILITY)
    moment = rfc3164_time(time.localtime())
    program = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119 - a text
    return f"<{priority}>{moment} {program or identity.process_name()}[{identity.process_id()}]: "


def _send(data: bytes) -> None:
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise OSError("this system has no local sockets")
    try:
        _send_by(family, socket.SOCK_DGRAM, data)
    except OSError as error:
        # Some daemons listen for streams, where a zero byte ends a message.
        if error.errno != errno.EPROTOTYPE:
            raise
        _send_by(family, socket.SOCK_STREAM, data + b"\0")


def _send_by(family: int, kind: int, data: bytes) -> None:
    with socket.socket(family, kind) as connection:
        connection.settimeout(SYSLOG_TIMEOUT)
        connection.connect(SYSLOG_SOCKET)
        connection.sendall(data)
