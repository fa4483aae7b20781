"""Which numbers of each stream have arrived: what is missing, and what came twice."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from structlog_mozdef.collector.api.summary import label

# The oldest stream goes when there are more; a stream with more gaps is followed no longer.
_STREAMS_MAX = 1_000
_RANGES_MAX = 10_000
_GAPS_SHOWN = 100
_NUMBER_MAX = 2**63 - 1


class _Stream:
    """The numbers of one process's events, as ranges without gaps, in their order."""

    def __init__(self, process: str) -> None:
        self.process = process
        self.received = 0
        self.repeats = 0
        self.end = 0
        self.last_event: int = 0
        self.is_complete = True
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, number: int) -> None:
        self.received += 1
        index = bisect_right(self._starts, number) - 1  # of the range that begins at or before it
        if index >= 0 and number <= self._ends[index]:
            self.repeats += 1
            return
        follows = index >= 0 and self._ends[index] + 1 == number
        precedes = index + 1 < len(self._starts) and self._starts[index + 1] - 1 == number
        if follows and precedes:
            self._ends[index] = self._ends.pop(index + 1)
            del self._starts[index + 1]
        elif follows:
            self._ends[index] = number
        elif precedes:
            self._starts[index + 1] = number
        elif len(self._starts) < _RANGES_MAX:
            self._starts.insert(index + 1, number)
            self._ends.insert(index + 1, number)
        else:
            self.is_complete = False

    def to_dict(self, stream_id: str) -> dict[str, Any]:
        gaps = [
            [end + 1, start - 1] for end, start in zip(self._ends, self._starts[1:], strict=False)
        ]
        return {
            "stream_id": stream_id,
            "process": self.process,
            "first": self._starts[0],
            "last": self._ends[-1],
            "received": self.received,
            "missing": sum(end - start + 1 for start, end in gaps),
            "gaps": gaps[:_GAPS_SHOWN],
            "more_gaps": len(gaps) > _GAPS_SHOWN or not self.is_complete,
            "repeats": self.repeats,
            "began": self._starts[0] == 1,
            "ended": self.end == self._ends[-1],
            "last_event": self.last_event,
        }


class Streams:
    """All streams, by the details ``stream_id`` and ``sequence`` of their events."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}

    def add(self, event_number: int, document: dict[str, Any]) -> None:
        """Add an event; one without these details, or with impossible ones, has no stream."""
        details = document.get("details")
        if not isinstance(details, dict):
            return
        stream_id, number = details.get("stream_id"), details.get("sequence")
        if not isinstance(stream_id, str) or type(number) is not int or len(stream_id) > 100:
            return
        if not 1 <= number <= _NUMBER_MAX:
            return
        # The stream that was quiet for longest comes first.
        stream = self._streams.pop(stream_id, None) or _Stream(_process_of(document))
        self._streams[stream_id] = stream
        if len(self._streams) > _STREAMS_MAX:
            del self._streams[next(iter(self._streams))]
        stream.add(number)
        stream.last_event = event_number
        if details.get("stream_end") is True:
            stream.end = max(stream.end, number)

    def to_list(self) -> list[dict[str, Any]]:
        """Return what is known, the stream with the newest event first."""
        return [stream.to_dict(name) for name, stream in reversed(self._streams.items())]


def _process_of(document: dict[str, Any]) -> str:
    name, number, host = (
        label(document.get(key)) for key in ("processname", "processid", "hostname")
    )
    return f"{name}[{number}] on {host}"
