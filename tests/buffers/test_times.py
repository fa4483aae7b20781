"""The times that a queue notes of its events."""

from __future__ import annotations

from structlog_mozdef.buffers.accounting import Times


def test_times_of_settled_events_are_not_kept():
    """However many events pass, and nobody asks for their age, memory stays the same."""
    times = Times()
    for number in range(10_000):
        times.note(number, float(number), settled=number)
    assert len(times) <= 2
    assert times.oldest(9_999) == 9_999.0
