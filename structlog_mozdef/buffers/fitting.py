"""How many events fit into a batch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def number_within(events: Sequence[bytes], max_bytes: int) -> tuple[int, int]:
    """How many of *events*, the first ones, take no more than *max_bytes* together.

    Returns:
        Their number, and their size.
    """
    size = sum(map(len, events))
    if size <= max_bytes:  # nearly always, and five times faster
        return len(events), size
    size = 0
    for count, total in enumerate(itertools.accumulate(map(len, events))):
        if total > max_bytes:
            return count, size
        size = total
    return len(events), size
