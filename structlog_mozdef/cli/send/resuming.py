"""The files that are followed, and how far they were delivered, for the next start."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Self

from structlog_mozdef.cli.ending import StopReading
from structlog_mozdef.cli.send.following import FollowedFile, check_followed
from structlog_mozdef.cli.send.positions import PositionFile

if TYPE_CHECKING:
    from structlog_mozdef.sink import Sink

#: Seconds between two looks at what was delivered, to remember it.
_SAVE_INTERVAL = 1.0
#: Seconds after which reading pauses for that, where something is on its way all the time, and for
#: how long at the most.
_PAUSE_INTERVAL, _PAUSE = 10.0, 5.0


class Following:
    """The files that are followed. Leaving its context closes them.

    Args:
        options: of the command.

    Raises:
        ValueError: one cannot be followed, or the position file cannot be used.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        check_followed(options.files)
        self.files: list[FollowedFile] = []
        self._positions: PositionFile | None = None
        if options.position_file is not None:
            self._positions = PositionFile(options.position_file, options.files)
        for path in dict.fromkeys(options.files):
            file = self._positions.restore(path) if self._positions else FollowedFile(path)
            self.files.append(file)
            is_new = not file.files
            file.look()
            if options.from_end and is_new:
                for each in file.files:
                    each.seek_end()
        self._looked_at = time.monotonic()
        self.save_now()  # where the files begin for us, in case nothing is delivered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()
        if self._positions is not None:
            self._positions.close()

    def rest(self) -> list[bytes]:
        """Return the last lines without an end, which the next start does not read again."""
        return [] if self._positions else [line for file in self.files for line in file.rest()]

    def save(self, sink: Sink, stop: StopReading) -> None:
        """Remember what was delivered, if it is time, and if everything that was read is."""
        now = time.monotonic()
        if self._positions is None or now - self._looked_at < _SAVE_INTERVAL:
            return
        if now - self._saved_at > _PAUSE_INTERVAL:
            while sink.stats().buffered and time.monotonic() - now < _PAUSE and not stop.status:
                stop.wait(0.05)
        self._looked_at = time.monotonic()
        if not sink.stats().buffered:
            self.save_now()

    def save_now(self) -> bool:
        """Remember that everything that was read is delivered; return False if that fails."""
        self._saved_at = time.monotonic()
        return self._positions is None or self._positions.save(self.files)
