"""Run the benchmarks and write RESULTS.rst: ``python -m benchmarks [--quick] [NAME ...]``.

With names, only those benchmarks are run, and nothing is written. The goals are shown of which the
figures are there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from benchmarks import goals, report
from benchmarks.machine import Watch, describe, verdict
from benchmarks.results import Results, Table
from benchmarks.tables import as_text

# In this order. A module that is missing from the checkout is skipped.
_NAMES = (
    "peers_speed",
    "peers_outage",
    "peers_kill",
    "peers_size",
    "import_time",
    "log_call",
    "pythons",
    "redaction",
    "rate_limiter",
    "sealing",
    "poison",
    "spool_blocks",
    "spool_backlog",
    "spool_drain",
    "amqp",
    "fleet",
    "instructions",
)


def run(main: Callable[..., Any], *, quick: bool) -> Results | str:
    """Run one benchmark; return its results, or its output if it prints."""
    options = {"quick": quick} if "quick" in inspect.signature(main).parameters else {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        found = main(**options)
    return found if isinstance(found, Results) else printed.getvalue().rstrip()


def show(found: Results | str) -> None:
    """Print the results of one benchmark."""
    if isinstance(found, str):
        print(found)
    else:
        print("\n\n".join(map(as_text, found.tables)))
    print(flush=True)


def run_alone(main: Callable[..., Any]) -> None:
    """Run one benchmark as ``python -m benchmarks.NAME [--quick]``."""
    show(run(main, quick="--quick" in sys.argv[1:]))


def goals_of(found: Mapping[str, Results | str]) -> Table:
    """Return what the results say about the goals."""
    figures: dict[str, float] = {}
    for results in found.values():
        if isinstance(results, Results):
            figures.update(results.figures)
    return goals.table(figures)


def _load(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"benchmarks.{name}":
            raise
        return None


def main() -> None:
    """Run the benchmarks that the command line names. Default: all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    parser.add_argument(
        "--quick", action="store_true", help="a short run, only to see that everything works"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in _NAMES]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(_NAMES)}")
    machine, watch = describe(), Watch()
    print(as_text(machine), flush=True)
    print()
    found: dict[str, Results | str] = {}
    failed: list[str] = []
    for name in arguments.names or _NAMES:
        module = _load(name)
        if module is None:
            continue
        started = time.monotonic()
        try:
            found[name] = run(module.main, quick=arguments.quick)
        except Exception as error:
            # A benchmark that fails must not prevent the figures of the others.
            traceback.print_exc()
            found[name] = f"{name}\nfailed: {type(error).__name__}: {error}"
            failed.append(name)
        show(found[name])
        print(f"[{name}: {time.monotonic() - started:.0f} s]\n", file=sys.stderr, flush=True)
    reached = goals_of(found)
    if reached.rows:
        found = {"goals": Results([reached]), **found}
        show(found["goals"])
    reported = verdict(watch, quick=arguments.quick)
    print(reported)
    if not arguments.names:
        print(f"written: {report.write(machine, reported, found)}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
