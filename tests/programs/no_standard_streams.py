"""Run without descriptors 0, 1 and 2: what C code writes to them must reach no file of ours."""

import os
import sys

import structlog_mozdef as mozdef

url, *spool = sys.argv[1:]
sink = mozdef.Sink(url, *spool, linger=60)
for number in range(5):
    sink.put(b'{"summary": "%d"}' % number)
if url.startswith("file:"):
    sink.flush()  # so that it is open
for descriptor in (0, 1, 2):
    try:
        os.write(descriptor, b"written by C code\n")
    except OSError:
        pass  # it is still closed
sink.put(17)  # a loss, which is reported at the end
