"""RESULTS.rst: the results of the last run of all benchmarks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from benchmarks import plots
from benchmarks.results import Dots, Plot, Results, Table
from benchmarks.tables import as_rst

PATH = Path(__file__).parent / "RESULTS.rst"
_INTRODUCTION = """\
.. Written by ``make bench``; changes by hand are lost.

Results
=======

Every library runs in its own processes, in turn with the others, and sends the same event of about
450 bytes to the same receiver, which is another process and only counts. Read the ratios first:
they depend less on the machine than the absolute figures. `README.rst`_ says how to read all of
this, how to repeat it, and where it misleads; ``benchmarks/peers/`` shows how each library is used.

.. _README.rst: https://github.com/structlog-mozdef/structlog-mozdef/blob/main/benchmarks/README.rst

"""


def write(machine: Table, verdict: str, found: Mapping[str, Results | str]) -> Path:
    """Write all results and plots, and return the path."""
    parts = [_INTRODUCTION, f"{verdict}\n", as_rst(machine)]
    for name, results in found.items():
        parts.append(f".. _{name}:\n")
        if isinstance(results, str):
            parts.append(_literal(name, results))
            continue
        parts += [as_rst(table) for table in results.tables]
        for plot in results.plots:
            path = plots.write(_with_losses(plot, found))
            parts.append(
                f".. image:: {path.parent.name}/{path.name}\n   :alt: {plot.title}\n"
                "   :width: 100%\n"
            )
    PATH.write_text("\n".join(parts))
    return PATH


def _with_losses(plot: Plot, found: Mapping[str, Results | str]) -> Plot:
    """Return *plot* with what its libraries lost in the other benchmarks."""
    if not isinstance(plot, Dots):
        return plot
    names = {dot.name for dot in plot.dots}
    more = {
        heading: losses
        for results in found.values()
        if isinstance(results, Results)
        for heading, losses in results.losses.items()
        if not names.isdisjoint(losses)
    }
    return dataclasses.replace(plot, more_losses=more)


def _literal(name: str, text: str) -> str:
    title, _, rest = text.partition("\n")
    title = title.strip() or name
    body = "\n".join(f"    {line}".rstrip() for line in rest.splitlines())
    return f"{title}\n{'-' * len(title)}\n\n::\n\n{body}\n"
