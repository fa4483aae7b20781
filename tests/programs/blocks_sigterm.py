"""Blocks SIGTERM in its only thread, and waits for it there: no thread of ours may take it."""

import contextlib
import os
import signal
import sys
import threading

from structlog_mozdef import Sink, configure
from structlog_mozdef.testing import MemoryTransport, running_collector

with contextlib.ExitStack() as stack:
    if sys.argv[1] == "collector":
        stack.enter_context(running_collector())
    else:
        make = configure if sys.argv[1] == "configure" else Sink
        sink = stack.enter_context(make(MemoryTransport()))
        sink.put(b"{}")
        sink.flush(5)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)
    signal.sigwait({signal.SIGTERM})
    print("waited for it with", *(thread.name for thread in threading.enumerate()))
