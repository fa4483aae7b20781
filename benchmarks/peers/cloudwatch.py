"""watchtower, for Amazon CloudWatch Logs. There is no AWS here: our receiver answers instead."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import Destination, Peer, StandardLogger


class _Watchtower(StandardLogger):
    def log(self, fields: dict[str, Any]) -> None:
        """Log a dictionary, which becomes JSON, as its documentation shows."""
        self._logger.info({"message": "User logged in", "level": "info", **fields})


def _open(destination: Destination) -> _Watchtower:
    import boto3
    import watchtower

    client = boto3.client(
        "logs",
        endpoint_url=destination.base,
        region_name="us-east-1",
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",
    )
    handler = watchtower.CloudWatchLogHandler(
        boto3_client=client, create_log_group=False, create_log_stream=False
    )
    return _Watchtower(handler, handler.flush)


PEER = Peer(
    name="watchtower",
    distributions=("watchtower", "boto3"),
    imports="import watchtower",
    open=_open,
    settings="boto3_client with our receiver as its endpoint; the log group exists; else its"
    " defaults: a batch when it has 10,000 events or 1 MiB, or after 60 s",
    loss="unbounded; a batch is dropped after five tries, each with boto3's own retries",
    events=20_000,
)
