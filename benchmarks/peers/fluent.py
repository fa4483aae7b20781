"""fluent-logger, for fluentd and Fluent Bit: its sender with a thread."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import QUEUE_EVENTS, Destination, Peer

_BUFFER_BYTES = 64 * 1024 * 1024


class _Fluent:
    def __init__(self, destination: Destination) -> None:
        from fluent import asyncsender

        self._sender = asyncsender.FluentSender(
            "benchmark",
            host="127.0.0.1",
            port=destination.port,
            queue_maxsize=QUEUE_EVENTS,
            bufmax=_BUFFER_BYTES,
        )

    def log(self, fields: dict[str, Any]) -> None:
        self._sender.emit("login", {"message": "User logged in", "level": "info", **fields})

    def close(self) -> None:
        self._sender.close()


PEER = Peer(
    name="fluent-logger, queue of 500,000",
    distributions=("fluent-logger",),
    imports="import fluent.asyncsender",
    open=_Fluent,
    settings="asyncsender, queue_maxsize=500,000 (default 100, and then the call waits),"
    " bufmax=64 MiB instead of 1, which is safer",
    loss="TCP confirms nothing; when more than bufmax could not be sent, all of it is dropped",
    events=100_000,
)
