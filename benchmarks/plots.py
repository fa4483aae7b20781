"""Plots as SVG, the same bytes for the same figures, readable on a light and on a dark page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.results import Bars, Lines

FOLDER = Path(__file__).parent / "plots"
# Halfway between black and white, with enough contrast to both.
_GREY = "#808080"
_OURS = "#2f81f7"
_OTHERS = (
    "#d1702a",
    "#3b9b55",
    "#a371f7",
    "#d0588f",
    "#8c7a2e",
    "#2b9a9a",
    "#c0504d",
)
_DASHES = ("-", "--", "-.", ":")


def write(plot: Bars | Lines) -> Path:
    """Write one plot as ``plots/NAME.svg``, and return its path."""
    import matplotlib as mpl

    mpl.use("svg")
    with mpl.rc_context(
        {
            "svg.hashsalt": plot.name,
            "svg.fonttype": "none",
            "font.size": 9,
            "font.family": "sans-serif",
            "text.color": _GREY,
            "axes.labelcolor": _GREY,
            "axes.edgecolor": _GREY,
            "axes.titlecolor": _GREY,
            "xtick.color": _GREY,
            "ytick.color": _GREY,
            "grid.color": _GREY,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        figure = _bars(plot) if isinstance(plot, Bars) else _lines(plot)
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{plot.name}.svg"
        # Without a date, and without a background, so that the page's shows.
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        path.write_text(re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE))
    return path


def _is_ours(name: str) -> bool:
    return name.startswith("structlog-mozdef")


def _bars(plot: Bars) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.32 * len(plot.bars) + 1.2))
    axes = figure.add_subplot()
    ordered = sorted(plot.bars, key=lambda bar: bar[1], reverse=True)
    rows = range(len(ordered))
    axes.barh(
        rows,
        [length for _, length, _ in ordered],
        color=[_OURS if _is_ours(name) else _GREY for name, _, _ in ordered],
        height=0.65,
    )
    axes.set_xscale("log")
    axes.set_yticks(rows, [name for name, _, _ in ordered])
    for row, (_, length, label) in zip(rows, ordered, strict=True):
        axes.text(length * 1.06, row, label, va="center")
    axes.set_xlabel(plot.unit)
    axes.set_title(plot.title, loc="left")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    return figure


def _lines(plot: Lines) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.6))
    axes = figure.add_subplot()
    other = 0
    for name, points in plot.lines.items():
        if _is_ours(name):
            style: dict[str, Any] = {
                "color": _OURS,
                "linewidth": 2.4,
                "linestyle": "--" if "spool" in name else "-",
                "zorder": 3,
            }
        else:
            style = {
                "color": _OTHERS[other % len(_OTHERS)],
                "linewidth": 1.2,
                "linestyle": _DASHES[other // len(_OTHERS) % len(_DASHES)],
            }
            other += 1
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, label=name, marker="o" if len(xs) < 8 else None, markersize=3, **style)
    if plot.x_log:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.set_title(plot.title, loc="left")
    axes.grid()
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure
