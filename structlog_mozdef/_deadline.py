"""A moment by which something is to be over, on a clock that nobody can set and no test tool stops.

freezegun replaces ``time.monotonic``, also in modules that are loaded already: a wait that went by
it would last as long as the freeze.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Return seconds, monotonic.
monotonic: Callable[[], float] = time.monotonic
if sys.platform != "win32":  # it has one name only for it
    # The same clock by its other name. As a partial it has no name that could be replaced.
    monotonic = functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)

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
