"""What a spool does while the disk accepts no events (full, quota, gone): they wait in memory."""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.accounting import Times
from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.format import StreamName
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.lifecycle import StreamLifecycle
from structlog_mozdef.buffers.spool.options import STREAM_BYTES, TIME_MASK

# More is not given out at once.
_READ_AT_ONCE = 1000


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
            self.times.note(self.appended, now, self.state.settled)
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


class Outage:
    """Holds events, and writes them once the disk accepts events again. With the lock held.

    Args:
        ledger, capacity, streams: of the spool.

    Attributes:
        error: why the disk accepts nothing; None while it does.
    """

    def __init__(self, ledger: SpoolLedger, capacity: Capacity, streams: StreamLifecycle) -> None:
        self.error: str | None = None
        self._ledger = ledger
        self._capacity = capacity
        self._streams = streams
        self._clock = ledger.options.timings.clock
        self._retry_at = 0.0

    def begin(self, error: OSError) -> None:
        """Note that the disk accepts nothing."""
        self.error = error.strerror or type(error).__name__
        self._retry_at = self._clock() + self._ledger.options.timings.disk_retry
        folder = self._ledger.folder
        self._ledger.warnings.add(
            "spool disk",
            f"the spool {folder.path} cannot be written: {self.error}; events wait in memory until"
            f" it can{folder.complaint()}",
        )

    def hold(self, line: bytes, *, bounded: bool) -> bool:
        """Hold *line*; False where the memory for that is full."""
        held = sum(holding.size() for holding in self._ledger.sources.holdings())
        if bounded and held + len(line) > self._ledger.options.held_bytes:
            return False
        own = self._ledger.sources.own
        holding = own[-1] if own else None
        if not isinstance(holding, Holding) or holding.closed:
            holding = Holding(self._streams.names.next())
            self._ledger.append(holding)
        holding.append(line, self._clock())
        return True

    def held_count(self) -> int:
        """Return how many events would not outlive the process."""
        return sum(len(holding.state.lines) for holding in self._ledger.sources.holdings())

    def try_disk(self) -> bool:
        """Write what is held, if it is time for that; return whether the disk accepts it."""
        if self._clock() < self._retry_at:
            return False
        for holding in self._ledger.sources.holdings():
            # Where a signal handler interrupts another attempt, it was closed by that one.
            was_closed, holding.closed = holding.closed, True
            try:
                if holding.state.lines:
                    self._write(holding)
            except OSError as error:
                pass_on(error)
                # The next event joins these, so that all come into one stream, in their order.
                is_last = self._ledger.sources.own[-1:] == (holding,)
                holding.closed = was_closed or not is_last
                self.begin(error)
                return False
        return True

    def _write(self, holding: Holding) -> None:
        """Write *holding* into a stream of its own.

        Raises:
            OSError: the disk does not accept it.
        """
        if self._capacity.available()[0] < holding.size() + STREAM_BYTES:
            raise OSError(errno.ENOSPC, "the spool is full")
        stream = self._streams.make(holding.name)
        try:
            stream.write_holding(holding)
        except OSError:
            stream.remove()
            raise
        if not self._ledger.replace(holding, stream):
            stream.remove()  # a signal handler was faster

    def end(self) -> None:
        """Note that the disk accepts events again."""
        self.error = None
        self._ledger.warnings.add(
            "spool disk recovered",
            f"the spool {self._ledger.folder.path} can be written again",
        )

    def retry_now(self) -> None:
        """Try the disk a last time: the spool is closed."""
        self._retry_at = 0.0
        if not self.held_count():
            self.error = None  # there is nothing to try it with
