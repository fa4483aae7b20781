"""Processes that put events into a spool, send none of them, and are killed."""

import os
import signal
import sys

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.spool import Spool
from structlog_mozdef.buffers.spool.folder import SpoolFolder

url, folder, streams, events = sys.argv[1:]
for stream in range(int(streams)):
    child = os.fork()
    if not child:
        spool = Spool(
            SpoolFolder(folder, url),
            max_events=10**9,
            max_bytes=2**30,
            when_full="drop_newest",
            sync="interval",
            own_log=RateLimitedLogger(),
        )
        for number in range(int(events)):
            spool.append(b'{"summary": "%d %d"}' % (stream, number))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
