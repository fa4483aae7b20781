"""What every benchmark returns: tables and plots, which the console and RESULTS.rst show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """One table, ratios before absolute figures.

    Attributes:
        title: what was measured, and in which unit.
        columns: their names; the first is the name of what a row is about.
        rows: one text a column.
        caveat: what a reader has to know to read it rightly: sample, rounds, settings.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caveat: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{row!r} has not one cell for each of {self.columns!r}")


@dataclass(frozen=True)
class Bars:
    """A bar chart of one figure a name, on a logarithmic scale."""

    name: str
    title: str
    unit: str
    bars: Sequence[tuple[str, float, str]]  # name, length, label


@dataclass(frozen=True)
class Lines:
    """A chart of several lines, both scales logarithmic where asked for."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    x_log: bool = False


@dataclass(frozen=True)
class Results:
    """All that one benchmark found."""

    tables: Sequence[Table]
    plots: Sequence[Bars | Lines] = ()


def ratio(value: float, base: float) -> str:
    """How many times *base* a figure is."""
    quotient = value / base
    return f"{quotient:.2f}" if quotient < 10 else f"{quotient:,.0f}"


def micro(seconds: float) -> str:
    """Microseconds."""
    value = seconds * 1e6
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def count(number: float) -> str:
    """A whole number."""
    return f"{number:,.0f}"
