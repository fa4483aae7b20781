"""fluent-logger, for fluentd and Fluent Bit: its sender, alone and through structlog."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import QUEUE_EVENTS, Destination, Peer, StructlogLogger

_BUFFER_BYTES = 64 * 1024 * 1024


def _sender(destination: Destination) -> Any:
    from fluent import asyncsender

    return asyncsender.FluentSender(
        "benchmark",
        host="127.0.0.1",
        port=destination.port,
        queue_maxsize=QUEUE_EVENTS,
        bufmax=_BUFFER_BYTES,
    )


class _Fluent:
    def __init__(self, destination: Destination) -> None:
        self._sender = _sender(destination)

    def log(self, fields: dict[str, Any]) -> None:
        self._sender.emit("login", {"message": "User logged in", "level": "info", **fields})

    def close(self) -> None:
        self._sender.close()


class _Emitter:
    """What structlog calls a logger. It gets the event dict, which would else be rendered."""

    def __init__(self, sender: Any) -> None:
        self._emit = sender.emit

    def info(self, **event_dict: Any) -> None:
        self._emit("login", event_dict)


def _open_structlog(destination: Destination) -> StructlogLogger:
    sender = _sender(destination)
    # An event dict that comes out of the chain is given as keyword arguments.
    return StructlogLogger(logger=_Emitter(sender), close=sender.close)


_SETTINGS = (
    "asyncsender, queue_maxsize=500,000 (default 100, and then the call waits),"
    " bufmax=64 MiB instead of 1, which is safer"
)
_LOSS = "TCP confirms nothing; when more than bufmax could not be sent, all of it is dropped"

PEER = Peer(
    name="fluent-logger, queue of 500,000",
    distributions=("fluent-logger",),
    imports="import fluent.asyncsender",
    open=_Fluent,
    settings=_SETTINGS,
    loss=_LOSS,
    events=100_000,
)
STRUCTLOG = Peer(
    name="fluent-logger through structlog",
    distributions=("fluent-logger", "structlog"),
    imports="import structlog, fluent.asyncsender",
    open=_open_structlog,
    settings=f"add_log_level, TimeStamper, and the event dict to the same sender: {_SETTINGS}",
    loss=_LOSS,
    events=100_000,
)
