"""Log and flush on every line of standard input, as a function does that is called now and then."""

import sys
import time

import structlog_mozdef as mozdef

sink = mozdef.Sink(sys.argv[1], linger=60)
for number, _ in enumerate(sys.stdin):
    sink.put(b'{"summary": "%d"}' % number)
    start = time.monotonic()
    flushed = sink.flush(10)
    print(flushed, time.monotonic() - start < 2, flush=True)
