"""Keep one event in a spool until standard input ends; then deliver it."""

import sys

import structlog_mozdef as mozdef

sink = mozdef.Sink(sys.argv[1], spool=sys.argv[2], linger=60)
sink.put(b'{"summary": "owned"}')
print("ready", flush=True)
sys.stdin.read()
sink.close()
