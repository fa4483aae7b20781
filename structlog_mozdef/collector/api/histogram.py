"""How many events arrived when, by severity."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector.api.block import bits_between, positions

if TYPE_CHECKING:
    from structlog_mozdef.collector.api.block import Block
    from structlog_mozdef.collector.api.catalog import Selection

# In seconds: steps that people read easily. Beyond the last, each is twice the one before.
_STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400),
)


# Severities that are no longer told apart, since there are too many.
_OTHERS = "OTHER"


def histogram(
    selection: Selection, buckets: int, since: float | None, until: float | None
) -> dict[str, Any]:
    """Count the selected events by time of arrival and severity.

    Args:
        selection: the events.
        buckets: how many there are at most.
        since: the beginning, in seconds since the epoch, or None for the first event's.
        until: the end, or None for the last event's.

    Returns:
        The beginning, the end, the step in seconds, and the buckets, empty ones as well.
    """
    if not selection and (since is None or until is None):
        return {"start": None, "end": None, "step": None, "buckets": []}
    start = _first_time(selection) if since is None else since
    end = _last_time(selection) if until is None else until
    step, first, last = _buckets(start, max(start, end), buckets, is_end_inside=until is None)
    counts: list[Counter[str]] = [Counter() for _ in range(first, last + 1)]
    for block, bits in selection:
        _count(block, bits, counts, first, step)
    return {
        "start": _to_iso(first * step),
        "end": _to_iso((last + 1) * step),
        "step": step,
        "buckets": [
            {"start": _to_iso((first + index) * step), "counts": dict(count)}
            for index, count in enumerate(counts)
        ],
    }


def _count(block: Block, bits: int, counts: list[Counter[str]], first: int, step: float) -> None:
    severities = [
        (value, having & bits)
        for value, having in block.labels["severity"].items()
        if having & bits
    ]
    severities.append((_OTHERS, block.rare.get("severity", 0) & bits))
    position = next(positions(bits, newest_first=False))
    end = bits.bit_length()
    while position < end:
        index = math.floor(block.times[position] / step) - first
        following = max(position + 1, block.before((first + index + 1) * step))
        mask = bits_between(position, following)
        if 0 <= index < len(counts):
            for value, having in severities:
                number = (having & mask).bit_count()
                if number:
                    counts[index][value] += number
        position = following


def _first_time(selection: Selection) -> float:
    block, bits = selection[0]
    return block.times[next(positions(bits, newest_first=False))]


def _last_time(selection: Selection) -> float:
    block, bits = selection[-1]
    return block.times[bits.bit_length() - 1]


def _buckets(
    start: float, end: float, maximum: int, *, is_end_inside: bool
) -> tuple[float, int, int]:
    """Return the least step with which so many buckets are enough, the first and the last one."""
    for step in _steps():
        first, last = math.floor(start / step), math.floor(end / step)
        if not is_end_inside and last > first and last * step >= end:
            last -= 1
        if last - first < maximum:
            return step, first, last
    raise AssertionError  # the steps have no end


def _steps() -> Iterator[float]:
    yield from _STEPS
    step = _STEPS[-1]
    while True:
        step *= 2
        yield step


def _to_iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()
