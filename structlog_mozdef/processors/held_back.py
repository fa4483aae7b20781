"""Everything that holds events back, so that sinks can have it told before they close.

A module of its own, since sinks need it and most programs never hold anything back.
"""

from __future__ import annotations

import weakref
from typing import Protocol

from structlog_mozdef._deadline import Deadline


class HoldsBack(Protocol):
    """A `RateLimiter`."""

    def tell(self, deadline: Deadline) -> None:
        """Tell now what was held back so far, by *deadline*."""

    def restart(self) -> None:
        """Count from the beginning."""


limiters: weakref.WeakSet[HoldsBack] = weakref.WeakSet()


def tell(deadline: Deadline) -> None:
    """Have everything told that is held back in this process, by *deadline*."""
    if limiters:
        for limiter in list(limiters):
            limiter.tell(deadline)


def restart(deadline: Deadline) -> None:
    """Have everything told, by *deadline*, and let all limits count from the beginning."""
    tell(deadline)
    for limiter in list(limiters):
        limiter.restart()
