"""Run every benchmark: ``python -m benchmarks``."""

import platform

import structlog

from benchmarks import (
    end_to_end,
    import_time,
    log_call,
    outage_latency,
    spool_backlog,
    spool_blocks,
    spool_call,
    spool_drain,
)

print(f"Python {platform.python_version()}, structlog {structlog.__version__}")
for benchmark in (
    import_time,
    log_call,
    end_to_end,
    outage_latency,
    spool_call,
    spool_blocks,
    spool_backlog,
    spool_drain,
):
    print()
    benchmark.main()
