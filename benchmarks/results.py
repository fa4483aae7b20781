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
class Bars:
    """A bar chart of one figure for each name, on a logarithmic scale."""

    name: str
    title: str
    unit: str
    bars: Sequence[tuple[str, float, str]]  # name, length, label


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
class Results:
    """All results of one benchmark.

    Attributes:
        tables: what was found, for people.
        plots: the same, to be seen at a glance.
        figures: key -> figure, for `benchmarks.goals`.
    """

    tables: Sequence[Table]
    plots: Sequence[Bars | Lines] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


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
