"""Log, fork and close all descriptors as daemons do, open files of its own, and log on."""

import os
import sys
from pathlib import Path

import structlog_mozdef as mozdef

url, folder, place = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=0.01)
for number in range(10):
    sink.put(b'{"summary": "before %d"}' % number)
child = os.fork()
if child:
    os.waitpid(child, 0)
    sink.close()
    sys.exit()
os.closerange(3, 4096)
files = [Path(place, str(number)).open("w") for number in range(10)]  # noqa: SIM115
for number in range(10):
    sink.put(b'{"summary": "after %d"}' % number)
sink.flush()
for file in files:
    file.flush()
os._exit(0)
