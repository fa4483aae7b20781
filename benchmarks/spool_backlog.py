"""The cost of a log call while a backlog grows, in the spool and in memory."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import statistics
import time
from typing import Any

from benchmarks.results import Lines, Results, Table, count, micro, ratio
from benchmarks.running import disk_folder, free_bytes, quiet_port
from structlog_mozdef import RetryPolicy, Sink

# Backlogs at which the cost is measured, as the median of parts around them.
_SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
_PART = 1_000
_PARTS_AROUND = 9
_EVENT = b'{"summary": "' + b"x" * 284 + b'"}'
_BYTES = len(_EVENT) + 200  # with the overhead of an object in memory
_MAX_BYTES = 2**34


def main(*, quick: bool = False) -> Results:
    """Return the cost of ``Sink.put`` at each size of the backlog, relative to the first."""
    rows, lines = [], {}
    for name, free, spool in (
        ("spool", free_bytes(), True),
        ("memory", _free_memory(), False),
    ):
        # A quarter of the free space: others need the machine as well.
        sizes = [size for size in _SIZES if size * _BYTES < free / 4]
        # In its own process, since it needs gigabytes.
        with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn")
        ) as processes:
            found = processes.submit(_grow, sizes[:2] if quick else sizes, spool=spool).result()
        base = next(iter(found.values()))
        rows += [
            [name, count(size), ratio(seconds, base), micro(seconds)]
            for size, seconds in found.items()
        ]
        lines[f"structlog-mozdef, {name}"] = [
            (size, seconds * 1e6) for size, seconds in found.items()
        ]
    return Results(
        [
            Table(
                "Sink.put of 300 bytes by the size of the backlog",
                ["where", "backlog", "ratio", "us"],
                rows,
                f"mean of {_PART:,} calls, median of {_PARTS_AROUND} such parts at that backlog;"
                " no receiver listens; a backlog that needs more than a quarter of the free disk or"
                " memory is left out",
            )
        ],
        [
            Lines(
                "backlog",
                "Sink.put by the size of the backlog",
                "events in the backlog",
                "microseconds",
                lines,
                x_log=True,
            )
        ],
    )


def _grow(sizes: list[int], *, spool: bool) -> dict[int, float]:
    with disk_folder() as folder:
        options: dict[str, Any] = {"spool": folder} if spool else {"max_events": 2 * sizes[-1]}
        sink = Sink(
            f"http://127.0.0.1:{quiet_port()}/events",
            max_bytes=_MAX_BYTES,
            retry=RetryPolicy(0.1, 1.0),
            exit_timeout=0.0,
            **options,
        )
        _put(sink, _PART)  # the first calls load modules and create the stream
        waiting, found = _PART, {}
        for size in sizes:
            around = _PART * _PARTS_AROUND // 2
            _put(sink, max(0, size - around - waiting))
            parts = [_put(sink, _PART) for _ in range(_PARTS_AROUND)]
            waiting = max(waiting, size - around) + _PART * _PARTS_AROUND
            found[size] = statistics.median(parts) / _PART
        assert sink.stats().dropped == 0, sink.stats()
        sink.close(0)
    return found


def _put(sink: Sink, events: int) -> float:
    put = sink.put
    start = time.perf_counter()
    for _ in range(events):
        put(_EVENT)
    return time.perf_counter() - start


def _free_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
