"""Events that wait in memory while the disk refuses to take them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.source import Source

_MAX_BYTES = 64 * 1024 * 1024


class Holding:
    """A bounded FIFO of lines that belong on the disk. Whoever uses it holds the spool's lock.

    Args:
        max_bytes: that it may take, if that is less than its own limit.

    Attributes:
        held: the number of lines here.
        in_flight: how many of them, the oldest, are being sent.
        moved: where those of them are that went to the disk while they were being sent, each.
        sent: how many were sent from here, ever, and never were on the disk.
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
        """Take *line*, and count it in *books*; False where there is no room."""
        size = len(line)
        if self.bytes + size > self._max_bytes:
            return False
        # Here and in `_remove_oldest` nothing is called between the steps that belong together, so that
        # no signal handler can raise there, and the numbers always add up.
        ledger.appended += 1
        self.held += 1
        self.bytes += size
        self._lines.append(line)
        return True

    def write_out(self, write: Callable[[bytes], Source]) -> None:
        """Pass on everything, oldest first, to *write*, which tells where it can be read.

        Raises:
            OSError: from *write*; the line that failed is still here.
        """
        while self._lines:
            source = write(self._lines[0])
            self._remove_oldest(1, [source])

    def _remove_oldest(self, moved: int, where: list[Source]) -> None:
        """The oldest line is not here any more, as it was sent, or *moved* to the disk."""
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
        """The oldest *count* events are settled."""
        for _ in range(count):
            self._remove_oldest(0, [])

    def reset_in_flight(self) -> None:
        """What is being sent will be taken again."""
        self.in_flight = 0
        self.moved = []
