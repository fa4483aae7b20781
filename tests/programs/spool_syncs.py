"""Log for four seconds into a spool whose transport hangs; print each synchronisation."""

import json
import os
import sys
import time
from pathlib import Path

import structlog_mozdef as mozdef
from structlog_mozdef.transports.memory import MemoryTransport

folder, sync = Path(sys.argv[1]), sys.argv[2]
folder.mkdir(mode=0o700)
began = time.monotonic()
calls = []


def kind_of(fd):
    path = Path(f"/proc/self/fd/{fd}").readlink()
    if path == folder:
        return "folder"
    if path == folder.parent:
        return "parent"
    return "segment" if path.suffix == ".ndjson" else "stream" if path.is_dir() else path.name


def watch(name):
    real = getattr(os, name)

    def call(fd):
        calls.append((time.monotonic() - began, kind_of(fd)))
        return real(fd)

    setattr(os, name, call)


class Hanging(MemoryTransport):
    def send(self, events):
        time.sleep(60)
        return super().send(events)


watch("fsync")
watch("fdatasync")
sink = mozdef.Sink(Hanging(), spool=folder, sync=sync, max_bytes=20_000, linger=0, exit_timeout=0)
sink.put(b'{"summary": "first"}')
calls.append((time.monotonic() - began, "put returned"))
for number in range(40):  # more than a segment, an eighth of max_bytes, holds
    sink.put(b'{"summary": "%d %b"}' % (number, b"x" * 80))
    time.sleep(0.1)
print(json.dumps(calls), flush=True)
os._exit(0)
