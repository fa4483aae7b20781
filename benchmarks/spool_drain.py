"""Draining a backlog of a million events to a receiver that counts."""

from __future__ import annotations

import tempfile
import time

from benchmarks.counting_receiver import counting_receiver
from structlog_mozdef import Sink

EVENTS = 1_000_000
_EVENT = b'{"summary": "' + b"x" * 434 + b'"}'


def main() -> None:
    """Print the rate in each tenth of the backlog."""
    with tempfile.TemporaryDirectory() as folder, counting_receiver() as receiver:
        # Fill while nobody listens, under the name that the receiver will have.
        _fill(folder, receiver.url)
        sink = Sink(receiver.url, spool=folder)
        marks = [(time.perf_counter(), 0)]
        while marks[-1][1] < EVENTS:
            time.sleep(0.05)
            marks.append((time.perf_counter(), sink.stats().delivered))
        counted = receiver.count()
        sink.close()
    begin = next(mark for mark in marks if mark[1])
    print(f"draining {EVENTS:,} events of 450 bytes (events a second)")
    for low, high in ((0.05, 0.35), (0.65, 0.95), (0.05, 0.95)):
        print(f"  {_rate(marks, low, high):9,.0f}  from {low:.0%} to {high:.0%} of the backlog")
    total = EVENTS / (marks[-1][0] - marks[0][0])
    print(f"  {total:9,.0f}  all, finding and counting included ({begin[1]:,} in the first look)")
    print(f"  lost: {EVENTS - counted}")


def _fill(folder: str, url: str) -> None:
    from structlog_mozdef.buffers.spool import Spool
    from structlog_mozdef.buffers.spool_folder import SpoolFolder
    from structlog_mozdef.reporting import Reporter

    spool = Spool(
        SpoolFolder(folder, url),
        max_events=EVENTS,
        max_bytes=2**31,
        when_full="drop_newest",
        sync="never",
        reporter=Reporter(),
    )
    for _ in range(EVENTS):
        spool.append(_EVENT)
    spool.close()


def _rate(marks: list[tuple[float, int]], low: float, high: float) -> float:
    part = [mark for mark in marks if low * EVENTS <= mark[1] <= high * EVENTS]
    (start, first), (end, last) = part[0], part[-1]
    return (last - first) / (end - start)


if __name__ == "__main__":
    main()
