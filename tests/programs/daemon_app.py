"""A daemon by python-daemon, which forks and closes all descriptors, and opens files of its own."""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path

import daemon
import structlog

import structlog_mozdef as mozdef

url, folder, end, still_open = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))  # each of them is closed, one by one

sink = mozdef.configure(url, spool=os.environ.get("SPOOL"), linger=0.01, exit_timeout=20)
log = structlog.get_logger()
for number in range(10):
    log.info("before %d", number)
if not os.environ.get("SPOOL"):
    sink.flush()  # as the documents say: it leaves by os._exit

with daemon.DaemonContext(files_preserve=[int(still_open)]), contextlib.ExitStack() as files:
    for number in range(400):  # more than there can be descriptors of ours
        files.enter_context(Path(folder, str(number)).open("w"))
    for number in range(10):
        log.info("after %d", number)
    if end == "return":
        sink.flush()
    else:
        os.kill(os.getpid(), signal.SIGTERM)
