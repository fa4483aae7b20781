"""Events that wait in memory while the disk accepts none."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from structlog_mozdef.buffers.spool.format import StreamName

#: What all holdings of a process hold together, at the most.
MAX_BYTES = 64 * 1024 * 1024
#: The time is noted of one of 128 events.
TIME_MASK = 127
# More is not given out at once.
_READ_AT_ONCE = 1000


class Times:
    """When some of the events of a source were appended: the age of the oldest is rarely asked."""

    def __init__(self) -> None:
        self._times: deque[tuple[int, float]] = deque()

    def add(self, number: int, now: float) -> None:
        """Note when the event that has *number* others before it in its source was appended."""
        self._times.append((number, now))

    def oldest(self, settled: int) -> float | None:
        """Return about when the first event behind *settled* others was appended."""
        while len(self._times) > 1 and self._times[1][0] <= settled:
            self._times.popleft()
        return self._times[0][1] if self._times else None


class HoldingState(NamedTuple):
    """See `structlog_mozdef.buffers.spool.stream.StreamState`.

    Attributes:
        lines: that are not settled, oldest first.
        outstanding: how many of them were given out.
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
    """A source in memory, with the methods of a stream. All are called with the lock held.

    Once the disk accepts events again, all that is left is written into a stream, which replaces
    this among the sources, with those events that are being sent.

    Args:
        name: of that stream: older than all that was begun after this.

    Attributes:
        closed: whether nothing is appended any more.
        state: replaced as a whole.
        times: of its events.
        successor: that stream, once it is there.
    """

    def __init__(self, name: StreamName) -> None:
        self.name = name
        self.closed = False
        self.state = HoldingState([])
        self.times = Times()
        self.successor: Any = None
        self._appended_bytes = 0

    def append(self, line: bytes, now: float) -> None:
        """Add a line."""
        if not self.state.lines or not self.appended & TIME_MASK:
            self.times.add(self.appended, now)
        self.state.lines.append(line)
        self._appended_bytes += len(line)

    @property
    def appended(self) -> int:
        """The events that were ever appended."""
        return self.state.settled + len(self.state.lines)

    def left(self) -> int:
        """Return how many events are not settled."""
        return len(self.state.lines)

    waiting = left

    def size(self) -> int:
        """Return the bytes that wait."""
        return max(self._appended_bytes - self.state.settled_bytes, 0)

    def read(self, max_events: int) -> list[bytes]:
        """Give out the next events."""
        begin = self.state.outstanding
        end = begin + min(max_events, _READ_AT_ONCE)
        lines = self.state.lines[begin:end] if self.successor is None else []
        self.state = self.state._replace(outstanding=begin + len(lines))
        return [line[:-1] for line in lines]

    def settle(self, count: int, delivered: int) -> None:
        """Settle the oldest *count* events that were given out; *delivered* of them are that."""
        state = self.state
        self.state = HoldingState(
            state.lines[count:],
            state.outstanding - count,
            state.settled + count,
            state.delivered + delivered,
            state.settled_bytes + sum(map(len, state.lines[:count])),
        )

    def write_ack(self) -> None:
        """Do nothing: nothing is on disk."""

    def is_drained(self) -> bool:
        """Return whether nothing is left, and nothing will come."""
        return self.closed and not self.state.lines

    def rewind(self) -> None:
        """Give everything out again."""
        self.state = self.state._replace(outstanding=0)
