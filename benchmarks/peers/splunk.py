"""splunk_handler, for Splunk's HTTP event collector."""

from __future__ import annotations

import json
import logging

from benchmarks.peers.base import Destination, Peer, StandardLogger

_KEYS = ("username", "sourceipaddress", "success", "useragent", "number")


class _JSONFormatter(logging.Formatter):
    """Format a message with the fields: the handler sends nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        values = record.__dict__
        event = {name: values[name] for name in values if name in _KEYS or name.startswith("body")}
        return json.dumps({"message": record.getMessage(), "level": record.levelname, **event})


def _open(destination: Destination) -> StandardLogger:
    from splunk_handler import SplunkHandler

    handler = SplunkHandler(
        host="127.0.0.1",
        port=destination.port,
        token="benchmark",
        index="main",
        protocol="http",
        verify=False,
        queue_size=0,
        flush_interval=0.1,
    )
    handler.setFormatter(_JSONFormatter())
    return StandardLogger(handler)


PEER = Peer(
    name="splunk_handler, unbounded queue",
    distributions=("splunk-handler",),
    imports="import splunk_handler",
    open=_open,
    settings="queue_size=0 (no bound), flush_interval=0.1 instead of 15 s, since it sends half a"
    " megabyte an interval; the rest is sent at close, in one body",
    loss="a batch is dropped after five retries, 60 s",
    events=60_000,
)
