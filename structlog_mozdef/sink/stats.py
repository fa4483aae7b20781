"""What became of the events of a sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """What became of the events of a sink, all read at the same moment.

    ``accepted == delivered + sent + dead_lettered + dropped + buffered`` holds at every moment.

    Attributes:
        accepted: events that `Sink.put` was called with.
        delivered: events that the destination confirmed.
        sent: events that left for a destination that confirms nothing, such as syslog over UDP.
        dead_lettered: events that the destination will never accept.
        dropped: events that were lost, for all reasons together.
        dropped_by_reason: reason -> events; see `structlog_mozdef.buffers.base.LOSS_REASONS`.
        buffered: events that wait, those that are being sent included.
        buffered_bytes: their size.
        oldest_age: seconds that the oldest of them has waited, 128 events behind at most.
        failed_attempts: attempts to deliver that failed.
        last_error: why the last attempt failed, or what one has been waiting for, for more than
            3 s, since a success; None while deliveries succeed.
    """

    accepted: int
    delivered: int
    sent: int
    dead_lettered: int
    dropped: int
    dropped_by_reason: Mapping[str, int]
    buffered: int
    buffered_bytes: int
    oldest_age: float
    failed_attempts: int
    last_error: str | None
