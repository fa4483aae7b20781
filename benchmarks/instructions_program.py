"""What `benchmarks.instructions` runs under valgrind: log calls, chain after chain.

Between two calls of ``os.getpgrp``, which nobody else calls, there is nothing but *N* log calls
of one chain, *N* being the argument.
"""

from __future__ import annotations

import os
import sys
import tempfile

from benchmarks.chains import explicit_chain, log_many, structlog_json
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
        chains = (structlog_json(), explicit_chain(memory), explicit_chain(spool))
        for log in chains:
            log_many(log, _WARM_UP)
        assert memory.flush(60)
        assert spool.flush(60)
        os.getpgrp()
        for log in chains:
            log_many(log, calls)
            os.getpgrp()
        for sink in (memory, spool):
            # The sender had no reason to do anything that would have been counted.
            assert sink.stats().buffered == calls, sink.stats()
    os._exit(0)


if __name__ == "__main__":
    main()
