"""How the charts are drawn: dots, lines, and small panels, by matplotlib.

A figure is 8 inches or 576 points wide. Where a page shows it 736 pixels wide, as the narrowest one
does, the smallest text, of 8.8 points, is 11 pixels high.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from benchmarks.plots import LIGHT
from benchmarks.results import Dots, Lines, Panels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 8.0
_ROW = 0.27
_COLUMN = 0.85
_NAMES = 2.7
_PANELS_IN_A_ROW = 3
_PANEL = (2.33, 0.95)
_ABOVE_PANEL = 0.52
_SMALL = 8.8
# By more than their colour: ours are thick, the others thin, and each has dashes and a marker.
_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D")


def dots(plot: Dots) -> Figure:
    """Draw a dot for each name, the lowest at the top, with its losses in columns at the right."""
    columns = {"lost": {dot.name: dot.lost for dot in plot.dots}, **plot.more_losses}
    height = _ROW * len(plot.dots) + 1.3
    figure = _figure(height, plot.title)
    width = _WIDTH - _NAMES - _COLUMN * len(columns) - 0.1
    axes = _axes(figure, _NAMES, 0.55, width, height - 1.3)
    ordered = sorted(plot.dots, key=lambda dot: dot.value)
    for row, dot in enumerate(ordered):
        style = {"color": _colour(ours=dot.ours), "fontweight": "bold" if dot.ours else "normal"}
        axes.plot([dot.value], [row], "D" if dot.ours else "o", color=style["color"], markersize=6)
        axes.annotate(
            dot.label,
            (dot.value, row),
            (7, 0),
            textcoords="offset points",
            va="center",
            bbox={"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1},
            **style,
        )
        _at_edge(axes, dot.name, (0, row), -8, **style)
        for column, losses in enumerate(columns.values()):
            lost = losses.get(dot.name, "-")
            _at_edge(axes, lost, (1, row), _points(column), color=_loss_colour(lost))
    for column, heading in enumerate(columns):
        _at_edge(axes, heading, (1, -1), _points(column), color=LIGHT["muted"])
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.set_yticks(range(len(ordered)), [""] * len(ordered))
    axes.margins(x=0.15)
    _logarithmic(axes, "x")
    axes.tick_params(which="both", length=0)
    axes.grid()
    axes.set_xlabel(plot.unit)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def lines(plot: Lines) -> Figure:
    """Draw all lines in one chart, with a legend above it."""
    height = 4.2
    figure = _figure(height, plot.title)
    axes = _axes(figure, 0.75, 0.55, _WIDTH - 0.95, height - 1.3)
    for number, (name, points) in enumerate(plot.lines.items()):
        xs, ys = zip(*points, strict=True)
        axes.plot(
            xs,
            ys,
            label=name,
            color=_colour(ours=name.startswith("structlog-mozdef")),
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.4,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            markevery=max(1, len(points) // 12),
        )
    _scales(axes, x_log=plot.x_log)
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return figure


def panels(plot: Panels) -> Figure:
    """Draw a small chart for each library, with the lines of the first one to compare with."""
    rows = -(-len(plot.panels) // _PANELS_IN_A_ROW)
    height = (_PANEL[1] + _ABOVE_PANEL) * rows + 1.25
    figure = _figure(height, plot.title)
    reference = plot.panels[0]
    shared: Axes | None = None
    for number, panel in enumerate(plot.panels):
        row, column = divmod(number, _PANELS_IN_A_ROW)
        left = 0.6 + column * (_PANEL[0] + 0.14)
        bottom = height - 0.65 - (row + 1) * (_PANEL[1] + _ABOVE_PANEL)
        axes = _axes(figure, left, bottom, *_PANEL, sharex=shared, sharey=shared)
        shared = shared or axes
        colour = _colour(ours=panel.ours)
        if panel is not reference:
            _panel_lines(axes, reference.lines, LIGHT["ours"], 0.9)
        _panel_lines(axes, panel.lines, colour, 1.6)
        _scales(axes, x_log=plot.x_log)
        _above(axes, panel.name, 15, color=colour, fontweight="bold" if panel.ours else "normal")
        _above(axes, f"lost {panel.lost}", 3, color=_loss_colour(panel.lost))
        axes.tick_params(
            labelleft=column == 0, labelbottom=number + _PANELS_IN_A_ROW >= len(plot.panels)
        )
    meaning = ", ".join(
        f"{name} {dashes}"
        for name, dashes in zip(reference.lines, ("solid", "dashed"), strict=False)
    )
    _note(figure, f"{plot.y_label}: {meaning}; blue in each panel: {reference.name}", height - 0.5)
    _note(figure, plot.x_label, 0.15)
    return figure


def _panel_lines(
    axes: Axes, by_meaning: Mapping[str, Sequence[tuple[float, float]]], colour: str, width: float
) -> None:
    for points, dashes in zip(by_meaning.values(), _DASHES, strict=False):
        xs, ys = zip(*points, strict=True)
        marker = "o" if len(xs) < 8 else None
        axes.plot(xs, ys, dashes, color=colour, linewidth=width, marker=marker, markersize=2.5)


def _colour(*, ours: bool) -> str:
    return LIGHT["ours" if ours else "ink"]


def _loss_colour(lost: str) -> str:
    return LIGHT["muted" if lost in {"0", "-"} else "loss"]


def _at_edge(axes: Axes, text: str, place: tuple[int, int], offset: float, **style: Any) -> None:
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


def _above(axes: Axes, text: str, offset: float, **style: Any) -> None:
    axes.annotate(
        text,
        (0, 1),
        (0, offset),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=_SMALL,
        **style,
    )


def _points(column: int) -> float:
    """Return how far right of the axes a column ends."""
    return 72 * _COLUMN * (column + 1)


def _figure(height: float, title: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height))
    figure.text(0.1 / _WIDTH, 1 - 0.26 / height, title, fontsize=11, fontweight="bold")
    return figure


def _note(figure: Figure, text: str, up: float) -> None:
    height = float(figure.get_size_inches()[1])
    figure.text(0.1 / _WIDTH, up / height, text, color=LIGHT["muted"], fontsize=_SMALL)


def _axes(
    figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any
) -> Axes:
    """Return axes at a place in inches, so that all figures have the same margins."""
    up = float(figure.get_size_inches()[1])
    return figure.add_axes((left / _WIDTH, bottom / up, width / _WIDTH, height / up), **options)


def _scales(axes: Axes, *, x_log: bool) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    _logarithmic(axes, "y")
    if x_log:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 300k, as 300,000 is too wide
    axes.xaxis.minorticks_off()
    axes.tick_params(which="both", length=0, labelsize=_SMALL)
    axes.grid()


def _logarithmic(axes: Axes, name: Literal["x", "y"]) -> None:
    """Set a logarithmic scale, with ticks within a decade where it has few decades."""
    from matplotlib.ticker import LogLocator

    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 50 else (1,), numticks=12))
    axis.set_major_formatter("{x:,g}")
    axis.minorticks_off()
