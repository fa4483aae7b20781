"""Plots as SVG: the same bytes for the same figures, in the colours of a light or a dark page."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.results import Dots, Lines, Plot

FOLDER = Path(__file__).parent / "plots"
# By name: on a light page, on a dark one. A plot is drawn in the first ones, which must differ, and
# then refers to the names. It has a background: where a page's switch and the preference of the
# system differ, it is a card of the other colour, and still readable.
COLOURS = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "grid": ("#d1d9e0", "#30363d"),
    "ours": ("#0860ca", "#4c9dff"),
    "loss": ("#c4202b", "#ff7b72"),
}
LIGHT = {name: light for name, (light, _) in COLOURS.items()}
_FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', Helvetica, Arial, sans-serif"
_SETTINGS = {
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "DejaVu Sans",  # which comes with matplotlib, and is wider than most others
    "text.color": LIGHT["ink"],
    "figure.facecolor": LIGHT["paper"],
    "savefig.facecolor": LIGHT["paper"],
    "axes.facecolor": "none",
    "axes.labelcolor": LIGHT["muted"],
    "axes.edgecolor": LIGHT["grid"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "xtick.color": LIGHT["grid"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["grid"],
    "ytick.labelcolor": LIGHT["muted"],
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write(plot: Plot, folder: Path = FOLDER) -> Path:
    """Write one plot as ``plots/NAME.svg``, and return its path."""
    import matplotlib as mpl

    from benchmarks import charts

    mpl.use("svg")
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": plot.name}):
        if isinstance(plot, Dots):
            figure = charts.dots(plot)
        elif isinstance(plot, Lines):
            figure = charts.lines(plot)
        else:
            figure = charts.panels(plot)
        folder.mkdir(exist_ok=True)
        path = folder / f"{plot.name}.svg"
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(path, metadata=nothing)
    path.write_text(_in_both_schemes(path.read_text("utf-8")), "utf-8")
    return path


def _in_both_schemes(svg: str) -> str:
    """Return an image that follows the colour scheme of the page or the system."""
    for name, (light, _) in COLOURS.items():
        svg = svg.replace(light, f"var(--{name})")
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = svg.replace('<style type="text/css">', f'<style type="text/css">\n{_style()}', 1)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def _style() -> str:
    light, dark = (
        "; ".join(f"--{name}: {colours[scheme]}" for name, colours in COLOURS.items())
        for scheme in (0, 1)
    )
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"text {{ font-family: {_FONT} }}\n"
    )
