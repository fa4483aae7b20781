"""Whether a sink does its work, for the readiness probe of a service."""

from __future__ import annotations

from dataclasses import dataclass

from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.sink.stats import Stats

# A buffer that is this full drops events, or blocks log calls, soon.
_NEARLY_FULL = 0.9


@dataclass(frozen=True)
class Health:
    """What `Sink.healthy` returns; it is true where the sink is healthy.

    Attributes:
        ok: whether it is.
        reason: why not, in words; empty if it is.

    .. versionadded:: 26.1.0
    """

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.reason or "healthy"


def health_of(
    stats: Stats,
    bounds: tuple[int, int],
    max_age: float,
    *,
    beside_spool: int = 0,
    is_sending: bool = True,
) -> Health:
    """Return the health of a sink; see `Sink.healthy`.

    Args:
        stats: of the sink.
        bounds: how many events may wait in it, and their size together in bytes.
        max_age: seconds.
        beside_spool: how many events wait in memory since the spool cannot be written.
        is_sending: whether there is a thread that sends.
    """
    why = f" ({stats.last_error})" if stats.last_error else ""
    waiting = count_of(stats.buffered, "event", "wait")
    max_events, max_bytes = bounds
    if (
        stats.buffered >= max_events * _NEARLY_FULL
        or stats.buffered_bytes >= max_bytes * _NEARLY_FULL
    ):
        return Health(False, f"the buffer is nearly full: {waiting}{why}")
    if beside_spool:
        events = count_of(beside_spool, "event", "wait")
        return Health(False, f"the spool cannot be written: {events} in memory{why}")
    if stats.oldest_age > max_age and not is_sending:
        return Health(False, f"no thread sends the events: {waiting}{why}")
    if stats.last_error and stats.oldest_age > max_age:
        return Health(False, f"events have waited for {stats.oldest_age:.0f} s{why}")
    return Health(True)
