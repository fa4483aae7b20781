"""Fork children that stay, while the sink adopts streams; they end with standard input."""

import os
import sys
import time
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the point

url, folder = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0, batch_events=2)
for _ in range(40):
    if not os.fork():
        os.close(1)
        os.close(2)
        sys.stdin.read()
        os._exit(0)
    time.sleep(0.002)
print("forked", flush=True)
time.sleep(60)
