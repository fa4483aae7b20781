"""Tests that capture what sinks accept, instead of having it sent; see `structlog_mozdef.testing`.

A sink looks here when it is made and in a forked child, and `Sink.choose_append` is called when a
capture begins or ends: what an event costs in production is not changed.
"""

from __future__ import annotations

from collections.abc import Callable

#: Of all captures that are active.
takers: list[Callable[[bytes], object]] = []


def take(event: bytes) -> bool:
    """Hand *event* to all captures; return False if there is none."""
    active = takers.copy()
    for taker in active:
        taker(event)
    return bool(active)
