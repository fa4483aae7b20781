"""Drain a backlog of a million events to a receiver that counts."""

from __future__ import annotations

import time

from benchmarks.counting_receiver import counting_receiver
from benchmarks.results import Results, Table, count
from benchmarks.running import disk_folder
from structlog_mozdef import Sink

EVENTS = 1_000_000
_EVENT = b'{"summary": "' + b"x" * 434 + b'"}'


def main(*, quick: bool = False) -> Results:
    """Return the rate in the first and the last third of the backlog."""
    events = 50_000 if quick else EVENTS
    with disk_folder() as folder, counting_receiver() as receiver:
        # Fill it without sending, for the URL of the receiver.
        _fill(folder, receiver.url, events)
        sink = Sink(receiver.url, spool=folder)
        marks = [(time.perf_counter(), 0)]
        while marks[-1][1] < events:
            time.sleep(0.01)
            marks.append((time.perf_counter(), sink.stats().delivered))
        counted = receiver.count()
        sink.close()
    begin = next(mark for mark in marks if mark[1])
    total = events / (marks[-1][0] - marks[0][0])
    rates = [
        (f"from {low:.0%} to {high:.0%} of the backlog", _rate(marks, low * events, high * events))
        for low, high in ((0.05, 0.35), (0.65, 0.95), (0.05, 0.95))
    ]
    rates.append(("all, including finding and counting", total))
    return Results(
        [
            Table(
                "draining a backlog from the spool",
                ["part", "ratio", "events/s"],
                [[name, f"{rate / rates[0][1]:.2f}", count(rate)] for name, rate in rates],
                f"{events:,} events of 450 bytes; ratio: to the first part; {begin[1]:,} were"
                f" delivered at the first check; lost: {events - counted}",
            )
        ],
        figures={
            "drain_a_second": rates[2][1],
            "drain.end": rates[1][1] / rates[0][1],
            "drain.lost": events - counted,
        },
    )


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
