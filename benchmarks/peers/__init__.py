"""The libraries that are compared, each in one small file that uses it as its documentation shows.

A library is imported only when it is opened.
"""

from __future__ import annotations

from benchmarks.peers import (
    cloudwatch,
    fluent,
    json_file,
    logfire_structlog,
    logstash,
    logtail,
    loguru_enqueue,
    mozdef_client_1_1,
    opentelemetry_logs,
    ours,
    queue_handler,
    sentry,
    splunk,
    structlog_alone,
)
from benchmarks.peers.base import Destination, Peer, Running

__all__ = ["FLOOR", "PEERS", "SENDERS", "Destination", "Peer", "Running"]

FLOOR = "structlog"
PEERS: dict[str, Peer] = {
    FLOOR: structlog_alone.PEER,
    "structlog-mozdef": ours.MEMORY,
    "structlog-mozdef-spool": ours.SPOOL,
    "mozdef-client-msg": mozdef_client_1_1.MSG,
    "mozdef-client-event": mozdef_client_1_1.EVENT,
    "logstash-memory": logstash.MEMORY,
    "logstash-sqlite": logstash.SQLITE,
    "opentelemetry": opentelemetry_logs.DEFAULTS,
    "opentelemetry-queue": opentelemetry_logs.LARGE_QUEUE,
    "opentelemetry-structlog": opentelemetry_logs.STRUCTLOG,
    "logfire-structlog": logfire_structlog.PEER,
    "sentry": sentry.PEER,
    "logtail": logtail.PEER,
    "splunk": splunk.PEER,
    "fluent": fluent.PEER,
    "fluent-structlog": fluent.STRUCTLOG,
    "watchtower": cloudwatch.PEER,
    "json-file": json_file.DIRECT,
    "json-file-queue": json_file.QUEUED,
    "queue-handler": queue_handler.PEER,
    "loguru": loguru_enqueue.PEER,
}
# All but the floor, which only writes to /dev/null.
SENDERS = {key: peer for key, peer in PEERS.items() if key != FLOOR}
