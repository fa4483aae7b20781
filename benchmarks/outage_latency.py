"""How long single log calls take while the receiver is dead."""

from __future__ import annotations

import time

from benchmarks.chains import explicit_chain, log_many
from benchmarks.results import Results, Table, micro
from structlog_mozdef import Sink

CALLS = 300_000
_QUANTILES = (0.5, 0.99, 0.999, 0.9999)


def main(*, quick: bool = False) -> Results:
    """Quantiles of the latency, through a full buffer as well."""
    calls = 10_000 if quick else CALLS
    # Nothing listens on the port of a discard server here.
    sink = Sink("http://127.0.0.1:9/events", exit_timeout=0.0)
    log = explicit_chain(sink)
    log_many(log, 1000)
    latencies = []
    clock = time.perf_counter
    for number in range(calls):
        start = clock()
        log.info("User logged in", username="kang", sourceipaddress="10.0.0.7", number=number)
        latencies.append(clock() - start)
    latencies.sort()
    places = {f"p{quantile * 100:g}": int(quantile * calls) for quantile in _QUANTILES}
    places["max"] = calls - 1
    median = latencies[calls // 2]
    rows = [
        [name, f"{latencies[place] / median:.1f}", micro(latencies[place])]
        for name, place in places.items()
    ]
    return Results(
        [
            Table(
                "log call while the receiver is dead, defaults of this project",
                ["quantile", "ratio", "us"],
                rows,
                f"{calls:,} calls into the memory buffer, through its bound of 100,000 events;"
                f" dropped for want of room, and counted: {sink.stats().dropped:,}",
            )
        ]
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
