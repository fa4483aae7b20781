"""Drain a backlog of a million events to a receiver that counts."""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

from benchmarks.counting_receiver import counting_receiver
from benchmarks.results import Results, Table, count
from benchmarks.running import disk_folder
from structlog_mozdef import Sink

ROUNDS = 3
EVENTS = 1_000_000
_EVENT = b'{"summary": "' + b"x" * 434 + b'"}'
_PARTS = ((0.05, 0.35), (0.65, 0.95), (0.05, 0.95))


def main(*, quick: bool = False) -> Results:
    """Return the rate in the first and the last third of the backlog, medians of rounds."""
    rounds, events = (1, 50_000) if quick else (ROUNDS, EVENTS)
    drained = [_drain(events) for _ in range(rounds)]
    lost = sum(each.lost for each in drained)
    start, end, middle, total = (
        statistics.median(rates) for rates in zip(*(each.rates for each in drained), strict=True)
    )
    # Within a round: another may have been slower from start to end.
    kept = statistics.median(each.rates[1] / each.rates[0] for each in drained)
    names = [f"from {low:.0%} to {high:.0%} of the backlog" for low, high in _PARTS]
    rows = [
        [names[0], "1.00", count(start)],
        [names[1], f"{kept:.2f}", count(end)],
        [names[2], f"{middle / start:.2f}", count(middle)],
        ["all, including finding and counting", f"{total / start:.2f}", count(total)],
    ]
    return Results(
        [
            Table(
                "draining a backlog from the spool",
                ["part", "ratio", "events/s"],
                rows,
                f"{events:,} events of 450 bytes; ratio: to the first part; that of the end is the"
                f" median of the ratios within a round; medians of {rounds} rounds; lost: {lost}",
            )
        ],
        figures={"drain_a_second": middle, "drain.end": kept, "drain.lost": lost},
    )


class _Drained(NamedTuple):
    rates: list[float]
    lost: int


def _drain(events: int) -> _Drained:
    with disk_folder() as folder, counting_receiver() as receiver:
        # Fill it without sending, for the URL of the receiver.
        _fill(folder, receiver.url, events)
        sink = Sink(receiver.url, spool=folder)
        marks = [(time.perf_counter(), 0)]
        while marks[-1][1] < events:
            time.sleep(0.01)
            marks.append((time.perf_counter(), sink.stats().delivered))
        lost = events - receiver.count()
        sink.close()
    rates = [_rate(marks, low * events, high * events) for low, high in _PARTS]
    return _Drained([*rates, events / (marks[-1][0] - marks[0][0])], lost)


def _fill(folder: str, url: str, events: int) -> None:
    from structlog_mozdef._log import RateLimitedLogger
    from structlog_mozdef.buffers.spool import Spool, SpoolOptions
    from structlog_mozdef.buffers.spool.folder import SpoolFolder

    options = SpoolOptions(events, 2**31, "drop_newest", "never")
    spool = Spool(SpoolFolder(folder, url), options, RateLimitedLogger())
    for _ in range(events):
        spool.append(_EVENT)
    spool.close()


def _rate(marks: list[tuple[float, int]], low: float, high: float) -> float:
    part = [mark for mark in marks if low <= mark[1] <= high]
    if len(part) < 2:
        return float("nan")  # it was over between two checks
    (start, first), (end, last) = part[0], part[-1]
    return (last - first) / (end - start)


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
