"""python-logstash-async, with events in memory and in SQLite."""

from __future__ import annotations

from benchmarks.peers.base import Destination, Peer, StandardLogger


def _open(destination: Destination, database: str | None) -> StandardLogger:
    from logstash_async.constants import constants
    from logstash_async.handler import AsynchronousLogstashHandler

    # Settings that its documentation describes. With the default, 50 in a batch, it walks through
    # its entire memory cache for every 50 events.
    constants.QUEUED_EVENTS_BATCH_SIZE = 1000
    return StandardLogger(
        AsynchronousLogstashHandler("127.0.0.1", destination.port, database_path=database)
    )


_SETTINGS = "TCP, its default; 1000 events a batch instead of 50, which is faster"

MEMORY = Peer(
    name="python-logstash-async, memory",
    distributions=("python-logstash-async",),
    imports="import logstash_async.handler",
    open=lambda destination: _open(destination, None),
    settings=_SETTINGS,
    loss="kept until written to a socket; TCP confirms nothing; unbounded",
    events=20_000,
)
SQLITE = Peer(
    name="python-logstash-async, SQLite",
    distributions=("python-logstash-async",),
    imports="import logstash_async.handler, sqlite3",
    open=lambda destination: _open(destination, f"{destination.folder}/logstash.db"),
    settings=f"{_SETTINGS}; the database on the disk that our spool is on",
    loss="documented as kept over restarts; the log call itself puts into a queue in memory",
    events=2_000,
    durable=True,
)
