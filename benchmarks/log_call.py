"""The cost of a log call, relative to structlog's own JSON chain writing to /dev/null."""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.counting_receiver import counting_receiver
from benchmarks.loggers import (
    Nowhere,
    configured_logger,
    explicit_logger,
    log_many,
    structlog_json_logger,
)
from benchmarks.results import Results, Table, ratio
from benchmarks.running import disk_folder
from structlog_mozdef import Sink

ROUNDS = 15
CALLS = 20_000


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved runs."""
    rounds, calls = (3, 2_000) if quick else (ROUNDS, CALLS)
    with (
        counting_receiver() as receiver,
        Sink(receiver.url) as sink,
        disk_folder() as folder,
        Sink(receiver.url, spool=folder) as spooling,
    ):
        loggers = {
            "structlog JSON to /dev/null (the floor)": structlog_json_logger(),
            "explicit chain, events dropped": explicit_logger(Nowhere()),
            "explicit chain into the memory buffer, sender running": explicit_logger(sink),
            "configure()'s chain, sender running": configured_logger(sink),
            "explicit chain into the spool, sender running": explicit_logger(spooling),
        }
        times: dict[str, list[float]] = {name: [] for name in loggers}
        for _ in range(rounds):
            for name, log in loggers.items():
                times[name].append(_seconds_a_call(log, calls))
                sink.flush(30)
                spooling.flush(30)
        for used in (sink, spooling):
            assert used.stats().dropped == 0, used.stats()
    floor = statistics.median(next(iter(times.values())))
    rows = []
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rows.append([name, ratio(median, floor), f"{median * 1e6:.2f}"])
    return Results(
        [
            Table(
                "log call of this project, one thread",
                ["chain", "ratio", "us"],
                rows,
                f"mean of {calls:,} calls in a tight loop, in one process; ratio: to the floor;"
                f" medians of {rounds} interleaved rounds",
            )
        ]
    )


def _seconds_a_call(log: Any, calls: int) -> float:
    start = time.perf_counter()
    log_many(log, calls)
    return (time.perf_counter() - start) / calls


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
