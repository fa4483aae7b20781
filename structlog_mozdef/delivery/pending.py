"""The front of a buffer, as far as it still has to be sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from structlog_mozdef.buffers.base import Batch, Buffer


class Pending:
    """The oldest events of *buffer* that are neither accepted nor rejected.

    A destination can accept events from the middle of a batch, but a buffer can only be
    acknowledged from its front. So such a batch is acknowledged when the last of its events is
    settled, and until then the events that must be sent again are kept here.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._batch = Batch(())
        # The batch with accepted events in its middle, and those of it to be sent again.
        self._scattered: Batch | None = None
        self._retry: Sequence[bytes] = ()

    def next(self, max_events: int, max_bytes: int) -> Sequence[bytes]:
        """Return the events to send next."""
        if self._scattered is not None:
            return self._retry
        self._batch = self._buffer.peek(max_events, max_bytes)
        return self._batch.events

    def look_ahead(self, behind: int) -> Sequence[bytes]:
        """Return the events to send next, and up to *behind* events that wait after them."""
        if self._scattered is None:
            return self.next(behind, sys.maxsize)
        sent = len(self._scattered.events)
        newer = self._buffer.peek(sent + behind, sys.maxsize).events[sent:]
        return [*self._retry, *newer]

    def can_settle(self, count: int) -> bool:
        """Return whether `settle` can mark the first *count* of the events last returned."""
        return self._scattered is None or len(self._retry) >= count

    def settle(self, count: int) -> None:
        """Mark the first *count* of the events to send next as accepted or rejected."""
        if self._scattered is None:
            self._buffer.ack(self._batch.first(count))
            return
        self._retry = self._retry[count:]
        if not self._retry:
            self._buffer.ack(self._scattered)
            self._scattered = None

    def scatter(self, sent: Sequence[bytes], retry: Sequence[int]) -> None:
        """Keep those of *sent*, by index, that must be sent again; the others are settled."""
        behind: Sequence[bytes] = ()
        if self._scattered is None:
            self._scattered = self._batch.first(len(sent))
        else:
            behind = self._retry[len(sent) :]
        self._retry = [*(sent[index] for index in retry), *behind]
