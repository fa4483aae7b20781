"""What became of the events of a sink."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass

from structlog_mozdef.buffers.base import Counts
from structlog_mozdef.delivery.blocked import BlockedCalls
from structlog_mozdef.delivery.dispatcher import Dispatcher


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


def stats_of(
    counts: Counts, blocked: BlockedCalls, dispatcher: Dispatcher, *, discarded: Mapping[str, int]
) -> Stats:
    """Return what is known of the events of a sink.

    Args:
        counts: of its buffer.
        blocked: the log calls that wait for room.
        dispatcher: what delivers them.
        discarded: events that were never in it, as there is no destination, by reason.
    """
    confirmed = getattr(dispatcher.transport, "confirms", True)
    dropped = {**counts.dropped, **discarded}
    return Stats(
        accepted=counts.accepted + sum(discarded.values()),
        adopted=counts.adopted,
        delivered=counts.delivered if confirmed else 0,
        sent=0 if confirmed else counts.delivered,
        dead_lettered=counts.dead_lettered,
        dropped=sum(dropped.values()),
        dropped_by_reason=types.MappingProxyType(dropped),
        released=counts.released,
        buffered=counts.buffered,
        buffered_bytes=counts.buffered_bytes,
        oldest_age=counts.oldest_age,
        blocked=blocked.waiting(),
        blocked_calls=blocked.total,
        longest_block=blocked.longest(),
        failed_attempts=dispatcher.failed_attempts,
        last_error=dispatcher.problem,
    )
