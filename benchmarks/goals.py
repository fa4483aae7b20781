"""The goals of the project, and whether a run has reached them.

Each is about one figure that a benchmark of the same run has found; nothing is typed in but the
goal itself. A figure that is missing (that benchmark was not run) leaves its goal out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.results import Table

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        text: what is measured.
        figure: its key among the figures.
        bound: what it must be.
        at_most: whether it must not be more than that; else it must not be less.
        base: key of the figure that it is divided by, if it is no ratio.
        digits: behind the point.
    """

    text: str
    figure: str
    bound: float
    at_most: bool = False
    base: str = ""
    digits: int = 2

    def row(self, figures: Figures) -> list[str] | None:
        """Return the row of this goal, or None where a figure is missing."""
        if not {self.figure, self.base or self.figure} <= figures.keys():
            return None
        found = figures[self.figure] / (figures[self.base] if self.base else 1.0)
        compare: Callable[[float, float], bool] = operator.le if self.at_most else operator.ge
        return [
            self.text,
            self._bound(),
            f"{found:.{self.digits}f}",
            # The figure itself decides, not what is shown of it.
            "yes" if compare(found, self.bound) else "no",
        ]

    def _bound(self) -> str:
        shown = f"{self.bound:.{self.digits}f}"
        if not self.bound:
            return shown  # there is no less of what is lost
        return f"{shown} or {'less' if self.at_most else 'more'}"


def _at_most(text: str, figure: str, bound: float) -> Goal:
    return Goal(text, figure, bound, at_most=True)


def _none_lost(text: str, figure: str) -> Goal:
    return Goal(text, figure, 0, at_most=True, digits=0)


GOALS = (
    _at_most("median call of configure(), in memory", "configure/memory.median", 1.5),
    _at_most("... through the spool", "configure/spool.median", 1.8),
    _at_most("mean call of configure(), in memory", "configure/memory.mean", 1.6),
    _at_most("... through the spool", "configure/spool.mean", 1.9),
    _at_most("mean call of configure(redact=False), in memory", "unredacted/memory.mean", 1.3),
    _at_most("... through the spool", "unredacted/spool.mean", 1.6),
    Goal(
        "events a second at the receiver, configure(redact=False), in memory",
        "unredacted/memory.arrived_a_second",
        0.8,
    ),
    Goal("... through the spool", "unredacted/spool.arrived_a_second", 0.65),
    _none_lost("... lost, in memory", "unredacted/memory.lost"),
    _none_lost("... lost, through the spool", "unredacted/spool.lost"),
    Goal(
        "events a second from a spool with a million",
        "drain_a_second",
        2.0,
        base="floor_calls_a_second",
    ),
    Goal("... at its end, to those at its beginning", "drain.end", 0.95),
    _none_lost("... lost", "drain.lost"),
    Goal("events a second to RabbitMQ, confirmed, to those of kombu", "amqp.sink", 10.0),
    _none_lost("... lost", "amqp.lost"),
    Goal(
        "calls a second of 8 threads, configure() through the spool, to structlog's 8",
        "threads/spool.calls_a_second",
        1.0,
    ),
    Goal("... configure(redact=False)", "threads-unredacted/spool.calls_a_second", 1.0),
)


def table(figures: Figures) -> Table:
    """Return the goals that *figures* say something about."""
    rows = [row for goal in GOALS if (row := goal.row(figures))]
    return Table(
        "goals",
        ["what", "goal", "measured", "reached"],
        rows,
        "of this run; where nothing else is said, a ratio to structlog's own JSON chain to"
        " /dev/null, called in a tight loop by one thread, in the same run",
    )
