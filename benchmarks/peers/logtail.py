"""logtail-python, Better Stack's handler."""

from __future__ import annotations

from benchmarks.peers.base import Destination, Peer, StandardLogger


def _open(destination: Destination) -> StandardLogger:
    from logtail import LogtailHandler

    handler = LogtailHandler(
        source_token="benchmark",
        host=destination.base,
        drop_extra_events=False,
        flush_timeout=None,
    )
    return StandardLogger(handler, handler.flush)


PEER = Peer(
    name="logtail-python, blocking",
    distributions=("logtail-python",),
    imports="import logtail",
    open=_open,
    settings="drop_extra_events=False, which is safer than its default; no limit for flush()",
    loss="a full queue blocks the log call; a batch is dropped after three retries, 71 s",
    events=30_000,
)
