"""From the log call to a receiver that counts, against the rate of the chain alone."""

from __future__ import annotations

import statistics
import time

from benchmarks.chains import Nowhere, explicit_chain, log_many
from benchmarks.counting_receiver import counting_receiver
from structlog_mozdef import Sink

ROUNDS = 7
EVENTS = 200_000


def main() -> None:
    """Print the medians of interleaved runs."""
    alone: list[float] = []
    shipped: list[float] = []
    with counting_receiver() as receiver:
        for _ in range(ROUNDS):
            alone.append(_rate_alone())
            shipped.append(_rate_shipped(receiver.url))
        lost = ROUNDS * EVENTS - receiver.count()
    ratio = statistics.median(a / b for a, b in zip(shipped, alone, strict=True))
    print("end to end, one thread in a tight loop (ratio to the chain alone, events a second)")
    print(f"  {ratio:5.2f}  {statistics.median(shipped):9,.0f}  counted at the receiver")
    print(f"  {1:5.2f}  {statistics.median(alone):9,.0f}  the chain alone")
    print(f"  lost: {lost}")


def _rate_alone() -> float:
    start = time.perf_counter()
    log_many(explicit_chain(Nowhere()), EVENTS)
    return EVENTS / (time.perf_counter() - start)


def _rate_shipped(url: str) -> float:
    with Sink(url) as sink:
        log = explicit_chain(sink)
        start = time.perf_counter()
        log_many(log, EVENTS)
        assert sink.flush(60)
        return EVENTS / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
