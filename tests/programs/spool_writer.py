"""Put events into a spool, send none of them, say so, and stay."""

import sys
import time

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.spool import Spool
from structlog_mozdef.buffers.spool.folder import SpoolFolder

url, folder, name, events = sys.argv[1:]
spool = Spool(
    SpoolFolder(folder, url),
    max_events=10**9,
    max_bytes=2**30,
    when_full="drop_newest",
    sync="interval",
    own_log=RateLimitedLogger(),
)
for number in range(int(events)):
    spool.append(b'{"summary": "%b %d"}' % (name.encode(), number))
print("ready", flush=True)
time.sleep(600)
