"""Processor time of the whole process for each event: the log call, the sender, all threads."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import resource
import statistics
from typing import Any

from benchmarks.counting_receiver import counting_receiver
from benchmarks.loggers import Nowhere, explicit_logger, log_many, structlog_json_logger
from benchmarks.results import Results, Table, ratio
from benchmarks.running import disk_folder
from structlog_mozdef import Sink

ROUNDS = 7
EVENTS = 200_000
_WARM_UP = 1_000
_WAYS = {
    "structlog JSON to /dev/null (the floor)": "floor",
    "explicit chain, events dropped": "nowhere",
    "explicit chain, memory, until all is delivered": "memory",
    "explicit chain, spool, until all is delivered": "spool",
}


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved rounds, each in its own process."""
    rounds, events = (1, 10_000) if quick else (ROUNDS, EVENTS)
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _WAYS}
    with counting_receiver() as receiver:
        for _ in range(rounds):
            for name, way in _WAYS.items():
                with (
                    disk_folder() as folder,
                    concurrent.futures.ProcessPoolExecutor(1, context) as processes,
                ):
                    spent = processes.submit(_spend, way, receiver.url, folder, events).result()
                found[name].append(spent)
    floor = statistics.median(map(sum, next(iter(found.values()))))
    rows = []
    for name, measured in found.items():
        total = statistics.median(map(sum, measured))
        kernel = statistics.median(kernel for _, kernel in measured)
        rows.append([name, ratio(total, floor), f"{total * 1e6:.2f}", f"{kernel * 1e6:.2f}"])
    return Results(
        [
            Table(
                "processor time of the whole process for each event",
                ["way", "ratio", "CPU us/event", "in the kernel"],
                rows,
                f"{events:,} events in a tight loop, all threads, until the last one is delivered;"
                f" the receiver is another process; ratio: to the floor; medians of {rounds}"
                " interleaved rounds",
            )
        ]
    )


def _spend(way: str, url: str, folder: str, events: int) -> tuple[float, float]:
    """Return the seconds for an event, in the program and in the kernel."""
    sink: Any = None
    if way == "floor":
        log = structlog_json_logger()
    elif way == "nowhere":
        log = explicit_logger(Nowhere())
    else:
        options: dict[str, Any] = {"spool": folder} if way == "spool" else {"max_events": events}
        sink = Sink(url, max_bytes=2**30, **options)
        log = explicit_logger(sink)
    _log_and_deliver(log, sink, _WARM_UP)
    before = resource.getrusage(resource.RUSAGE_SELF)
    _log_and_deliver(log, sink, events)
    after = resource.getrusage(resource.RUSAGE_SELF)
    if sink is not None:
        assert sink.stats().delivered == events + _WARM_UP, sink.stats()
        sink.close()
    return (after.ru_utime - before.ru_utime) / events, (after.ru_stime - before.ru_stime) / events


def _log_and_deliver(log: Any, sink: Any, events: int) -> None:
    log_many(log, events)
    if sink is not None:
        assert sink.flush(120)


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
