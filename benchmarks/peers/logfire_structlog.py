"""Logfire, which has a processor for structlog."""

from __future__ import annotations

from benchmarks.peers.base import Destination, Peer, StructlogLogger, render_nothing


def _open(destination: Destination) -> StructlogLogger:
    import logfire

    logfire.configure(
        token="benchmark",
        console=False,
        inspect_arguments=False,
        advanced=logfire.AdvancedOptions(base_url=destination.base),
    )
    return StructlogLogger(logfire.StructlogProcessor(), render_nothing, close=logfire.force_flush)


PEER = Peer(
    name="Logfire through structlog",
    distributions=("logfire", "structlog"),
    imports="import structlog, logfire",
    open=_open,
    settings="add_log_level, TimeStamper, its StructlogProcessor; nothing is rendered besides;"
    " console=False; else its defaults: batches from a queue of 2,048",
    loss="a full queue drops events; a failed batch is kept on disk, and retried by this process",
    events=15_000,
)
