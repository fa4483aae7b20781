"""Parts of the charts: places in inches, texts beside axes, scales.

A figure is 8 inches or 576 points wide. Where a page shows it 736 pixels wide, as the narrowest one
does, the smallest text, of 8.8 points, is 11 pixels high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from benchmarks.plots import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of a figure, and of a column of texts at the right of its axes, in inches.
WIDTH = 8.0
COLUMN = 0.85
_SMALL = 8.8


def colour_of(*, ours: bool) -> str:
    return LIGHT["ours" if ours else "ink"]


def colour_of_loss(lost: str) -> str:
    return LIGHT["muted" if lost in {"0", "-"} else "loss"]


def write_at_edge(
    axes: Axes, text: str, place: tuple[int, int], offset: float, **style: Any
) -> None:
    """Write *text* in a row, right-aligned at so many points from an edge of the axes."""
    axes.annotate(
        text,
        place,
        (offset, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="center",
        annotation_clip=False,
        **style,
    )


def write_above(axes: Axes, text: str, offset: float, **style: Any) -> None:
    axes.annotate(
        text,
        (0, 1),
        (0, offset),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=_SMALL,
        **style,
    )


def end_of_column(column: int) -> float:
    """Return how far right of the axes a column ends."""
    return 72 * COLUMN * (column + 1)


def new_figure(height: float, title: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.1 / WIDTH, 1 - 0.26 / height, title, fontsize=11, fontweight="bold")
    return figure


def write_note(figure: Figure, text: str, up: float) -> None:
    height = float(figure.get_size_inches()[1])
    figure.text(0.1 / WIDTH, up / height, text, color=LIGHT["muted"], fontsize=_SMALL)


def add_axes(
    figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any
) -> Axes:
    """Return axes at a place in inches, so that all figures have the same margins."""
    up = float(figure.get_size_inches()[1])
    return figure.add_axes((left / WIDTH, bottom / up, width / WIDTH, height / up), **options)


def set_scales(axes: Axes, *, x_log: bool) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    set_logarithmic(axes, "y")
    if x_log:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 300k, as 300,000 is too wide
    axes.xaxis.minorticks_off()
    axes.tick_params(which="both", length=0, labelsize=_SMALL)
    axes.grid()


def set_logarithmic(axes: Axes, name: Literal["x", "y"]) -> None:
    """Set a logarithmic scale, with ticks within a decade where it has few decades."""
    from matplotlib.ticker import LogLocator

    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 50 else (1,), numticks=12))
    axis.set_major_formatter("{x:,g}")
    axis.minorticks_off()
