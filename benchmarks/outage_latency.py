"""The latency of single log calls while the receiver is down."""

from __future__ import annotations

import time

from benchmarks.loggers import explicit_logger, log_many
from benchmarks.results import Results, Table, micro
from structlog_mozdef import Sink

CALLS = 300_000
_QUANTILES = (0.5, 0.99, 0.999, 0.9999)


def main(*, quick: bool = False) -> Results:
    """Return quantiles of the latency, before and after the buffer is full."""
    calls = 10_000 if quick else CALLS
    # No server listens on the discard port.
    sink = Sink("http://127.0.0.1:9/events", exit_timeout=0.0)
    log = explicit_logger(sink)
    log_many(log, 1000)
    latencies = []
    clock = time.perf_counter
    for number in range(calls):
        start = clock()
        log.info("User logged in", username="kang", sourceipaddress="10.0.0.7", number=number)
        latencies.append(clock() - start)
    latencies.sort()
    indices = {f"p{quantile * 100:g}": int(quantile * calls) for quantile in _QUANTILES}
    indices["max"] = calls - 1
    median = latencies[calls // 2]
    rows = [
        [name, f"{latencies[index] / median:.1f}", micro(latencies[index])]
        for name, index in indices.items()
    ]
    return Results(
        [
            Table(
                "log call while the receiver is down, defaults of this project",
                ["quantile", "ratio", "us"],
                rows,
                f"{calls:,} calls into the memory buffer, through its bound of 100,000 events;"
                f" dropped because the buffer was full, and counted: {sink.stats().dropped:,}",
            )
        ]
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
