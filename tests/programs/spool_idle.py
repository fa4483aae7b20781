"""A sink on a spool, in a process that logs nothing, until standard input ends."""

import sys

import structlog_mozdef as mozdef

url, folder = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0.01, batch_events=50)
print("ready", flush=True)
sys.stdin.read()
print(sink.stats().delivered)
