"""Keep one event in a spool until standard input ends; then deliver it. Nothing is adopted."""

import sys
import time

import structlog_mozdef as mozdef
from structlog_mozdef.buffers.spool import reader

reader.ADOPT_INTERVAL = 600.0
sink = mozdef.Sink(sys.argv[1], spool=sys.argv[2], linger=60)
while not sink._buffer._reader._next_adoption:
    time.sleep(0.01)  # until it has looked, once
sink.put(b'{"summary": "owned"}')
print("ready", flush=True)
sys.stdin.read()
sink.close()
