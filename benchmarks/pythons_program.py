"""Measure log calls on this Python once: ``python -m benchmarks.pythons_program NAME FILE``.

It adds a line to FILE, a JSON object, from which `benchmarks.pythons` makes a table. NAME is its
name there of this Python. With ``--quick`` it only shows that everything works.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import build, events
from benchmarks.counting_receiver import CountingReceiver, counting_receiver
from benchmarks.loggers import (
    configured_logger,
    explicit_logger,
    log_many,
    structlog_json_logger,
)
from benchmarks.machine import Watch
from benchmarks.running import disk_folder, settled
from structlog_mozdef import Sink

FLOOR = "floor"
CHAINS: dict[str, Callable[[Any], Any]] = {
    "explicit": explicit_logger,
    "configure()": partial(configured_logger, redact=False),
    "redacted": partial(configured_logger, redact=True),
}
BUFFERS = ("memory", "spool")
_CALLS = 25_000
_QUICK_CALLS = 1_500
_WARM_UP = 2_000


def main() -> None:
    """Measure all chains with both buffers, and the floor before them."""
    name, file = sys.argv[1:3]
    calls = _QUICK_CALLS if "--quick" in sys.argv[3:] else _CALLS
    watch = Watch()
    floor = _cost(structlog_json_logger(), calls)
    with counting_receiver() as receiver:
        ways = {
            f"{chain}, {buffer}": _measure(logger, buffer, receiver, calls)
            for chain, logger in CHAINS.items()
            for buffer in BUFFERS
        }
    line = {
        "name": name,
        "version": build.version(),
        "build": build.description(),
        "hyperscan": importlib.util.find_spec("hyperscan") is not None,
        "others": watch.others(),
        "floor": floor,
        "ways": ways,
    }
    with Path(file).open("a") as lines:
        lines.write(json.dumps(line) + "\n")


def _measure(
    logger: Callable[[Any], Any], buffer: str, receiver: CountingReceiver, calls: int
) -> dict[str, float]:
    """Return the cost of a call, and how many events were logged and did not arrive."""
    logged = 2 * calls + _WARM_UP
    before = receiver.count()
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {}
        if buffer == "spool":
            options["spool"] = stack.enter_context(disk_folder())
        sink = stack.enter_context(Sink(receiver.url, **options))
        cost = _cost(logger(sink), calls, sink)
    arrived = settled(receiver.count, enough=before + logged, idle=1, limit=10) - before
    return {**cost, "logged": logged, "lost": logged - arrived}


def _cost(log: Any, calls: int, sink: Sink | None = None) -> dict[str, float]:
    """Return median and mean of the seconds of a call, of two loops."""
    _timed(log, _WARM_UP)
    _flush(sink)
    median = statistics.median(_timed(log, calls))
    _flush(sink)
    start = time.perf_counter()
    log_many(log, calls)
    mean = (time.perf_counter() - start) / calls
    _flush(sink)
    return {"median": median, "mean": mean}


def _flush(sink: Sink | None) -> None:
    if sink is not None:
        assert sink.flush(60), sink.stats()


def _timed(log: Any, calls: int) -> array[float]:
    """Return the seconds of each call."""
    clock, seconds = time.perf_counter, array("d")
    for number in range(calls):
        fields = events.fields(number)
        start = clock()
        log.info(events.SUMMARY, **fields)
        seconds.append(clock() - start)
    return seconds


if __name__ == "__main__":
    main()
