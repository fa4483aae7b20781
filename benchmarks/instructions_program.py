"""The program that `benchmarks.instructions` runs under valgrind: log calls, chain after chain.

Between two calls of ``os.getpgrp``, which no other code calls, are only *N* log calls of one chain.
*N* is the argument.
"""

from __future__ import annotations

import os
import sys
import tempfile

from benchmarks.loggers import (
    HandledLogger,
    Nowhere,
    configured_logger,
    explicit_logger,
    log_many,
    structlog_json_logger,
    tee_logger,
)
from structlog_mozdef import Sink
from structlog_mozdef.transports.memory import MemoryTransport

_WARM_UP = 50
_NEVER = 1_000_000


def main() -> None:
    """Log with each chain, and end without sending."""
    calls = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        memory = Sink(MemoryTransport(), linger=3600.0, batch_events=_NEVER)
        spool = Sink(
            MemoryTransport(), spool=folder, linger=3600.0, batch_events=_NEVER, sync="never"
        )
        loggers = (
            structlog_json_logger(),
            explicit_logger(memory),
            explicit_logger(spool),
            configured_logger(Nowhere(), redact=True),
            tee_logger(Nowhere(), redact=True),
            HandledLogger(Nowhere(), redact=True),
        )
        for log in loggers:
            log_many(log, _WARM_UP)
        assert memory.flush(60)
        assert spool.flush(60)
        os.getpgrp()
        for log in loggers:
            log_many(log, calls)
            os.getpgrp()
        for sink in (memory, spool):
            # The sender had no reason to do anything that would count.
            assert sink.stats().buffered == calls, sink.stats()
    os._exit(0)


if __name__ == "__main__":
    main()
