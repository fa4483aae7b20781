"""The number of instructions of a log call: a guard against slow growth, independent of load.

Times on a shared machine differ by half from run to run; the number of instructions differs by
less than one in a hundred, whatever else the machine does. It is counted with valgrind's callgrind
and not with ``sys.monitoring``: that needs Python 3.12, and sees bytecode only. orjson, locks and
everything else in C would count as nothing there, and a second encoding of each event as a dozen
instructions. The price is a Debian package and some ten seconds.

What is compared is not the count, which depends on how this Python and orjson were compiled, but
its ratio to that of structlog's own chain, counted in the same run: both share most of their code.
A release of structlog that changes the floor still changes the ratio; then check the counts, and
write new figures with ``python -m benchmarks.instructions --write``.

The kernel's work is not counted: instead there are the system calls, of which the spool makes one
``write`` for each event. (valgrind lets reading the clock be one as well.)

One run counts all chains: callgrind writes what it has counted whenever the program calls a
function that nothing else uses, and starts again from zero.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.results import Results, Table, count

CALLS = 200
FIGURES = Path(__file__).with_name("instructions.json")
_ROOT = Path(__file__).parent.parent
#: Floor: structlog's own JSON. To a sink, the chain by hand without numbers and redaction: memory,
#: spool. To no sink, with redaction: the chain of ``configure``, a tee in the floor's chain, and a
#: log handler.
CHAINS = ("floor", "memory", "spool", "redacted", "tee", "handler")


@dataclass(frozen=True)
class Counted:
    """The cost of one log call.

    Attributes:
        instructions: executed outside of the kernel.
        ratio: of these to the instructions of structlog's own chain.
        system_calls: made.
    """

    instructions: float
    ratio: float
    system_calls: float


def measure() -> dict[str, Counted]:
    """Count for each of `CHAINS`.

    Raises:
        FileNotFoundError: valgrind is not installed.
        RuntimeError: the program failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                "--collect-systime=yes",
                "--dump-before=getpgrp",
                f"--callgrind-out-file={folder}/counts",
                sys.executable,
                "-m",
                "benchmarks.instructions_program",
                str(CALLS),
            ],
            cwd=_ROOT,
            # The order of a set must not change from run to run.
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            raise RuntimeError(process.stderr)
        # The first part is the start of the program; the program ends after the last.
        parts = [_totals(Path(f"{folder}/counts.{part}")) for part in range(2, 2 + len(CHAINS))]
    floor = parts[0][0]
    return {
        chain: Counted(instructions / CALLS, instructions / floor, system_calls / CALLS)
        for chain, (instructions, system_calls) in zip(CHAINS, parts, strict=True)
    }


def _totals(path: Path) -> tuple[int, int]:
    """Return the instructions and system calls of one part."""
    for line in path.read_text().splitlines():
        if line.startswith("totals:"):
            instructions, system_calls = line.split()[1:3]
            return int(instructions), int(system_calls)
    raise RuntimeError(f"{path} has no totals")


def committed() -> dict[str, dict[str, Counted]]:
    """Return the committed figures: minor version of Python -> chain -> cost."""
    return {
        version: {chain: Counted(**figures) for chain, figures in chains.items()}
        for version, chains in json.loads(FIGURES.read_text()).items()
    }


def allowed(chain: str) -> Counted | None:
    """Return the committed cost for this Python; the highest of all if it has none.

    None where this Python has figures, but none of this chain: on one without hyperscan, say.
    """
    known = committed()
    version = _version()
    if version in known:
        return known[version].get(chain)
    figures = (chains[chain] for chains in known.values() if chain in chains)
    return max(figures, key=lambda figures: figures.ratio)


def _version() -> str:
    return "{}.{}".format(*sys.version_info[:2])


def _write(found: dict[str, Counted]) -> None:
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[_version()] = {
        chain: {name: round(value, 3) for name, value in asdict(counted).items()}
        for chain, counted in found.items()
    }
    FIGURES.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")


def main() -> Results:
    """Return the figures of this run and the committed ones."""
    found = measure()
    return Results(
        [
            Table(
                "instructions of a log call",
                ["chain", "ratio", "committed ratio", "instructions", "system calls"],
                [
                    [
                        chain,
                        f"{counted.ratio:.3f}",
                        f"{limit.ratio:.3f}" if (limit := allowed(chain)) else "",
                        count(counted.instructions),
                        f"{counted.system_calls:.2f}",
                    ]
                    for chain, counted in found.items()
                ],
                f"mean of {CALLS} calls under callgrind, without the kernel's; ratio: to"
                " structlog's own chain (the floor) in the same run",
            )
        ]
    )


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        _write(measure())
    elif "--json" in sys.argv[1:]:
        print(
            json.dumps(
                {
                    chain: {
                        "found": asdict(counted),
                        "committed": asdict(limit) if (limit := allowed(chain)) else None,
                    }
                    for chain, counted in measure().items()
                }
            )
        )
    else:
        from benchmarks.__main__ import run_alone

        run_alone(main)
