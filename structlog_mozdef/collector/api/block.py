"""4,096 events in a row as bit sets: Python's integers count and combine them in microseconds."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from structlog_mozdef.collector.api.summary import labels_of

if TYPE_CHECKING:
    from structlog_mozdef.collector.api.summary import Summary

BLOCK_SIZE = 4096

# So many values of a field have bits of their own: somebody can invent a name for each event.
_VALUES_MAX = 1_000


class Block:
    """The events whose numbers are from ``start`` to ``start + BLOCK_SIZE - 1``.

    The bit of an event is its number minus ``start``.

    Attributes:
        start: the lowest number.
        present: the bits of the events that are there.
        labels: by the name of a field and its value, the bits of the events that have it.
        rare: by the name of a field, the bits of the events that have other values.
        times: by bit, the time of arrival in seconds since the epoch, which never decreases here.
        rows: by bit, what lists show.
    """

    __slots__ = ("labels", "present", "rare", "rows", "start", "times")

    def __init__(self, start: int) -> None:
        self.start = start
        self.present = 0
        self.labels: dict[str, dict[str, int]] = defaultdict(dict)
        self.rare: dict[str, int] = {}
        self.times = array("d")
        self.rows: list[bytes] = []

    def add(self, summary: Summary, time: float) -> None:
        """Add an event after all others; *time* is not before theirs."""
        position = summary.number - self.start
        while len(self.rows) < position:  # numbers that were never given
            self.times.append(time)
            self.rows.append(b"")
        self.times.append(time)
        self.rows.append(summary.row)
        bit = 1 << position
        self.present |= bit
        for name, value in summary.labels:
            values = self.labels[name]
            if value in values or len(values) < _VALUES_MAX:
                values[value] = values.get(value, 0) | bit
            else:
                self.rare[name] = self.rare.get(name, 0) | bit

    def having(self, name: str, values: frozenset[str], among: int) -> int:
        """Return the bits of those events of *among* that have one of these values."""
        known = self.labels.get(name, {})
        found = 0
        for value in values:
            found |= known.get(value, 0)
        found &= among
        rare = self.rare.get(name, 0) & among & ~found
        others = values - known.keys()
        if others:
            for position in positions(rare, newest_first=False):
                if not others.isdisjoint(labels_of(self.rows[position], name)):
                    found |= 1 << position
        return found

    def before(self, time: float) -> int:
        """Return how many of the events' positions lie before a time."""
        return bisect_left(self.times, time)


def bits_between(start: int, end: int) -> int:
    """Return the bits from *start* to before *end*, both cut to those of a block."""
    start, end = max(0, start), min(BLOCK_SIZE, end)
    return ((1 << end) - 1) & ~((1 << start) - 1) if end > start else 0


def positions(bits: int, *, newest_first: bool) -> Iterator[int]:
    """Iterate over the positions of the bits that are set."""
    while bits:
        position = (bits if newest_first else bits & -bits).bit_length() - 1
        yield position
        bits ^= 1 << position
