"""structlog's JSON in a file, which an agent ships: rsyslog, since it can be installed anywhere.

Vector, Fluent Bit and Filebeat do the same work.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.base import Destination, Peer, StructlogLogger

_RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
# It never gives up, and tries again each second (the default is after 30 s). The action has no
# queue of its own: a full one drops an event every two seconds, where without one the file is not
# read on. A line of the largest event is over its default of 8 KiB.
_CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k")
main_queue(queue.type="LinkedList" queue.workerThreads="1")
module(load="imfile" mode="inotify")
input(type="imfile" file="{folder}/events.json" tag="events")
template(name="line" type="string" string="%msg%\\n")
if $inputname == "imfile" then action(
    type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="line"
    action.resumeRetryCount="-1" action.resumeInterval="1")
"""


def _open(destination: Destination) -> StructlogLogger:
    """Write on the thread that logs, as structlog's page on performance shows it."""
    import orjson
    import structlog

    file = _path(destination).open("ab")
    return StructlogLogger(
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
        logger=structlog.BytesLogger(file),
        close=file.close,
    )


def _open_queued(destination: Destination) -> StructlogLogger:
    """Write on a thread of the standard library."""
    import structlog
    from pythonjsonlogger.json import JsonFormatter

    file = logging.FileHandler(_path(destination))
    file.setFormatter(JsonFormatter())
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, file)
    listener.start()
    logger = logging.getLogger("benchmark")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.handlers.QueueHandler(records))
    return StructlogLogger(
        structlog.stdlib.render_to_log_kwargs, logger=logger, close=listener.stop
    )


def _path(destination: Destination) -> Path:
    return Path(destination.folder) / "events.json"


@contextlib.contextmanager
def _rsyslog(destination: Destination) -> Iterator[None]:
    """Ship the file to the receiver until the end of the block."""
    folder = Path(destination.folder)
    configuration, pid = folder / "rsyslog.conf", folder / "rsyslog.pid"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=destination.port))
    _path(destination).touch()  # it would complain
    # It says on standard error how often it could not connect.
    with (folder / "rsyslog.output").open("wb") as output:
        process = subprocess.Popen(
            [_RSYSLOGD, "-n", "-f", configuration, "-i", pid], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 10
        while not pid.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()


_AGENT = "and rsyslog (imfile, omfwd over TCP, tries forever), whose processor time is its own"
_LOSS = "TCP confirms nothing; rsyslog goes on after a kill, and the file remains"

DIRECT = Peer(
    name="structlog, JSON file, rsyslog",
    distributions=("structlog", "orjson"),
    imports="import structlog, orjson",
    open=_open,
    settings=f"the floor's chain, with a BytesLogger on a file instead of /dev/null, {_AGENT}",
    loss=_LOSS,
    events=100_000,
    agent=_rsyslog,
)
QUEUED = Peer(
    name="structlog, QueueHandler, file, rsyslog",
    distributions=("structlog", "python-json-logger"),
    imports="import structlog, logging.handlers, pythonjsonlogger.json",
    open=_open_queued,
    settings="render_to_log_kwargs, QueueHandler and QueueListener over a SimpleQueue,"
    f" python-json-logger's JsonFormatter, FileHandler, {_AGENT}",
    loss=f"what is in the queue is lost with the process; {_LOSS}",
    events=60_000,
    agent=_rsyslog,
)
