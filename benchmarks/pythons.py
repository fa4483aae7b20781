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

from benchmarks.pythons_program import BUFFERS, CHAINS
from benchmarks.results import Results, Table, ratio
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
_WAYS = [f"{chain}, {buffer}" for chain in CHAINS for buffer in BUFFERS]


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
        _row(rounds) if rounds else [_PYTHONS[name], "not at hand", *[""] * (len(_WAYS) + 2)]
        for name, rounds in found.items()
    ]
    all_rounds = [line for rounds in found.values() for line in rounds]
    others = max((line["others"] for line in all_rounds), default=0.0)
    return Table(
        "log call on several Pythons, one thread",
        ["Python", "build", "floor us", *_WAYS, "not arrived"],
        rows,
        "ratio to structlog's own JSON chain to /dev/null (the floor) on the same Python: median /"
        " mean of the calls in a tight loop, with the sender at work; explicit: the chain of the"
        " README's explicit set-up; configure(): its chain without redaction; redacted: its chain"
        " with redaction, which is the default; optimised: by a profile, as with Python's"
        " --enable-optimizations; floor: median; medians of"
        f" {max(map(len, found.values()), default=0)} rounds in turn, each in its own process;"
        f" others kept {others:.2f} processors busy at most",
    )


def _row(rounds: list[dict[str, Any]]) -> list[str]:
    first = rounds[0]
    scanner = "" if first["hyperscan"] else ", no hyperscan"
    logged = sum(way["logged"] for line in rounds for way in line["ways"].values())
    lost = sum(way["lost"] for line in rounds for way in line["ways"].values())
    return [
        f"Python {first['version']}",
        f"{first['build']}{scanner}",
        f"{statistics.median(line['floor']['median'] for line in rounds) * 1e6:.1f}",
        *[f"{_ratio(rounds, way, 'median')} / {_ratio(rounds, way, 'mean')}" for way in _WAYS],
        f"{lost:,} of {logged:,}",
    ]


def _ratio(rounds: Sequence[dict[str, Any]], way: str, figure: str) -> str:
    return ratio(
        statistics.median(line["ways"][way][figure] for line in rounds),
        statistics.median(line["floor"][figure] for line in rounds),
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
