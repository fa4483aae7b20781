"""List a spool in two processes at once; print how often it looked otherwise."""

import os
import sys

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import StreamName

folder = SpoolFolder(sys.argv[1], "http://localhost/events")
locks = [folder.create_stream(StreamName(number, 1, "0" * 16)) for number in range(20)]
streams = [lock.name for lock in locks]
child = os.fork()
wrong = sum(folder.stream_names() != streams for _ in range(1000))
os.write(1, b"%d\n" % wrong)  # in one piece: print can be interrupted by the other process
if child:
    os.waitpid(child, 0)
