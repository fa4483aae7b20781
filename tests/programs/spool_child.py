"""Print the number of streams before a fork, with a silent child, and with one that logs."""

import os
import sys
import warnings
from pathlib import Path

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)

url, folder = sys.argv[1:]
sink = mozdef.Sink(url, spool=folder, linger=600)


def streams():
    return sorted(path for path in Path(folder).iterdir() if path.is_dir())


def look(child_logs):
    """What a child sees at its end: the number of streams, and whether the parent's is as before.

    It looks while it lives: later the parent may adopt its stream, and send its own events as well.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        if child_logs:
            sink.put(b'{"summary": "child"}')
        same = "unchanged" if content(mine) == before else "changed"
        os.write(writing, f"{len(streams())} {same}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(reading, 100).decode()


def content(stream):
    """The events of a stream; its owner looks after its other files, once a second."""
    return {path.name: path.read_bytes() for path in stream.glob("*.ndjson")}


sink.put(b'{"summary": "parent"}')
(mine,) = streams()
before = content(mine)
print(len(streams()), look(False), look(True))
