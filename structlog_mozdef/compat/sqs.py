"""Amazon SQS, by boto3, which is loaded only when a program sends there."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from structlog_mozdef.compat import delivery
from structlog_mozdef.exceptions import MozDefError, TransportError
from structlog_mozdef.transports.base import Delivery, Transport

#: What SQS takes in one call.
_BATCH_EVENTS = 10
_BATCH_BYTES = 250_000


@dataclass(frozen=True)
class SQSDestination:
    """A queue.

    Attributes:
        queue: its name.
        account: the AWS account that owns it, or None for one's own.
        region: the AWS region, or None for the one that boto3 is configured for.
    """

    queue: Any
    account: Any = None
    region: Any = None

    failure = "message failed to send to SQS"

    def transport(self) -> Transport:
        return SQSTransport(self)


class SQSTransport:
    """Send events to an SQS queue, from which MozDef's worker takes them.

    Args:
        destination: the queue.

    Raises:
        MozDefError: where boto3 is missing, or does not know the region.
        ValueError: where the queue has no name.
    """

    loggers = frozenset({"boto3", "botocore", "urllib3"})
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    def __init__(self, destination: SQSDestination) -> None:
        if not isinstance(destination.queue, str) or not destination.queue:
            raise ValueError(f"the name of the SQS queue is {destination.queue!r}; it must be text")
        self.name = f"SQS queue {destination.queue}"
        self._destination = destination
        self._client: Any = self._connect()
        self._queue_url: str | None = None

    def _connect(self) -> Any:
        try:
            boto3 = importlib.import_module("boto3")
            config = importlib.import_module("botocore.config")
            self._errors = importlib.import_module("botocore.exceptions")
        except ImportError as error:
            raise MozDefError(
                "boto3 is needed to send to SQS, and is not installed: pip install boto3"
            ) from error
        try:
            session = boto3.session.Session(region_name=self._destination.region)
            return session.client(
                "sqs",
                config=config.Config(
                    connect_timeout=delivery.CONNECT_TIMEOUT,
                    read_timeout=delivery.READ_TIMEOUT,
                    # A sink tries again by itself, and who waits for the answer wants to know.
                    retries={"mode": "standard", "total_max_attempts": 1},
                ),
            )
        except self._errors.BotoCoreError as error:
            raise MozDefError(f"{SQSDestination.failure}: {error}") from error

    def send(self, events: Sequence[bytes]) -> Delivery:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        refused: dict[int, str] = {}
        again: list[int] = []
        error: TransportError | None = None
        for indices in _batches(events):
            try:
                failed = self._send_batch(events, indices)
            except TransportError as failure:
                if not indices[0]:
                    raise
                return Delivery(refused, (*again, *range(indices[0], len(events))), failure)
            for entry in failed:
                index, reason = int(entry["Id"]), str(entry.get("Code", "unknown"))
                if entry.get("SenderFault"):
                    refused[index] = reason
                else:
                    again.append(index)
                    error = TransportError(reason)
        return Delivery(refused, tuple(sorted(again)), error)

    def _send_batch(self, events: Sequence[bytes], indices: Sequence[int]) -> list[dict[str, Any]]:
        """Send some of *events*; the result names those that SQS did not take."""
        entries = [
            {"Id": str(index), "MessageBody": events[index].decode("utf-8")} for index in indices
        ]
        try:
            if self._client is None:
                self._client = self._connect()
            if self._queue_url is None:
                names = {"QueueName": self._destination.queue}
                if self._destination.account is not None:
                    names["QueueOwnerAWSAccountId"] = str(self._destination.account)
                self._queue_url = self._client.get_queue_url(**names)["QueueUrl"]
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except self._errors.ClientError as error:
            raise _told_by_aws(error) from error
        except self._errors.BotoCoreError as error:
            retryable = not isinstance(error, self._errors.NoCredentialsError)
            raise TransportError(str(error), retryable=retryable, ambiguous=True) from error
        failed: list[dict[str, Any]] = answer.get("Failed", [])
        return failed

    def after_fork_in_child(self) -> None:
        self._client = None  # its connections, and perhaps its locks, are the parent's

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _batches(events: Sequence[bytes]) -> Iterator[list[int]]:
    """The indices of *events*, in groups that SQS takes in one call."""
    batch: list[int] = []
    size = 0
    for index, event in enumerate(events):
        if batch and (len(batch) == _BATCH_EVENTS or size + len(event) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += len(event)
    if batch:
        yield batch


def _told_by_aws(error: Any) -> TransportError:
    told = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(told.get("Code", "unknown"))
    return TransportError(
        f"{code}: {told.get('Message', '')}",
        retryable=status >= 500 or "hrottl" in code,  # Throttling, RequestThrottled, ...
        ambiguous=status >= 500,
    )
