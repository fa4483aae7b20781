"""Measure log calls on this Python, one round: ``python -m benchmarks.pythons_program NAME FILE``.

It adds a line to FILE, a JSON object, from which `benchmarks.pythons` makes a table. NAME is its
name there of this Python. With ``--quick`` it only shows that everything works.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

from benchmarks import build, log_call
from benchmarks.machine import Watch
from benchmarks.ways import FLOOR, WAYS

#: Key in `benchmarks.ways.WAYS` -> column in the table.
COLUMNS = {
    "configure/memory": "README, memory",
    "configure/spool": "README, spool",
    "unredacted/memory": "redact=False, memory",
    "unredacted/spool": "redact=False, spool",
    "explicit/memory": "by hand, memory",
    "explicit/spool": "by hand, spool",
}
_EVENTS = 50_000


def main() -> None:
    """Measure, and add the line."""
    name, file = sys.argv[1:3]
    watch = Watch()
    ways = {
        key: dataclasses.replace(WAYS[key], rounds=1, events=_EVENTS) for key in (FLOOR, *COLUMNS)
    }
    figures = log_call.measured(ways, quick="--quick" in sys.argv[3:]).figures
    line = {
        "name": name,
        "version": build.version(),
        "build": build.description(),
        "hyperscan": importlib.util.find_spec("hyperscan") is not None,
        "others": watch.others(),
        "figures": figures,
    }
    with Path(file).open("a") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
