"""What was found, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from structlog_mozdef.audit.completeness import Completeness, Stream
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.rendering.timestamps import iso_timestamp

_RANGES_IN_TEXT = 10
#: More ranges of one stream are only counted.
RANGES_IN_JSON = 10_000


class Rules:
    """What counts as missing.

    Args:
        partial: the record may begin in the middle of streams: what comes before the first number
            of a stream is not missing.
        silent_after: a stream without an end whose last event is older than so many seconds was
            cut off. Default None: it is open, whatever its age.
        now: the time to count from.
    """

    def __init__(
        self,
        *,
        partial: bool = False,
        silent_after: float | None = None,
        now: datetime | None = None,
    ) -> None:
        self.partial = partial
        self._silent_after = silent_after
        self._now = now or datetime.now(UTC)

    def state_of(self, stream: Stream) -> str:
        """Return how *stream* ended: "ended", "open", or "cut off"."""
        if stream.has_ended:
            return "ended"
        if self._silent_after is None:
            return "open"
        if self._silent_after > 0:
            time = iso_timestamp(stream.last_time)
            if time is not None:
                age = (self._now - datetime.fromisoformat(time)).total_seconds()
                if age <= self._silent_after:
                    return "open"
        return "cut off"


def is_complete(found: Completeness, rules: Rules) -> bool:
    """Return whether the record has events with numbers, and none of them is missing."""
    return bool(found.streams) and not any(
        rules.state_of(stream) == "cut off" or next(stream.missing(partial=rules.partial), None)
        for stream in found.streams.values()
    )


def as_json(found: Completeness, rules: Rules) -> dict[str, Any]:
    """Return all that was found."""
    return {
        "complete": is_complete(found, rules),
        "events": found.events,
        "unnumbered": found.unnumbered,
        "malformed": found.malformed,
        "no_events": found.no_events,
        "streams": [
            {
                "stream_id": stream_id,
                "hostname": stream.hostname,
                "processname": stream.processname,
                "processid": stream.processid,
                "first": stream.numbers.first,
                "last": stream.numbers.last,
                "last_time": stream.last_time,
                "events": len(stream.numbers),
                "state": rules.state_of(stream),
                "missing": counted(stream.missing(partial=rules.partial)),
                "repeated": counted(stream.repeated.ranges()),
            }
            for stream_id, stream in found.streams.items()
        ],
    }


def as_lines(found: Completeness, rules: Rules) -> Iterator[str]:
    """Yield a line for each stream, and one about all of them. They may hold any characters."""
    missing = cut_off = 0
    for stream_id, stream in found.streams.items():
        state = rules.state_of(stream)
        lost = counted(stream.missing(partial=rules.partial))
        missing += lost["count"]
        cut_off += state == "cut off"
        events = count_of(len(stream.numbers), "event")
        line = (
            f"{stream_id}  {stream.numbers.first:,} to {stream.numbers.last:,}"
            f"  {events}  {state}, last at {stream.last_time or 'no time'}"
            f"  {stream.processname or '?'}[{stream.processid}] on {stream.hostname or '?'}"
        )
        if lost["count"]:
            line += f"  MISSING {text_of(lost)}"
        if stream.repeated:
            line += f"  twice {text_of(counted(stream.repeated.ranges()))}"
        yield line
    total = f"{count_of(found.events, 'event')} in {count_of(len(found.streams), 'stream')}: "
    total += f"{missing:,} missing, {count_of(cut_off, 'stream')} cut off"
    for count, what in (
        (found.unnumbered, "without a number"),
        (found.malformed, "with a number that cannot be one"),
    ):
        if count:
            total += f"; {count:,} {what}"
    if found.no_events:
        total += f"; {count_of(found.no_events, 'line', 'are')} no event"
    yield total


def counted(ranges: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """Return how many numbers *ranges* have, and the first `RANGES_IN_JSON` of them."""
    kept: list[tuple[int, int]] = []
    count = 0
    for first, last in ranges:
        count += last - first + 1
        if len(kept) < RANGES_IN_JSON:
            kept.append((first, last))
    return {"count": count, "ranges": kept}


def text_of(counted: dict[str, Any]) -> str:
    """Return ``3, 7-9`` for the ranges that `as_json` has, and the count where they are many."""
    ranges = counted["ranges"]
    text = ", ".join(
        f"{first:,}" if first == last else f"{first:,}-{last:,}"
        for first, last in islice(ranges, _RANGES_IN_TEXT)
    )
    if len(ranges) > _RANGES_IN_TEXT:
        text += ", ..."
    return f"{text} ({counted['count']:,})"
