"""Log the same event 500 times within a limit of 10, and end in one of several ways."""

import os
import signal
import sys
import warnings

import structlog

import structlog_mozdef as mozdef

url, end = sys.argv[1:]
sink = mozdef.configure(url)
processors = structlog.get_config()["processors"]
processors.insert(-2, mozdef.RateLimiter(10, 3600.0))  # before the sequence and the renderer
log = structlog.get_logger("accounts")
for number in range(500):
    log.warning("Login failed", number=number)
if end == "flush":
    assert sink.flush(10)
    os._exit(0)
if end == "close":
    assert sink.close(10)
    os._exit(0)
if end == "raise":
    raise SystemExit(3)
if end == "sigterm":
    os.kill(os.getpid(), signal.SIGTERM)
if end == "fork":
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
    if not os.fork():
        log.warning("Login failed", number=500)
        sys.exit()
    os.wait()
