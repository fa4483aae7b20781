"""Send dead letters again, with the next delivery.

They are removed once they wait in the spool: if this command is killed in between, they are in
both, and can be sent twice. None is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Self

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import (
    LINE_LIMIT_BYTES,
    StreamNames,
    same_destination,
    segment_name,
)
from structlog_mozdef.cli.spool.letters import Letter, remove_letters
from structlog_mozdef.cli.spool.selection import Selection, selection_of
from structlog_mozdef.exceptions import SpoolError
from structlog_mozdef.files.opening import create_file
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.transports.registry import transport_for_url

_UNFINISHED = "requeued"
_WRITTEN_AT_ONCE_BYTES = 1024 * 1024


def act(options: argparse.Namespace, folder: SpoolFolder) -> int:
    """Write the events of dead letters into a stream that the next sink on *folder* adopts."""
    destination = None
    if options.to is not None:
        destination = transport_for_url(options.to, RateLimitedLogger(), {}).name
    outboxes: list[_Outbox] = []

    def new_outbox() -> _Outbox:
        outboxes.append(_Outbox(folder, selection_of(options), destination))
        return outboxes[-1]

    count = remove_letters(folder, new_outbox)
    print(f"{count_of(count, 'dead letter')} will be sent again by the next sink or drain")
    if outboxes and outboxes[-1].damaged:
        damaged = count_of(outboxes[-1].damaged, "damaged dead letter")
        print(f"{damaged} cannot be sent again", file=sys.stderr)
    return 0


class _Outbox:
    """A stream for the selected letters: see `structlog_mozdef.cli.spool.letters.Taker`."""

    def __init__(self, folder: SpoolFolder, selection: Selection, destination: str | None) -> None:
        self._folder = folder
        self._selection = selection
        self._destination = destination
        self._stack = contextlib.ExitStack()
        self._stream: _NewStream | None = None
        self.damaged = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self, letter: Letter) -> bool:
        """Write the event of *letter*, if it is selected and has one."""
        if not self._selection.selects(letter.values):
            return False
        event, destination = letter.event, self._destination or letter.values.get("destination")
        if event is None or len(event) > LINE_LIMIT_BYTES or not isinstance(destination, str):
            self.damaged += 1
            return False
        self._stream_to(destination).write(event)
        return True

    def _stream_to(self, destination: str) -> _NewStream:
        if self._stream is None:
            self._stream = self._stack.enter_context(_NewStream(self._folder.path, destination))
        if not same_destination(self._stream.destination, destination):
            raise SpoolError(
                f"the dead letters are for {self._stream.destination!r} and for {destination!r}; a"
                " folder serves one destination: choose one with --to URL"
            )
        return self._stream

    def publish(self) -> None:
        """Let others adopt the stream, once it is unlocked."""
        if self._stream is not None:
            self._stream.publish()


class _NewStream:
    """A stream that is written in one go, and has no events until it is published.

    Raises:
        OSError: it cannot be written.
        SpoolError: the folder serves another destination.
    """

    def __init__(self, path: str, destination: str) -> None:
        self.destination = destination
        self._is_published = False
        self._folder = SpoolFolder(path, destination)
        with contextlib.ExitStack() as undone:
            undone.callback(self._folder.close)
            self._lock = self._folder.create_stream(StreamNames().next())
            undone.callback(self._folder.remove_stream, self._lock)
            fd = create_file(_UNFINISHED, os.O_WRONLY, self._lock.fd)
            undone.pop_all()
        self._file = os.fdopen(fd, "wb", _WRITTEN_AT_ONCE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            with contextlib.suppress(OSError):
                self._file.close()
            if self._is_published:
                self._lock.close()
            else:
                self._folder.remove_stream(self._lock)
        finally:
            self._folder.close()

    def write(self, event: bytes) -> None:
        self._file.write(event + b"\n")

    def publish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        fd = self._lock.fd
        os.rename(_UNFINISHED, segment_name(1), src_dir_fd=fd, dst_dir_fd=fd)
        os.fsync(fd)
        self._folder.sync()
        self._is_published = True
