"""Saying what was lost: a warning here, and an event that MozDef stores.

The event says how many events MozDef will never get, why, and from when to when.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._lock import Turn
from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef.buffers.accounting import Loss
from structlog_mozdef.buffers.base import DEAD_LETTERS_FULL, Buffer
from structlog_mozdef.process import identity
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.rendering.encode import encode
from structlog_mozdef.rendering.timestamps import iso_timestamp, utc_now

#: Minimum time between two such events for the same reason, in seconds.
INTERVAL = 60.0


class LossReporter:
    """Report the losses of *buffer*, in an event that is appended to it.

    Args:
        buffer: the buffer that has lost events.
        clock: returns seconds, monotonic.
    """

    def __init__(self, buffer: Buffer, clock: Callable[[], float] = monotonic) -> None:
        self._buffer = buffer
        self._clock = clock
        self._turn = Turn()
        self._next: dict[str, float] = {}
        self._next_at_end: dict[str, float] = {}
        self._warnings: dict[str, CountedWarning] = {}

    def warn(self, own_log: RateLimitedLogger, *, at_once: bool = False) -> None:
        """Warn of losses that no warning has named; see `CountedWarning.report`."""
        for reason, count in self._buffer.dropped().items():
            warning = self._warnings.get(reason)
            if warning is None:
                warning = CountedWarning(own_log, f"dropped {reason}")
                warning = self._warnings.setdefault(reason, warning)
            warning.count_to(count, functools.partial(_sentence, reason))
            warning.report(at_once=at_once)

    def report(self, *, final_attempt: bool = False) -> None:
        """Append an event for each reason that has losses not yet reported.

        To be called when events get through (again): in an outage the buffer has no room for it.

        Args:
            final_attempt: whether to report the losses of the last minute as well, though others
                were reported just before them.
        """
        # A thread that does not get the turn leaves the work to the one that has it.
        self._turn.take(lambda: self._report(final_attempt))

    def _report(self, final_attempt: bool) -> None:
        for reason, loss in self._buffer.losses().items():
            now = self._clock()
            next_reports = self._next_at_end if final_attempt else self._next
            if now < next_reports.get(reason, now):
                continue
            if self._buffer.report_loss(reason, loss, encode(_event(reason, loss))):
                self._next[reason] = now + INTERVAL
                if final_attempt and reason == DEAD_LETTERS_FULL:
                    # A report that is rejected is such a loss itself, and another one would follow.
                    self._next_at_end[reason] = now + INTERVAL


def _sentence(reason: str, count: int) -> str:
    return f"{_events_were(count)} dropped: {reason}"


def _events_were(count: int) -> str:
    return count_of(count, "event", "were")


def _event(reason: str, loss: Loss) -> dict[str, Any]:
    they = "it" if loss.events == 1 else "they"
    return {
        "category": "logging",
        "details": {
            "dropped": loss.events,
            "reason": reason,
            "first": iso_timestamp(loss.first),
            "last": iso_timestamp(loss.last),
        },
        "hostname": identity.hostname(),
        "processid": identity.process_id(),
        "processname": identity.process_name(),
        "severity": "ERROR",
        "source": "structlog_mozdef",
        "summary": f"{_events_were(loss.events)} lost before {they} could be sent: {reason}",
        "tags": [],
        "timestamp": utc_now(),
    }
