"""How the charts are drawn: dots, lines, and small panels, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import drawing
from benchmarks.plots import LIGHT
from benchmarks.results import Dots, Lines, Panels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.27
_NAMES = 2.7
_PANELS_IN_A_ROW = 3
_PANEL = (2.33, 0.95)
_ABOVE_PANEL = 0.52
# Lines are told apart by more than their colour.
_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D")


def dots(plot: Dots) -> Figure:
    """Draw a dot for each name, the lowest at the top, with its losses in columns at the right."""
    columns = {"lost": {dot.name: dot.lost for dot in plot.dots}, **plot.more_losses}
    height = _ROW * len(plot.dots) + 1.3
    figure = drawing.new_figure(height, plot.title)
    width = drawing.WIDTH - _NAMES - drawing.COLUMN * len(columns) - 0.1
    axes = drawing.add_axes(figure, _NAMES, 0.55, width, height - 1.3)
    ordered = sorted(plot.dots, key=lambda dot: dot.value)
    for row, dot in enumerate(ordered):
        style = {
            "color": drawing.colour_of(ours=dot.ours),
            "fontweight": "bold" if dot.ours else "normal",
        }
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
        drawing.write_at_edge(axes, dot.name, (0, row), -8, **style)
        for column, losses in enumerate(columns.values()):
            lost = losses.get(dot.name, "-")
            drawing.write_at_edge(
                axes,
                lost,
                (1, row),
                drawing.end_of_column(column),
                color=drawing.colour_of_loss(lost),
            )
    for column, heading in enumerate(columns):
        drawing.write_at_edge(
            axes, heading, (1, -1), drawing.end_of_column(column), color=LIGHT["muted"]
        )
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.set_yticks(range(len(ordered)), [""] * len(ordered))
    axes.margins(x=0.15)
    drawing.set_logarithmic(axes, "x")
    axes.tick_params(which="both", length=0)
    axes.grid()
    axes.set_xlabel(plot.unit)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def lines(plot: Lines) -> Figure:
    """Draw all lines in one chart, with a legend above it."""
    height = 4.2
    figure = drawing.new_figure(height, plot.title)
    axes = drawing.add_axes(figure, 0.75, 0.55, drawing.WIDTH - 0.95, height - 1.3)
    for number, (name, points) in enumerate(plot.lines.items()):
        xs, ys = zip(*points, strict=True)
        axes.plot(
            xs,
            ys,
            label=name,
            color=drawing.colour_of(ours=name.startswith("structlog-mozdef")),
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.4,
            marker=_MARKERS[number % len(_MARKERS)],
            markersize=4,
            markevery=max(1, len(points) // 12),
        )
    drawing.set_scales(axes, x_log=plot.x_log)
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return figure


def panels(plot: Panels) -> Figure:
    """Draw a small chart for each library, with the lines of the first one to compare with."""
    rows = -(-len(plot.panels) // _PANELS_IN_A_ROW)
    height = (_PANEL[1] + _ABOVE_PANEL) * rows + 1.25
    figure = drawing.new_figure(height, plot.title)
    reference = plot.panels[0]
    shared: Axes | None = None
    for number, panel in enumerate(plot.panels):
        row, column = divmod(number, _PANELS_IN_A_ROW)
        left = 0.6 + column * (_PANEL[0] + 0.14)
        bottom = height - 0.65 - (row + 1) * (_PANEL[1] + _ABOVE_PANEL)
        axes = drawing.add_axes(figure, left, bottom, *_PANEL, sharex=shared, sharey=shared)
        shared = shared or axes
        colour = drawing.colour_of(ours=panel.ours)
        if panel is not reference:
            _panel_lines(axes, reference.lines, LIGHT["ours"], 0.9)
        _panel_lines(axes, panel.lines, colour, 1.6)
        drawing.set_scales(axes, x_log=plot.x_log)
        drawing.write_above(
            axes, panel.name, 15, color=colour, fontweight="bold" if panel.ours else "normal"
        )
        drawing.write_above(axes, f"lost {panel.lost}", 3, color=drawing.colour_of_loss(panel.lost))
        axes.tick_params(
            labelleft=column == 0, labelbottom=number + _PANELS_IN_A_ROW >= len(plot.panels)
        )
    meaning = ", ".join(
        f"{name} {dashes}"
        for name, dashes in zip(reference.lines, ("solid", "dashed"), strict=False)
    )
    drawing.write_note(
        figure, f"{plot.y_label}: {meaning}; blue in each panel: {reference.name}", height - 0.5
    )
    drawing.write_note(figure, plot.x_label, 0.15)
    return figure


def _panel_lines(
    axes: Axes, by_meaning: Mapping[str, Sequence[tuple[float, float]]], colour: str, width: float
) -> None:
    for points, dashes in zip(by_meaning.values(), _DASHES, strict=False):
        xs, ys = zip(*points, strict=True)
        marker = "o" if len(xs) < 8 else None
        axes.plot(xs, ys, dashes, color=colour, linewidth=width, marker=marker, markersize=2.5)
