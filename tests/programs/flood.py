"""Log 200,000 events in a tight loop; print how many were dropped."""

import sys

import structlog

import structlog_mozdef as mozdef

sink = mozdef.configure(sys.argv[1])
log = structlog.get_logger()
for number in range(200_000):
    log.info("flood", number=number)
sink.flush(60)
print(sink.stats().dropped)
