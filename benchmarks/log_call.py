"""What a log call costs, against structlog's own JSON chain writing to /dev/null."""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from benchmarks.chains import Nowhere, configured_chain, explicit_chain, log_many, structlog_json
from benchmarks.counting_receiver import counting_receiver
from structlog_mozdef import Sink

ROUNDS = 15
CALLS = 20_000


def main() -> None:
    """Print the medians of interleaved runs."""
    with (
        counting_receiver() as receiver,
        Sink(receiver.url) as sink,
        tempfile.TemporaryDirectory() as folder,
        Sink(receiver.url, spool=folder) as spooling,
    ):
        loggers = {
            "structlog JSON to /dev/null (the floor)": structlog_json(),
            "explicit chain, events dropped": explicit_chain(Nowhere()),
            "explicit chain into the memory buffer, sender running": explicit_chain(sink),
            "configure()'s chain, sender running": configured_chain(sink),
            "explicit chain into the spool, sender running": explicit_chain(spooling),
        }
        times: dict[str, list[float]] = {name: [] for name in loggers}
        for _ in range(ROUNDS):
            for name, log in loggers.items():
                times[name].append(_seconds_a_call(log))
                sink.flush(30)
                spooling.flush(30)
        for used in (sink, spooling):
            assert used.stats().dropped == 0, used.stats()
    floor = statistics.median(next(iter(times.values())))
    print("log call, one thread (ratio to the floor, microseconds)")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"  {median / floor:5.2f}  {median * 1e6:6.2f}  {name}")


def _seconds_a_call(log: Any) -> float:
    start = time.perf_counter()
    log_many(log, CALLS)
    return (time.perf_counter() - start) / CALLS


if __name__ == "__main__":
    main()
