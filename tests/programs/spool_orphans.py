"""Processes that put events into a spool, send none of them, and are killed."""

import os
import signal
import sys

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from support.handmade_spools import spool_on

url, folder, streams, events = sys.argv[1:]
for stream in range(int(streams)):
    child = os.fork()
    if not child:
        spool = spool_on(folder, url, max_bytes=2**30, sync="interval")
        for number in range(int(events)):
            spool.append(b'{"summary": "%d %d"}' % (stream, number))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
