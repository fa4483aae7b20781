"""Use a spool as another user, with an odd umask; print the modes of what is there."""

import json
import os
import sys
from pathlib import Path

import structlog_mozdef.buffers.spool  # noqa: F401 - now, while Python can read its files
from structlog_mozdef import Sink
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.memory import MemoryTransport

folder, umask, user = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


class RejectsOne(MemoryTransport):
    def send(self, events):
        super().send(events)
        return SendResult(rejected={0: "HTTP 400"})


transport = RejectsOne()
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
os.umask(umask)
sink = Sink(transport, spool=folder, linger=0)
for number in (1, 2):
    sink.put(b'{"summary": "%d"}' % number)
    sink.flush()
modes = {
    str(path.relative_to(folder.parent.parent)): f"{path.lstat().st_mode & 0o7777:o}"
    for path in (folder.parent, folder, *folder.rglob("*"))
}
print(json.dumps({"modes": modes, "numbers": [int(e["summary"]) for e in transport.events]}))
