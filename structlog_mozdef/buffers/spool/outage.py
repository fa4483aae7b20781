"""What a spool does while the disk accepts no events (full, quota, gone): they wait in memory."""

from __future__ import annotations

import errno
from collections.abc import Callable

from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.format import StreamName, StreamNames
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.options import STREAM_BYTES
from structlog_mozdef.buffers.spool.own_stream import OwnStream


class Outage:
    """Holds events, and writes them once the disk accepts events again. With the lock held.

    Args:
        ledger, capacity, names: of the spool.
        make_stream: makes a stream of that name, or another one if there is one.

    Attributes:
        error: why the disk accepts nothing; None while it does.
    """

    def __init__(
        self,
        ledger: SpoolLedger,
        capacity: Capacity,
        names: StreamNames,
        make_stream: Callable[[StreamName], OwnStream],
    ) -> None:
        self.error: str | None = None
        self._ledger = ledger
        self._capacity = capacity
        self._names = names
        self._make_stream = make_stream
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
        held = sum(holding.size() for holding in self._holdings())
        if bounded and held + len(line) > self._ledger.options.held_bytes:
            return False
        own = self._ledger.sources.own
        holding = own[-1] if own else None
        if not isinstance(holding, Holding) or holding.closed:
            holding = Holding(self._names.next())
            self._ledger.append(holding)
        holding.append(line, self._clock())
        return True

    def _holdings(self) -> list[Holding]:
        return [source for source in self._ledger.sources.own if isinstance(source, Holding)]

    def holds_events(self) -> bool:
        """Return whether there are events that would not outlive the process."""
        return any(holding.state.lines for holding in self._holdings())

    def close_holdings(self) -> None:
        """Let nothing be appended to what came before a new stream."""
        for holding in self._holdings():
            holding.closed = True

    def try_disk(self) -> bool:
        """Write what is held, if it is time for that; return whether the disk accepts it."""
        if self._clock() < self._retry_at:
            return False
        try:
            for holding in self._holdings():
                holding.closed = True
                if holding.state.lines:
                    self._write(holding)
        except OSError as error:
            pass_on(error)
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
        stream = self._make_stream(holding.name)
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
        if not self.holds_events():
            self.error = None  # there is nothing to try it with
