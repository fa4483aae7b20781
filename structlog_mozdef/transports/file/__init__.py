"""Events as NDJSON in a file, or on standard output, for an agent that forwards them.

Before this room comes the dispatcher (``delivery``), which calls `FileTransport.send`. After it
comes the agent, or whatever reads the file or the pipe.

- ``named_file``: the file at a path; rotation, links, permissions.
- ``append``: how a batch gets into the open file complete, whatever other processes do.
- ``standard_output``: the descriptor 1, and what it leads to.
- ``pipe``: writing to a slow reader, which standard output and a named pipe have.
- ``lines``, ``errors``: what these share.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import LONGEST_DURATION, check_choice, check_number
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.file.lines import lines_of
from structlog_mozdef.transports.file.named_file import NamedFile
from structlog_mozdef.transports.file.standard_output import StandardOutput
from structlog_mozdef.transports.urls import parse_path

_MODE = 0o600
_MODE_BITS = 0o666
_OWNER_WRITES = 0o200

_OCTAL = re.compile("(0o)?[0-7]+", re.ASCII)


class FileTransport:
    """Write events to a file or to standard output, one JSON object a line.

    Args:
        url: ``file:///var/log/events.ndjson``, or ``-`` for standard output: what descriptor 1
            leads to when the transport is made.
        mode: permissions of a file that the transport makes, whatever the umask is. Default 0o600:
            the events can hold secrets. A string is octal: "640".
        fsync: True forces each batch to the disk before it counts as delivered. Default False: the
            operating system does that later, and a crash of the machine can come before it.
        write_timeout: longest time in seconds that a batch waits for another process to release
            the file, or for the reader of a pipe. Default 5.

    Attributes:
        confirms: True for a file; False for a pipe, a socket or a terminal, whose reader can end
            before it has read everything.

    Raises:
        ValueError: a value cannot work, standard output is closed, or the platform has no locks for
            files (Windows).
    """

    loggers: frozenset[str] = frozenset()
    recovery_probes = 0
    recovery_pause = 0.0

    @clears_locals
    def __init__(
        self, url: str, *, mode: int | str = _MODE, fsync: bool = False, write_timeout: float = 5.0
    ) -> None:
        mode = _mode_of(mode)
        check_choice("fsync", fsync, (True, False))
        check_number("write_timeout", write_timeout, minimum=0.001, maximum=LONGEST_DURATION)
        self._target: NamedFile | StandardOutput
        if isinstance(url, str) and url.strip() == "-":
            if fsync or mode != _MODE:
                raise ValueError("mode or fsync is given for '-'; they are for file:/// only")
            self.name = "standard output"
            self._target = StandardOutput(write_timeout)
        else:
            path = _path_of(url)
            self.name = f"file://{os.fsencode(path).decode('utf-8', 'backslashreplace')}"
            self._target = NamedFile(path, mode, write_timeout, fsync=fsync)

    @property
    def confirms(self) -> bool:
        return self._target.confirms

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Write *events*; see `structlog_mozdef.transports.base.Transport`."""
        return self._target.send(lines_of(events))

    def after_fork_in_child(self) -> None:
        self._target.close_after_fork()

    def close(self) -> None:
        self._target.close()

    @shows_half_made
    def __repr__(self) -> str:
        return f"<FileTransport to {self.name}>"


def _mode_of(mode: Any) -> int:
    """Return *mode* as a number; a string is octal, as in files of settings."""
    number = mode
    if isinstance(mode, str) and _OCTAL.fullmatch(mode):
        number = int(mode, 8)
    if (
        isinstance(number, bool)
        or not isinstance(number, int)
        or number & ~_MODE_BITS
        or not number & _OWNER_WRITES
    ):
        # 600 instead of 0o600 has other bits, and is caught here.
        shown = oct(mode) if isinstance(mode, int) and not isinstance(mode, bool) else repr(mode)
        raise ValueError(
            f"mode is {shown}; it must be permissions to read and write, such as 0o600 or 0o640"
        )
    return number


def _path_of(url: Any) -> str:
    if not isinstance(url, str):
        raise ValueError(
            f"url is a {type(url).__name__}; it must be a string that starts with file://"
        )
    path = parse_path(url, "file")
    if path.endswith("/") or not path or os.path.isdir(path):  # noqa: PTH112 - a string
        raise ValueError(f"url is for {path!r}; it must be file:///path of a file, not of a folder")
    return path
