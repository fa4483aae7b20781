"""Put millions of events into a spool that nobody empties; print how much memory that took."""

import sys
import time
from pathlib import Path

import structlog_mozdef as mozdef


def resident_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


url, folder, count = sys.argv[1:]
sink = mozdef.Sink(
    url,
    spool=folder,
    sync="never",
    max_bytes=4 * 1024**3,
    retry=mozdef.RetryPolicy(0.1, 0.2),
    exit_timeout=0,
)
padding = b"x" * 260
event = b'{"summary": "event %d", "details": {"padding": "' + padding + b'"}}'
put = sink.put
for number in range(1000):
    put(event % number)
time.sleep(0.5)  # the sender has met the outage
before = resident_bytes()
highest = before
for number in range(1000, int(count)):
    put(event % number)
    if not number % 100_000:
        highest = max(highest, resident_bytes())
stats = sink.stats()
print(max(highest, resident_bytes()) - before, stats.buffered, stats.dropped, stats.failed_attempts)
