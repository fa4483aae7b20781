"""The rate from the log call to a receiver that counts, relative to that of the chain alone."""

from __future__ import annotations

import statistics
import time

from benchmarks.counting_receiver import counting_receiver
from benchmarks.loggers import Nowhere, explicit_logger, log_many
from benchmarks.results import Results, Table, count, ratio
from structlog_mozdef import Sink

ROUNDS = 7
EVENTS = 200_000


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved runs."""
    rounds, events = (1, 10_000) if quick else (ROUNDS, EVENTS)
    alone: list[float] = []
    shipped: list[float] = []
    with counting_receiver() as receiver:
        for _ in range(rounds):
            alone.append(_rate_alone(events))
            shipped.append(_rate_shipped(receiver.url, events))
        lost = rounds * events - receiver.count()
    of_alone = statistics.median(a / b for a, b in zip(shipped, alone, strict=True))
    return Results(
        [
            Table(
                "end to end, this project, one thread in a tight loop",
                ["what", "ratio", "events/s", "lost"],
                [
                    [
                        "counted at the receiver",
                        ratio(of_alone, 1),
                        count(statistics.median(shipped)),
                        count(lost),
                    ],
                    ["the chain alone", "1.00", count(statistics.median(alone)), "-"],
                ],
                f"{events:,} events a round; ratio: to the chain alone; medians of {rounds}"
                " interleaved rounds",
            )
        ]
    )


def _rate_alone(events: int) -> float:
    start = time.perf_counter()
    log_many(explicit_logger(Nowhere()), events)
    return events / (time.perf_counter() - start)


def _rate_shipped(url: str, events: int) -> float:
    with Sink(url) as sink:
        log = explicit_logger(sink)
        start = time.perf_counter()
        log_many(log, events)
        assert sink.flush(60)
        return events / (time.perf_counter() - start)


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
