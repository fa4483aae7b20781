"""sentry-sdk's structured logs."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import Destination, Peer


class _Sentry:
    def __init__(self, destination: Destination) -> None:
        import sentry_sdk

        sentry_sdk.init(
            dsn=f"http://public@127.0.0.1:{destination.port}/1",
            enable_logs=True,
            keep_alive=True,
            transport_queue_size=10_000,
        )
        self._sdk = sentry_sdk

    def log(self, fields: dict[str, Any]) -> None:
        self._sdk.logger.info("User logged in", attributes=fields)

    def close(self) -> None:
        self._sdk.flush(timeout=600)


PEER = Peer(
    name="sentry-sdk logs",
    distributions=("sentry-sdk",),
    imports="import sentry_sdk",
    open=_Sentry,
    settings="sentry_sdk.logger.info(..., attributes=...), which is faster than its logging"
    " integration; transport_queue_size=10,000 instead of 100; the buffer of 1,000 logs is fixed",
    loss="over 1,000 waiting logs are dropped, as is what cannot be sent",
    events=50_000,
)
