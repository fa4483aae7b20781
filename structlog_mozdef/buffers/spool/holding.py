"""Events that wait in memory while the disk refuses them."""

from __future__ import annotations

from typing import NamedTuple

from structlog_mozdef.buffers.spool.format import StreamName
from structlog_mozdef.buffers.spool.source import MARK_MASK, Marks, Source

#: What all holdings of a process take together, at the most.
MAX_BYTES = 64 * 1024 * 1024


class HoldingState(NamedTuple):
    """See `structlog_mozdef.buffers.spool.source.Source`.

    Attributes:
        lines: that are not settled, oldest first.
        outstanding: how many of them were taken.
        settled: events that are not here any more.
        delivered: those of them that were delivered.
        settled_bytes: their size.
    """

    lines: list[bytes]
    outstanding: int = 0
    settled: int = 0
    delivered: int = 0
    settled_bytes: int = 0


class Holding:
    """A source in memory. Every method is called with the spool's lock held.

    Once the disk accepts events again, all are written into a stream of their own, which takes the
    place of this among the sources, those that are being sent included.

    Args:
        name: of that stream: older than all that was begun after this.

    Attributes:
        successor: that stream, once it is there.
    """

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self.closed = False
        self.state = HoldingState([])
        self.marks = Marks()
        self.successor: Source | None = None
        self._appended_bytes = 0

    def append(self, line: bytes) -> None:
        """Add a line."""
        if not self.state.lines or not self.appended & MARK_MASK:
            self.marks.add(self.appended)
        self.state.lines.append(line)
        self._appended_bytes += len(line)

    @property
    def appended(self) -> int:
        return self.state.settled + len(self.state.lines)

    def waiting(self) -> int:
        return len(self.state.lines)

    def size(self) -> int:
        return max(self._appended_bytes - self.state.settled_bytes, 0)

    def take(self, max_events: int, max_bytes: int, one: bool) -> list[bytes]:
        events: list[bytes] = []
        if self.successor is not None:
            return events
        begin = self.state.outstanding
        for line in self.state.lines[begin : begin + max_events]:
            max_bytes -= len(line) - 1
            if max_bytes < 0 and (events or not one):
                break
            events.append(line[:-1])
        self.state = self.state._replace(outstanding=begin + len(events))
        return events

    def has_more(self) -> bool:
        return len(self.state.lines) > self.state.outstanding

    def after_ack(self, count: int, delivered: int) -> HoldingState:
        lines, outstanding, settled, delivered_before, settled_bytes = self.state
        settled_bytes += sum(map(len, lines[:count]))
        return HoldingState(
            lines[count:],
            outstanding - count,
            settled + count,
            delivered_before + delivered,
            settled_bytes,
        )

    def write_ack(self) -> None:
        """Nothing is on disk."""

    def is_drained(self) -> bool:
        return self.closed and not self.state.lines

    def rewind(self) -> None:
        self.state = self.state._replace(outstanding=0)
