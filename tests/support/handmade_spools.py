"""Spools without a sink, and folders as other processes, and other people, leave them."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.spool import Spool, SpoolOptions, SpoolTimings
from structlog_mozdef.buffers.spool.folder import SpoolFolder

DESTINATION = "http://mozdef.example.com/events"


#: The disk and the folder are looked at again each time.
AT_ONCE = SpoolTimings(disk_retry=0.0, full_retry=0.0, rescan_interval=0.0)


def spool_on(
    path: Path, destination: str = DESTINATION, own_log: RateLimitedLogger | None = None, **options
) -> Spool:
    """A spool of this process on *path*, which looks for orphans as often as it is asked to."""
    defaults = {
        "max_events": sys.maxsize,
        "max_bytes": 10_000_000,
        "when_full": "drop_newest",
        "sync": "never",
        "timings": SpoolTimings(rescan_interval=0.0),
    }
    folder = SpoolFolder(path, destination)
    return Spool(folder, SpoolOptions(**{**defaults, **options}), own_log or RateLimitedLogger())


def maintenance_threads() -> set[threading.Thread]:
    """The threads that look after spools once a second."""
    return {each for each in threading.enumerate() if each.name == "structlog-mozdef-spool"}


@contextlib.contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file can grow beyond *size* (EFBIG); a write beyond it is cut short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def events(*numbers: object) -> list[bytes]:
    return [json.dumps({"summary": f"event {number}"}).encode() for number in numbers]


def orphan(path: Path, *segments: list[bytes], number: int = 1, metadata: object = None) -> Path:
    """A stream that a dead process left, with the lines of each of its segments."""
    path.mkdir(0o700, exist_ok=True, parents=True)
    stream = path / f"{1790000000000 + number}-4711-{number:016x}"
    stream.mkdir(0o700)
    metadata = metadata or {"format": 1, "destination": DESTINATION, "pid": 4711}
    (stream / "stream.json").write_text(json.dumps(metadata))
    for index, lines in enumerate(segments):
        content = b"".join(line + b"\n" for line in lines)
        (stream / f"{index + 1:010d}.ndjson").write_bytes(content)
    return stream


def drain(spool: Spool, max_events: int = 100) -> list[bytes]:
    """All events of *spool* and of the orphans in its folder, settled."""
    found: list[bytes] = []
    for _ in range(1000):
        spool.adopt_orphans()
        batch = spool.peek(max_events, 1_000_000)
        if not batch.events:
            break
        found += batch.events
        spool.ack(batch)
    spool.adopt_orphans()
    return found


def letters(path: Path) -> list[dict]:
    """The dead letters in *path*."""
    file = path / "dead-letters.ndjson"
    return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def our_descriptors(path: Path) -> list[int]:
    """The numbers under which files of the spool are open."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if str(Path(f"/proc/self/fd/{name}").readlink()).startswith(str(path)):
                found.append(int(name))
        except OSError:
            pass
    return found
