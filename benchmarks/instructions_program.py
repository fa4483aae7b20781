"""The program that `benchmarks.instructions` runs under valgrind: log calls, chain after chain.

Between two calls of ``os.getpgrp``, which no other code calls, are only *N* log calls of one chain.
*N* is the argument.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from typing import Any

import structlog

from benchmarks.loggers import (
    Nowhere,
    configured_logger,
    explicit_logger,
    floor_processors,
    log_many,
    structlog_json_logger,
)
from structlog_mozdef import MozDefHandler, MozDefTee, Sink
from structlog_mozdef.transports.memory import MemoryTransport

_WARM_UP = 50
_NEVER = 1_000_000
_CATEGORY = "authentication"


class _HandledLogger:
    """Log by the standard library, ``extra=`` fields and a `MozDefHandler`, as `log_many` does."""

    def __init__(self, sink: Any) -> None:
        self._logger = logging.Logger("benchmarks", logging.INFO)  # noqa: LOG001 - this one alone
        self._logger.addHandler(MozDefHandler(sink, category=_CATEGORY))

    def info(self, event: str, **fields: Any) -> None:
        """Log *event* with *fields*."""
        self._logger.info(event, extra=fields)


def _tee_logger(sink: Any) -> Any:
    """Return a logger with a tee in the chain of the floor."""
    add_level, *rest = floor_processors()
    bound_logger: Any = structlog.make_filtering_bound_logger(logging.INFO)
    return bound_logger(
        structlog.BytesLogger(open("/dev/null", "wb")),  # noqa: PTH123 - it stays open
        [add_level, MozDefTee(sink, category=_CATEGORY), *rest],
        {},
    )


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
            explicit_logger(memory, sequence=False, redact=False),
            explicit_logger(spool, sequence=False, redact=False),
            # With a second tag and a category, as when the figures were committed.
            configured_logger(Nowhere(), tags=["openvpn", "duosecurity"], category=_CATEGORY),
            _tee_logger(Nowhere()),
            _HandledLogger(Nowhere()),
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
