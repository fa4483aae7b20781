"""The last line of a sink: how many of its events did not arrive, and why."""

from __future__ import annotations

import sys
from typing import NamedTuple

from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.process.standard_error import count_of, write_line


class _Lost(NamedTuple):
    """Events that did not arrive, in all."""

    dropped: int = 0
    rejected: int = 0
    unsent: int = 0


class Totals:
    """Say on standard error what *dispatcher* did not deliver. Nothing is said twice.

    Warnings are limited in rate, and may have said less; what they did not say is in these numbers.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        # What the last report needs: by then, the names of this module may be gone.
        self._lost_type, self._count_of, self._write_line = _Lost, count_of, write_line
        self._is_finalizing = sys.is_finalizing
        self._dispatcher = dispatcher
        self._buffer = dispatcher.buffer
        self._reported = _Lost()

    def report(self) -> None:
        """Write one line, if anything was lost or is left since the last one."""
        lost = self._lost()
        if not any(lost) or lost == self._reported:
            return
        self._write_line(self._sentence(lost))
        self._reported = lost

    def mark_reported(self) -> None:
        """Note that somebody else has said it."""
        self._reported = self._lost()

    def unsent(self) -> int:
        """Return how many events wait that nobody else will send."""
        return self._buffer.volatile_count()

    def waiting(self) -> str:
        """Return how many events wait, in words."""
        return count_of(len(self._buffer), "event", "wait")

    def sentence_on_unsent(self) -> str:
        """Return what to say of the events that wait."""
        return (
            f"{count_of(self.unsent(), 'event')} could not be sent to"
            f" {self._dispatcher.transport.name}{self._why()}; tried again with the next event,"
            " and when the process ends"
        )

    def _lost(self) -> _Lost:
        if self._is_finalizing():
            # A daemon thread may have been stopped while it held the lock of the buffer.
            dropped = sum(self._buffer.dropped().values())
            return self._lost_type(dropped, self._reported.rejected, self.unsent())
        counts = self._buffer.counts()
        dropped = sum(counts.dropped.values())
        return self._lost_type(dropped, counts.dead_lettered, self.unsent())

    def _sentence(self, lost: _Lost) -> str:
        parts = []
        if lost.dropped:
            reasons = self._buffer.dropped()
            why = ", ".join(
                reason if len(reasons) == 1 else f"{reason}: {count:,}"
                for reason, count in reasons.items()
            )
            parts.append(f"{lost.dropped:,} dropped ({why})")
        if lost.rejected:
            parts.append(f"{lost.rejected:,} rejected")
        if lost.unsent:
            parts.append(f"{lost.unsent:,} not sent{self._why()}")
        events = self._count_of(sum(lost), "event")
        return f"{events} did not arrive at {self._dispatcher.transport.name}: {', '.join(parts)}"

    def _why(self) -> str:
        error = self._dispatcher.problem
        return f" ({error})" if error else ""
