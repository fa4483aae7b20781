"""List a spool and measure it in two processes at once; print how often it looked otherwise."""

import os
import sys

from structlog_mozdef.buffers.spool.folder import SpoolFolder

folder = SpoolFolder(sys.argv[1], "http://localhost/events")
streams = sorted(folder.create_stream().name for _ in range(20))
usage = folder.usage()
child = os.fork()
wrong = sum((folder.stream_names(), folder.usage()) != (streams, usage) for _ in range(1000))
os.write(1, b"%d\n" % wrong)  # in one piece: print can be interrupted by the other process
if child:
    os.waitpid(child, 0)
