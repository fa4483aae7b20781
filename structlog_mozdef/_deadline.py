"""A moment by which something is to be over, on a clock that nobody can set and no test tool stops.

freezegun replaces ``time.monotonic``, also in modules that are loaded already: a wait that went by
it would last as long as the freeze.

Where a transport has to work in the thread of somebody who waits, at the end of a process, its own
timeouts are too long: `run_by` bounds all that a function waits for, where that goes by `allowed`.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

_R = TypeVar("_R")

#: Return seconds, monotonic.
monotonic: Callable[[], float] = time.monotonic
if sys.platform != "win32":  # it has one name only for it
    # The same clock by its other name. As a partial it has no name that could be replaced.
    monotonic = functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)

#: The shortest wait in seconds: for a socket, 0 would mean something else.
SHORTEST_WAIT = 0.001
#: Longer than any caller waits, and short enough for every lock and socket: 11 days, in seconds.
LONGEST_WAIT = 1e6


@dataclass(frozen=True, order=True, slots=True)
class Deadline:
    """A moment of a monotonic clock. Of two deadlines, the earlier one is the smaller one.

    Attributes:
        at: the moment, in seconds of *clock*.
        clock: returns seconds, monotonic. Default: the one that nobody can set.
    """

    at: float
    clock: Callable[[], float] = field(default=monotonic, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = monotonic) -> Deadline:
        """Return the deadline *seconds* from now, `LONGEST_WAIT` at the most."""
        return cls(clock() + min(seconds, LONGEST_WAIT), clock)

    def left(self) -> float:
        """Return the seconds until then; 0.0 once it has expired."""
        return max(0.0, self.at - self.clock())  # 0.0 comes first: it wins over a NaN

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return not self.left()


class _Bound(threading.local):
    """By when what runs in this thread has to end; None where nobody waits for it."""

    deadline: Deadline | None = None


_bound = _Bound()


def run_by(deadline: Deadline, function: Callable[[], _R]) -> _R:
    """Call *function*, in which `allowed` allows no wait beyond *deadline*."""
    before, _bound.deadline = _bound.deadline, deadline
    try:
        return function()
    finally:
        _bound.deadline = before


def allowed(seconds: float) -> float:
    """Return *seconds*, or what is left of the time of `run_by` where that is less; never 0."""
    deadline = _bound.deadline
    return seconds if deadline is None else max(min(seconds, deadline.left()), SHORTEST_WAIT)
