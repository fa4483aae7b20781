"""The results of a benchmark: tables and plots, which the console and RESULTS.rst show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """One table, ratios before absolute figures.

    Attributes:
        title: what was measured, and in which unit.
        columns: their names; the first says what a row is about.
        rows: one string for each column.
        caveat: what a reader must know to read the table correctly: sample, rounds, settings.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caveat: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{row!r} does not have one cell for each of {self.columns!r}")


@dataclass(frozen=True)
class Dot:
    """One figure of a `Dots` chart.

    Attributes:
        name: whose figure it is.
        value: where the dot is.
        label: the figure as it is written beside the dot.
        lost: which part of the events was lost to reach it, as `lost_share` writes it.
        ours: whether it is a figure of this project.
    """

    name: str
    value: float
    label: str
    lost: str
    ours: bool = False


@dataclass(frozen=True)
class Dots:
    """A chart of one figure for each name, on a logarithmic scale, with what each one lost.

    Attributes:
        more_losses: further columns of losses: heading, name and `lost_share`.
    """

    name: str
    title: str
    unit: str
    dots: Sequence[Dot]
    more_losses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lines:
    """A chart of several lines; the y scale is logarithmic, and the x scale if ``x_log``."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    x_log: bool = False


@dataclass(frozen=True)
class Panel:
    """The lines of one library in a `Panels` chart: by what they show, as in the other panels."""

    name: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    lost: str
    ours: bool = False


@dataclass(frozen=True)
class Panels:
    """A small chart for each library, all with the same scales, which are as those of `Lines`.

    The lines of the first panel are repeated in the others, to compare with.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    panels: Sequence[Panel]
    x_log: bool = False


Plot = Dots | Lines | Panels


@dataclass(frozen=True)
class Results:
    """All results of one benchmark.

    Attributes:
        tables: what was found, for people.
        plots: the same, to be seen at a glance.
        figures: key -> figure, for `benchmarks.goals`.
        losses: what each library lost in this benchmark, for the plots of the others: a heading,
            and `lost_share` by name.
    """

    tables: Sequence[Table]
    plots: Sequence[Plot] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    losses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def ratio(value: float, base: float) -> str:
    """Return *value* as a multiple of *base*."""
    quotient = value / base
    return f"{quotient:.2f}" if quotient < 10 else f"{quotient:,.0f}"


def micro(seconds: float) -> str:
    """Return *seconds* in microseconds."""
    value = seconds * 1e6
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def count(number: float) -> str:
    """Return *number* as an integer, with separators."""
    return f"{number:,.0f}"


def lost_share(lost: int, logged: int) -> str:
    """Return which part of *logged* events was lost. A loss is never rounded to none."""
    if not logged:
        return "-"
    if not lost:
        return "0"
    share = lost / logged
    return f"{share:.0%}" if share >= 0.01 else f"{max(share, 0.0001):.2%}"


def lost_of(lost: int, logged: int) -> str:
    """Return how many of *logged* events were lost."""
    return f"{count(lost)} of {count(logged)}" if logged else "-"


def of_rounds(number: int) -> str:
    """Return what the figures of so many rounds are."""
    return "one round" if number == 1 else f"medians of {number} interleaved rounds"
