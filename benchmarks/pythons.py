"""The cost of a log call on old and new Pythons, built with optimisations and without.

No program reaches all of them: one half belongs to this system, the other to Debian testing, which
is installed into a folder. So ``.ci/bench`` runs `benchmarks.pythons_program` on each of them in
turn, round after round, and hands in what it has collected. Without that, only this Python is
measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.pythons_program import COLUMNS
from benchmarks.results import Results, Table, count, micro, ratio
from benchmarks.running import disk_folder

#: The variable that names the file with what `benchmarks.pythons_program` has found.
FIGURES = "BENCHMARK_PYTHONS"
ROUNDS = 5
_ROOT = Path(__file__).parent.parent
#: Name for ``.ci/bench`` -> what is missing where a Python is not at hand.
_PYTHONS = {
    "oldest": "the oldest of this machine",
    "newest": "the newest of this machine",
    "system": "the one of this system",
    "testing-3.14": "Python 3.14 of Debian testing",
    "testing-3.15": "Python 3.15 of Debian testing",
}


def main(*, quick: bool = False) -> Results:
    """Return a table of the figures that were handed in, or of this Python."""
    if file := os.environ.get(FIGURES):
        found = _read(Path(file))
        names = list(_PYTHONS)
    else:
        found = _measure_this(1 if quick else ROUNDS, quick=quick)
        names = ["this"]
    rounds = [[line for line in found if line["name"] == name] for name in names]
    return Results([_table(dict(zip(names, rounds, strict=True)))])


def _measure_this(rounds: int, *, quick: bool) -> list[dict[str, Any]]:
    with disk_folder() as folder:
        file = Path(folder) / "figures"
        for _ in range(rounds):
            subprocess.run(
                [
                    *(sys.executable, "-m", "benchmarks.pythons_program", "this", file),
                    *(["--quick"] if quick else []),
                ],
                cwd=_ROOT,
                check=True,
            )
        return _read(file)


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def _table(found: dict[str, list[dict[str, Any]]]) -> Table:
    rows = [
        _row(rounds) if rounds else [_PYTHONS[name], "not at hand", *[""] * (len(COLUMNS) + 2)]
        for name, rounds in found.items()
    ]
    others = max((line["others"] for rounds in found.values() for line in rounds), default=0.0)
    return Table(
        "log call on several Pythons, one thread",
        ["Python", "build", "floor us", *COLUMNS.values(), "not arrived"],
        rows,
        "ratio to structlog's own chain (the floor) on the same Python, of the median / of the mean"
        " with the sender at work; the chains are those of the table of this project's log calls,"
        " and are measured in the same way; floor: median; optimised: with a profile, as by"
        " --enable-optimizations; without hyperscan redaction is slower; medians of"
        f" {max(map(len, found.values()), default=0)} rounds in turn; others kept {others:.2f}"
        " processors busy at most",
    )


def _row(rounds: Sequence[dict[str, Any]]) -> list[str]:
    first = rounds[0]
    scanner = "" if first["hyperscan"] else ", no hyperscan"
    figures = [line["figures"] for line in rounds]
    lost = sum(each.get(f"{way}.lost", 0) for each in figures for way in COLUMNS)
    return [
        f"Python {first['version']}",
        f"{first['build']}{scanner}",
        micro(statistics.median(each["floor_seconds"] for each in figures)),
        *[
            f"{_ratio(figures, f'{way}.median')} / {_ratio(figures, f'{way}.mean')}"
            for way in COLUMNS
        ],
        count(lost),
    ]


def _ratio(figures: Sequence[dict[str, float]], name: str) -> str:
    """Return the median over the rounds, or "-" if the way has failed in all of them."""
    found = [each[name] for each in figures if name in each]
    return ratio(statistics.median(found), 1) if found else "-"


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
