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

    @property
    def held_back(self) -> int:
        """How many events were held back so far, in this process."""


_limiters: weakref.WeakValueDictionary[int, HoldsBack] = weakref.WeakValueDictionary()

#: Those that hold something back. A program may have dropped them; what they hold is told all the
#: same.
busy: set[HoldsBack] = set()


def add(limiter: HoldsBack) -> None:
    """Have *limiter* told with all others, as long as there is one."""
    _limiters[id(limiter)] = limiter


def limiters() -> list[HoldsBack]:
    """Return all that there are. Other threads may make some meanwhile."""
    if not _limiters:
        return []
    return [limiter for found in _limiters.valuerefs() if (limiter := found()) is not None]


def tell(deadline: Deadline) -> None:
    """Have everything told that is held back in this process, by *deadline*."""
    for limiter in limiters():
        limiter.tell(deadline)


def restart(deadline: Deadline) -> None:
    """Have everything told, by *deadline*, and let all limits count from the beginning."""
    tell(deadline)
    for limiter in limiters():
        limiter.restart()
