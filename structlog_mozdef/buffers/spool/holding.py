"""Events that wait in memory while the disk cannot be written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.source import Source

_MAX_BYTES = 64 * 1024 * 1024


class Holding:
    """A bounded FIFO of lines that belong on the disk. All calls are made under the spool's lock.

    Args:
        max_bytes: limit of its size; its own limit of 64 MiB applies as well.

    Attributes:
        held: the number of lines here.
        in_flight: how many of them, the oldest, are being sent.
        moved: for each line that was written to disk while it was in flight, its new source.
        sent: total of lines that were sent from memory and were never on disk.
        bytes: the size of the lines here.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = min(max_bytes, _MAX_BYTES)
        self._lines: deque[bytes] = deque()
        self.held = 0
        self.in_flight = 0
        self.moved: list[Source] = []
        self.sent = 0
        self.bytes = 0

    def append(self, line: bytes, ledger: SpoolLedger) -> bool:
        """Append *line*, and count it in *ledger*; False if it does not fit."""
        size = len(line)
        if self.bytes + size > self._max_bytes:
            return False
        # Here and in `_remove_oldest` nothing is called between the steps that belong together:
        # no signal handler can raise there, and the numbers always add up.
        ledger.appended += 1
        self.held += 1
        self.bytes += size
        self._lines.append(line)
        return True

    def write_out(self, write: Callable[[bytes], Source]) -> None:
        """Pass all lines, oldest first, to *write*, which returns the source to read it from.

        Raises:
            OSError: from *write*; the line that failed is still here.
        """
        while self._lines:
            source = write(self._lines[0])
            self._remove_oldest(1, [source])

    def _remove_oldest(self, moved: int, where: list[Source]) -> None:
        """Remove the oldest line, which was sent (*moved* is 0) or written to disk (1)."""
        size = len(self._lines[0])
        is_in_flight = self.in_flight > 0
        self.held -= 1
        self.bytes -= size
        self.in_flight -= is_in_flight
        self.sent += 1 - moved
        self.moved += where * is_in_flight
        del self._lines[0]

    def read(self, max_events: int, max_bytes: int, *, one: bool) -> list[bytes]:
        """See `structlog_mozdef.buffers.spool.source.Source`."""
        events: list[bytes] = []
        while self.held > self.in_flight and len(events) < max_events:
            event = self._lines[self.in_flight][:-1]
            max_bytes -= len(event)
            if max_bytes < 0 and (events or not one):
                break
            events.append(event)
            self.in_flight += 1
        return events

    def has_more(self) -> bool:
        """See `structlog_mozdef.buffers.spool.source.Source`."""
        return self.held > self.in_flight

    def advance(self, count: int) -> None:
        """Remove the oldest *count* events, which are settled."""
        for _ in range(count):
            self._remove_oldest(0, [])

    def reset_in_flight(self) -> None:
        """Let events in flight be read again."""
        self.in_flight = 0
        self.moved = []
