"""Whether log calls get slower while a backlog grows on disk."""

from __future__ import annotations

import statistics
import tempfile
import time

from structlog_mozdef import RetryPolicy, Sink

EVENTS = 2_000_000
PART = 100_000
_EVENT = b'{"summary": "' + b"x" * 284 + b'"}'


def main() -> None:
    """Print the time of a call at each size of the backlog, as a ratio to the first part."""
    with tempfile.TemporaryDirectory() as folder:
        # Nothing listens on the port of a discard server here.
        sink = Sink(
            "http://127.0.0.1:9/events",
            spool=folder,
            max_bytes=2**31,
            retry=RetryPolicy(0.1, 1.0),
            exit_timeout=0.0,
        )
        _put_part(sink)  # the first calls load modules and make the stream
        parts = [_put_part(sink) for _ in range(EVENTS // PART)]
        assert sink.stats().dropped == 0
        sink.close(0)
    base = statistics.median(parts[:5])
    print("Sink.put of 300 bytes while nobody empties the spool (ratio, microseconds)")
    for index in range(0, len(parts), 5):
        median = statistics.median(parts[index : index + 5])
        print(
            f"  {median / base:6.2f}  {median * 1e6:6.2f}"
            f"  backlog of {(index + 1) * PART:,} to {(index + 6) * PART:,} events"
        )


def _put_part(sink: Sink) -> float:
    start = time.perf_counter()
    for _ in range(PART):
        sink.put(_EVENT)
    return (time.perf_counter() - start) / PART


if __name__ == "__main__":
    main()
