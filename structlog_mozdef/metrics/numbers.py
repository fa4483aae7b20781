"""Which numbers there are, and their sums for each destination over all sinks of the process.

To export another number of `Stats`, add a line to `NUMBERS`. What a `RateLimiter` holds back never
comes to a sink: it is counted for the process.
"""

from __future__ import annotations

import threading
import types
import weakref
from collections.abc import Callable, Mapping
from typing import NamedTuple

from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.base import LOSS_REASONS
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.processors import held_back
from structlog_mozdef.sink import Sink, sinks
from structlog_mozdef.sink.stats import Stats


class Number(NamedTuple):
    """One number of a sink.

    Attributes:
        name: without the prefix ``structlog_mozdef_``; that of a counter has no ``_total``.
        description: what it counts or measures.
        read: returns it; a mapping where it is counted for each reason.
        is_counter: whether it never falls.
        of_several: what several sinks to one destination have together.
        labels: by which it is told apart.
    """

    name: str
    description: str
    read: Callable[[Stats], float | Mapping[str, float]]
    is_counter: bool = True
    of_several: Callable[[float, float], float] = float.__add__
    labels: tuple[str, ...] = ("destination",)

    def label_values(self, labels: tuple[str, str]) -> tuple[str, ...]:
        """Return those of *labels*, a key of `Values`, that it has."""
        return labels[: len(self.labels)]


_NO_LOSSES = types.MappingProxyType(dict.fromkeys(sorted(LOSS_REASONS), 0))

NUMBERS = (
    Number("events_accepted", "Events that were logged.", lambda s: s.accepted),
    Number("events_adopted", "Events taken over from dead processes.", lambda s: s.adopted),
    Number("events_delivered", "Events that the destination confirmed.", lambda s: s.delivered),
    Number("events_sent", "Events sent to what confirms nothing.", lambda s: s.sent),
    Number("events_dead_lettered", "Events that were rejected.", lambda s: s.dead_lettered),
    # All reasons from the beginning: Prometheus sees no increase in what was not there before.
    Number(
        "events_dropped",
        "Events that were lost.",
        lambda s: _NO_LOSSES | s.dropped_by_reason,
        labels=("destination", "reason"),
    ),
    Number("failed_attempts", "Attempts to deliver that failed.", lambda s: s.failed_attempts),
    Number("blocked_calls", "Log calls that waited for room.", lambda s: s.blocked_calls),
    Number("blocked", "Log calls that wait for room now.", lambda s: s.blocked, False),
    Number("events_released", "Events left to other processes.", lambda s: s.released, False),
    Number("events_buffered", "Events that wait.", lambda s: s.buffered, False),
    Number("buffered_bytes", "Their size.", lambda s: s.buffered_bytes, False),
    Number("oldest_event_age_seconds", "Age of the oldest.", lambda s: s.oldest_age, False, max),
    Number("failing", "1 while delivery fails.", lambda s: s.last_error is not None, False, max),
)

#: Of this process, whatever its sinks are.
HELD_BACK = Number(
    "events_held_back", "Events that a RateLimiter held back.", lambda _: {}, labels=()
)
ALL_NUMBERS = (*NUMBERS, HELD_BACK)

#: (destination, reason) -> value. The reason is empty where a number has none.
Values = dict[tuple[str, str], float]


class Numbers:
    """The numbers of all sinks of this process, summed up for each destination.

    A counter never falls: what a sink has counted when it was read last still counts when nobody
    holds it any more.
    """

    def __init__(self) -> None:
        self.after_fork_in_child()
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Begin at zero, as the sinks of a child do."""
        self._lock = threading.RLock()
        # Of each sink what was read last, and of all that are gone the sums: number -> values.
        self._read: dict[weakref.ref[Sink], dict[str, Values]] = {}
        self._gone: dict[str, Values] = {}
        self._limiters: dict[weakref.ref[held_back.HoldsBack], int] = {}
        self._held_back_by_gone = 0

    @locked
    def read(self) -> dict[str, Values]:
        """Return the values of `ALL_NUMBERS`, by their names."""
        for sink in sinks():
            self._read[weakref.ref(sink)] = _values_of(sink)
        for reference in [found for found in self._read if found() is None]:
            _add(self._gone, self._read.pop(reference), only_counters=True)
        totals: dict[str, Values] = {number.name: {} for number in NUMBERS}
        _add(totals, self._gone)
        for values in self._read.values():
            _add(totals, values)
        totals[HELD_BACK.name] = {("", ""): float(self._held_back())}
        return totals

    def _held_back(self) -> int:
        for limiter in held_back.limiters():
            self._limiters[weakref.ref(limiter)] = limiter.held_back
        for reference in [found for found in self._limiters if found() is None]:
            self._held_back_by_gone += self._limiters.pop(reference)
        return self._held_back_by_gone + sum(self._limiters.values())


#: Of this process: all exporters read the same.
numbers = Numbers()


def _values_of(sink: Sink) -> dict[str, Values]:
    stats = sink.stats()
    found: dict[str, Values] = {}
    for number in NUMBERS:
        value = number.read(stats)
        by_reason = value if isinstance(value, Mapping) else {"": value}
        found[number.name] = {
            (sink.destination, reason): float(each) for reason, each in by_reason.items()
        }
    return found


def _add(
    totals: dict[str, Values], more: dict[str, Values], *, only_counters: bool = False
) -> None:
    for number in NUMBERS:
        if only_counters and not number.is_counter:
            continue
        sums = totals.setdefault(number.name, {})
        for labels, value in more.get(number.name, {}).items():
            sums[labels] = number.of_several(sums[labels], value) if labels in sums else value
