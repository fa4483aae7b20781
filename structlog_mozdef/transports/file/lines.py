"""Events as lines of NDJSON, and how many of the lines are complete."""

from __future__ import annotations

from collections.abc import Sequence

_SPACES_FOR_BREAKS = bytes.maketrans(b"\n\r", b"  ")


def lines_of(events: Sequence[bytes]) -> list[bytes]:
    """Return *events* as lines.

    A line break in an event, which JSON has only between tokens, becomes a space.
    """
    return [
        (event.translate(_SPACES_FOR_BREAKS) if b"\n" in event or b"\r" in event else event) + b"\n"
        for event in events
    ]


def complete_lines(lines: Sequence[bytes], written: int) -> tuple[int, int]:
    """Return how many of *lines* their first *written* bytes complete, and the size of these."""
    size = 0
    for count, line in enumerate(lines):
        if size + len(line) > written:
            return count, size
        size += len(line)
    return len(lines), size
