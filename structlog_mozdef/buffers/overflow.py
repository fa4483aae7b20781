"""Events that wait in memory while the disk refuses to take them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_MAX_BYTES = 64 * 1024 * 1024


class Overflow:
    """A bounded FIFO of lines that belong on the disk."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._in_flight = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def append(self, line: bytes) -> bool:
        """Take *line*; False where there is no room."""
        if self._bytes + len(line) > _MAX_BYTES:
            return False
        self._lines.append(line)
        self._bytes += len(line)
        return True

    def write_out(self, write: Callable[[bytes], None]) -> None:
        """Pass on what is not being sent, oldest first, to *write*.

        Raises:
            OSError: from *write*; the line that failed is still here.
        """
        while len(self._lines) > self._in_flight:
            line = self._lines[self._in_flight]
            write(line)
            del self._lines[self._in_flight]
            self._bytes -= len(line)

    def peek(self, max_events: int, max_bytes: int) -> list[bytes]:
        """The oldest events; see `structlog_mozdef.buffers.spool_stream.Source`."""
        events: list[bytes] = []
        total = 0
        for line in list(self._lines):
            total += len(line)
            if len(events) >= max_events or (events and total > max_bytes):
                break
            events.append(line[:-1])
        self._in_flight = max(self._in_flight, len(events))
        return events

    def advance(self, count: int) -> None:
        """The oldest *count* events are settled."""
        for _ in range(count):
            self._bytes -= len(self._lines.popleft())
        self._in_flight = max(self._in_flight - count, 0)
