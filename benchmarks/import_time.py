"""What ``import structlog_mozdef`` costs beyond ``import structlog``, and the other libraries."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.peers import SENDERS
from benchmarks.results import Results, Table, ratio

ROUNDS = 9
_PROGRAM = """
import sys, time
{}
start = time.perf_counter()
{}
print(time.perf_counter() - start, file=sys.stderr)
"""
_CASES = {
    "import structlog": ("", "import structlog"),
    "import structlog_mozdef, after structlog": (
        "import structlog",
        "import structlog_mozdef",
    ),
    "... and what configure() needs, without requests": (
        "import structlog",
        "import structlog_mozdef.configuration",
    ),
    "... and requests, for a URL": (
        "import structlog",
        "import structlog_mozdef.configuration, structlog_mozdef.transports.http",
    ),
}


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved runs, each in its own process."""
    rounds = 1 if quick else ROUNDS
    cases = dict(_CASES)
    for peer in SENDERS.values():
        cases[peer.name] = ("", peer.imports)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (loaded, statement) in cases.items():
            program = _PROGRAM.format(loaded, statement)
            output = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, text=True
            ).stderr
            seconds[name].append(float(output.split()[-1]))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    base = medians["import structlog"]
    rows = [[name, ratio(median, base), f"{median * 1000:.1f}"] for name, median in medians.items()]
    own = len(_CASES)
    columns = ["statement", "ratio", "ms"]
    return Results(
        [
            Table(
                "import, compared with import structlog",
                columns,
                rows[:own],
                f"a fresh process each, files in the cache; medians of {rounds} interleaved rounds",
            ),
            Table(
                "import of everything that a program needs, in a fresh process",
                ["library", *columns[1:]],
                rows[own:],
                "structlog itself is part of ours; ratio: to import structlog",
            ),
        ]
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
