"""What a spool does while the disk accepts no events (full, quota, gone): they wait in memory."""

from __future__ import annotations

import errno

from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.lifecycle import StreamLifecycle
from structlog_mozdef.buffers.spool.options import STREAM_BYTES
from structlog_mozdef.buffers.spool.own_stream import OwnStream


class Outage:
    """Knows whether the disk accepts events, and tries it again. With the lock held.

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

    def has_memory(self, size: int) -> bool:
        """Return whether *size* bytes more may be held in memory."""
        held = sum(stream.size() for stream in self._ledger.sources.held())
        return held + size <= self._ledger.options.held_bytes

    def held_count(self) -> int:
        """Return how many events would not outlive the process."""
        return sum(stream.left() for stream in self._ledger.sources.held())

    def try_disk(self, stream: OwnStream) -> OwnStream:
        """Write what is held in memory, if it is time for that; return the stream to append to."""
        if self._clock() < self._retry_at:
            return stream
        try:
            for held in self._ledger.sources.held():
                if held.left():
                    self._write(held)
            if stream.lock is None:
                stream = self._streams.begin(on_disk=True)
        except OSError as error:
            pass_on(error)
            self.begin(error)
            return stream
        self.error = None
        self._ledger.warnings.add(
            "spool disk recovered",
            f"the spool {self._ledger.folder.path} can be written again",
        )

        return stream

    def _write(self, held: OwnStream) -> None:
        if self._capacity.available()[0] < held.disk_bytes() + STREAM_BYTES:
            raise OSError(errno.ENOSPC, "the spool is full")
        self._streams.write_held(held)

    def retry_now(self) -> None:
        """Try the disk a last time: the spool is closed."""
        self._retry_at = 0.0
        if not self.held_count():
            self.error = None  # there is nothing to try it with
