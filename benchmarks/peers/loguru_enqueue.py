"""loguru with ``enqueue``, and a POST for each message."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import Destination, Peer


class _Loguru:
    def __init__(self, url: str) -> None:
        import requests
        from loguru import logger

        session = requests.Session()
        session.trust_env = False

        def post(message: str) -> None:
            session.post(url, data=message.encode(), timeout=30).raise_for_status()

        logger.remove()
        # Without catch, the first failure would end its thread.
        logger.add(post, enqueue=True, serialize=True, catch=True)
        self._logger = logger

    def log(self, fields: dict[str, Any]) -> None:
        self._logger.info("User logged in", **fields)

    def close(self) -> None:
        self._logger.complete()
        self._logger.remove()


def _open(destination: Destination) -> _Loguru:
    return _Loguru(destination.events_url)


PEER = Peer(
    name="loguru enqueue, requests",
    distributions=("loguru", "requests"),
    imports="import loguru, requests",
    open=_open,
    settings="enqueue=True, serialize=True, one POST a message over one requests.Session",
    loss="a message whose POST fails is gone; the call waits while the pipe of 64 KiB is full",
    events=3_000,
)
