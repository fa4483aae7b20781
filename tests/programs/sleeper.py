"""Log once, and sleep."""

import sys
import time

import structlog_mozdef as mozdef

sink = mozdef.Sink(sys.argv[1])
sink.put(b'{"summary": "awake"}')
time.sleep(60)
