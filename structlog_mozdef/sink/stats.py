"""What became of the events of a sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """What became of the events of a sink, all read at the same moment.

    ``accepted + adopted == delivered + sent + dead_lettered + dropped + buffered + released`` holds
    at every moment. Counters never fall, for the life of the sink in one process: they can be given
    to a metrics system as they are. Numbers of the present moment are `buffered`,
    `buffered_bytes`, `oldest_age`, `released` and `blocked`.

    Attributes:
        accepted: events that `Sink.put` was called with, and those by which the sink itself reports
            losses.
        adopted: events that a spool took over from dead processes, or found on disk once more.
        delivered: events that the destination confirmed.
        sent: events that left for a destination that confirms nothing, such as syslog over UDP.
        dead_lettered: events that the destination will never accept.
        dropped: events that were lost, for all reasons together.
        dropped_by_reason: reason -> events; see `structlog_mozdef.buffers.base.LOSS_REASONS`.
        released: events of a spool, accepted or adopted, that this sink has left on disk to other
            processes.
        buffered: events that wait, those that are being sent included.
        buffered_bytes: their size.
        oldest_age: seconds that the oldest of them has waited, 128 events behind at most.
        blocked: log calls that wait for room now, with ``when_full="block"``.
        blocked_calls: log calls that have had to wait for room, so far.
        longest_block: the longest of these waits in seconds, those that go on included.
        failed_attempts: attempts to deliver that failed.
        last_error: why the last attempt failed, or what one has been waiting for, for more than
            3 s, since a success; None while deliveries succeed.
    """

    accepted: int
    adopted: int
    delivered: int
    sent: int
    dead_lettered: int
    dropped: int
    dropped_by_reason: Mapping[str, int]
    released: int
    buffered: int
    buffered_bytes: int
    oldest_age: float
    blocked: int
    blocked_calls: int
    longest_block: float
    failed_attempts: int
    last_error: str | None
