"""Events to an Amazon SQS queue, from which MozDef's worker takes them.

A message is one event. Amazon stores it in several places before it says so: what it confirmed is
not lost by its side for as long as the queue keeps it (4 days, unless set otherwise).

A queue whose name ends in ``.fifo`` keeps the order. There, an event's stream (`SequenceAdder`)
is its message group, and stream, sequence and a digest of the event are its deduplication id, so
that what is sent again within five minutes is stored once. Nothing is sent after an event that is
to be sent again. One gap is left: Amazon judges the messages of a call one by one, so those that
stood in the same call behind the one that failed, nine at most, come before it.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - loaded by whoever configures, not by the sender
import importlib
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from structlog_mozdef._validate import LONGEST_DURATION, check_number
from structlog_mozdef.exceptions import MozDefError, Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.sqs.errors import error_of_call, error_of_entry
from structlog_mozdef.transports.sqs.messages import Message, calls_of, message_of
from structlog_mozdef.transports.sqs.options import parse_queue


class SQSTransport:
    """Send events to an SQS queue.

    Credentials, proxies and CA bundle are found by boto3: in the environment, in the files under
    ``~/.aws``, or by the role of the machine. They need ``sqs:GetQueueUrl`` and
    ``sqs:SendMessage``.

    Args:
        url: ``sqs://QUEUE``, or ``sqs://QUEUE?region=eu-west-1&account=123456789012``. The query
            may name region, account and endpoint; what is given beside the URL counts more.
        region: of AWS. Default: the one that boto3 is configured for.
        account: the AWS account that owns the queue. Default: one's own.
        endpoint_url: of a server that stands in for Amazon's, or of a VPC endpoint.
        profile: of the files under ``~/.aws``. Default: that of ``AWS_PROFILE``.
        connect_timeout, read_timeout: seconds. Defaults 5 and 30.

    Raises:
        ValueError: for a value that cannot work.
        MozDefError: where boto3 is not installed, or knows no region.
    """

    loggers = frozenset({"boto3", "botocore", "urllib3"})
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    def __init__(
        self,
        url: str,
        *,
        region: str | None = None,
        account: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
    ) -> None:
        for name, value in (("connect", connect_timeout), ("read", read_timeout)):
            check_number(f"{name}_timeout", value, minimum=0.001, maximum=LONGEST_DURATION)
        if profile is not None and (not isinstance(profile, str) or not profile):
            raise ValueError(f"profile is {profile!r}; it must be the name of a profile of AWS")
        self._address = parse_queue(url, region=region, account=account, endpoint_url=endpoint_url)
        self._profile = profile
        self._timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._client: Any = self._connect()
        self.name = self._address.name(self._client.meta.region_name)
        self._begin()

    def _begin(self) -> None:
        self._queue_url: str | None = None
        # Of events without a stream. It belongs to one process: a group has one sender.
        self._own_group = secrets.token_hex(8) if self._address.is_fifo else None

    def _connect(self) -> Any:
        try:
            boto3 = importlib.import_module("boto3")
            botocore_config = importlib.import_module("botocore.config")
            is_installed = True
        except ImportError:
            is_installed = False
        if not is_installed:
            raise MozDefError(
                "boto3 is needed to send to SQS, and is not installed:"
                " pip install structlog-mozdef[sqs]"
            )
        try:
            # A session of its own: another one, shared with a parent, has locks of the parent's.
            session = boto3.session.Session(
                region_name=self._address.region, profile_name=self._profile
            )
            return session.client(
                "sqs",
                endpoint_url=self._address.endpoint_url,
                config=botocore_config.Config(
                    **self._timeouts,
                    max_pool_connections=1,
                    # The sink tries again by itself, and compat wants to know at once.
                    retries={"mode": "standard", "total_max_attempts": 1},
                ),
            )
        except Exception as error:
            kind = type(error).__name__
        raise self._setup_error(kind)

    def _setup_error(self, kind: str) -> Exception:
        if kind == "ProfileNotFound" and self._profile is not None:
            return ValueError(
                f"profile is {self._profile!r}; it must be one of AWS's configuration files"
            )
        if kind == "NoRegionError":
            return MozDefError(
                "you must specify a region of AWS: in the URL of the queue, as an option, or in"
                " AWS_DEFAULT_REGION"
            )
        return MozDefError(f"boto3 cannot use the AWS configuration of this machine: {kind}")

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        rejected: dict[int, str] = {}
        again: list[int] = []
        error: TransportError | None = None
        waiting = deque(calls_of(self._messages_of(events, rejected)))
        while waiting:
            call = waiting.popleft()
            try:
                failed = self._send_call(call)
            except Rejected as blame:
                if len(call) == 1:
                    rejected[call[0].index] = str(blame)
                else:
                    half = len(call) // 2
                    waiting.extendleft((call[half:], call[:half]))
                continue
            except TransportError as outage:
                waiting.appendleft(call)
                error = outage
                break
            for index, failure in failed.items():
                if isinstance(failure, Rejected):
                    rejected[index] = str(failure)
                else:
                    again.append(index)
                    error = failure
            if again and self._own_group is not None:
                break  # what waits behind it must not overtake it
        again += [message.index for call in waiting for message in call]
        if error is not None and len(again) == len(events):
            raise error
        return (
            SendResult(rejected, tuple(sorted(again)), error) if rejected or again else ALL_ACCEPTED
        )

    def _messages_of(self, events: Sequence[bytes], rejected: dict[int, str]) -> list[Message]:
        messages = []
        for index, event in enumerate(events):
            try:
                messages.append(message_of(index, event, self._own_group))
            except ValueError as error:
                rejected[index] = str(error)
        return messages

    def _send_call(self, call: Sequence[Message]) -> dict[int, TransportError]:
        """Send the messages of one call; the result names those that SQS did not take."""
        sending = False
        try:
            client = self._connected()
            if self._queue_url is None:
                self._queue_url = self._look_up(client)
            sending = True
            answer = client.send_message_batch(
                QueueUrl=self._queue_url, Entries=[message.entry() for message in call]
            )
            return self._failures_of(call, answer)
        except Exception as error:
            failure = error_of_call(
                error, sending=sending, repeats_harmless=self._own_group is not None
            )
        if not failure.retryable:
            self._queue_url = None  # the queue may be made anew, elsewhere
        # Outside of the except, so that the foreign exception, which may quote secrets, does not
        # come along as its context.
        raise failure

    def _failures_of(
        self, call: Sequence[Message], answer: Mapping[str, Any]
    ) -> dict[int, TransportError]:
        harmless = self._own_group is not None
        stored = {entry["Id"] for entry in answer.get("Successful", ())}
        failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
        return {
            message.index: error_of_entry(failed.get(id_, {}), repeats_harmless=harmless)
            for message in call
            if (id_ := str(message.index)) not in stored
        }

    def _connected(self) -> Any:
        if self._client is None:
            try:
                self._client = self._connect()
                problem = ""
            except (MozDefError, ValueError) as error:
                problem = str(error)
            if problem:
                raise TransportError(problem, retryable=False)
        return self._client

    def _look_up(self, client: Any) -> str:
        names = {"QueueName": self._address.queue}
        if self._address.account is not None:
            names["QueueOwnerAWSAccountId"] = self._address.account
        return str(client.get_queue_url(**names)["QueueUrl"])

    def after_fork_in_child(self) -> None:
        # The parent's connection is forgotten: its descriptor goes, nothing is said on it.
        self._client = None
        self._begin()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def __repr__(self) -> str:
        return f"<SQSTransport to {self.name}>"
