"""How long single log calls take while the receiver is dead."""

from __future__ import annotations

import time

from benchmarks.chains import explicit_chain, log_many
from structlog_mozdef import Sink

CALLS = 300_000


def main() -> None:
    """Print quantiles of the latency, through a full buffer as well."""
    # Nothing listens on the port of a discard server here.
    sink = Sink("http://127.0.0.1:9/events", exit_timeout=0.0)
    log = explicit_chain(sink)
    log_many(log, 1000)
    latencies = []
    clock = time.perf_counter
    for number in range(CALLS):
        start = clock()
        log.info("User logged in", username="kang", sourceipaddress="10.0.0.7", number=number)
        latencies.append(clock() - start)
    latencies.sort()
    print(f"log call while the receiver is dead, {CALLS:,} calls (microseconds)")
    for quantile in (0.5, 0.99, 0.999, 0.9999):
        print(f"  {latencies[int(quantile * CALLS)] * 1e6:8.1f}  p{quantile * 100:g}")
    print(f"  {latencies[-1] * 1e6:8.1f}  max")
    print(f"  dropped for want of room, and counted: {sink.stats().dropped:,}")


if __name__ == "__main__":
    main()
