"""structlog alone, writing JSON to /dev/null: the floor, since it sends nothing."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import Destination, Peer


class _Structlog:
    def __init__(self) -> None:
        from benchmarks.loggers import structlog_json_logger

        self._log = structlog_json_logger()

    def log(self, fields: dict[str, Any]) -> None:
        self._log.info("User logged in", **fields)

    def close(self) -> None:
        """There is nothing to send."""


def _open(destination: Destination) -> _Structlog:
    return _Structlog()


PEER = Peer(
    name="structlog to /dev/null (the floor)",
    distributions=("structlog", "orjson"),
    imports="import structlog, orjson",
    open=_open,
    settings="add_log_level, TimeStamper, JSONRenderer with orjson; sends nothing",
    loss="nothing is sent",
    events=100_000,
)
