"""Sinks whose spool is on a disk that fails at random: how many could be made, and how many not.

Arguments: a folder, and how many sinks to make in it, each with a spool of its own.
"""

import sys

import structlog_mozdef as mozdef

folder, count = sys.argv[1:]
made = refused = 0
for number in range(int(count)):
    try:
        sink = mozdef.Sink("http://127.0.0.1:9/events", spool=f"{folder}/{number}", exit_timeout=0)
    except mozdef.SpoolError:
        refused += 1
    else:
        made += 1
        sink.close(0)
print(f"made={made} refused={refused}")
