"""Events to an Amazon SQS queue, from which MozDef's worker receives them.

A message is one event. Amazon confirms it after storing it in several data centres, and keeps it
for as long as the queue is set to (4 days by default).

A queue whose name ends in ``.fifo`` keeps the order. There, an event's stream (`SequenceAdder`)
is its message group, and stream, sequence and a digest of the event are its deduplication id, so
that an event that is sent again within five minutes is stored once. After an event that failed
nothing is sent before it is sent again. One gap is left: Amazon judges the messages of a call one
by one, so those behind the one that failed in the same call, nine at most, come before it.

Before this room comes the dispatcher (``delivery``), which calls `SQSTransport.send`. After it
comes the queue, and MozDef's worker behind it.

- ``options``: the URL and the options that name a queue, checked.
- ``client``: boto3's client.
- ``messages``: how events become messages, and messages calls.
- ``errors``: what Amazon's and boto3's errors mean for the events.
- ``client_error``: an error that ``except ClientError`` catches, for the old clients' classes.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - loaded when the transport is made, not by the sender
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from structlog_mozdef._deadline import allowed
from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import LONGEST_DURATION, check_number
from structlog_mozdef.exceptions import MozDefError, Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.sqs.client import check_settings, make_client
from structlog_mozdef.transports.sqs.errors import call_error, entry_error
from structlog_mozdef.transports.sqs.messages import CALL_EVENTS, Message, calls_of, message_of
from structlog_mozdef.transports.sqs.options import parse_queue


class SQSTransport:
    """Send events to an SQS queue.

    Credentials, proxies and CA bundle are found by boto3: in the environment, in the files under
    ``~/.aws``, or by the role of the machine. They need ``sqs:GetQueueUrl`` and
    ``sqs:SendMessage``.

    Args:
        url: ``sqs://QUEUE``, or ``sqs://QUEUE?region=eu-west-1&account=123456789012``. The query
            may name region, account and endpoint; an option overrides it.
        region: of AWS. Default: the one that boto3 is configured for.
        account: the AWS account that owns the queue. Default: the account of the credentials.
        endpoint_url: of a server that stands in for Amazon's, or of a VPC endpoint. Default:
            Amazon's own.
        profile: of the files under ``~/.aws``. Default: the one in ``AWS_PROFILE``.
        connect_timeout: longest time in seconds that connecting may take. Default 5.
        read_timeout: longest time in seconds to wait for an answer. Default 30.

    Raises:
        ValueError: a value cannot work.
        MozDefError: boto3 is not installed, or has no region.
    """

    loggers = frozenset({"boto3", "botocore", "urllib3"})
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True
    batch_limit = CALL_EVENTS  # each answer counts at once, and not the last of a hundred

    @clears_locals
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
        check_number("connect_timeout", connect_timeout, minimum=0.001, maximum=LONGEST_DURATION)
        check_number("read_timeout", read_timeout, minimum=0.001, maximum=LONGEST_DURATION)
        if profile is not None and (not isinstance(profile, str) or not profile):
            raise ValueError(f"profile is {profile!r}; it must be the name of a profile of AWS")
        self._address = parse_queue(url, region=region, account=account, endpoint_url=endpoint_url)
        self._profile = profile
        self._timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._client: Any = None
        self._client_timeout = 0.0  # of the client, in seconds
        self.name = self._address.name(check_settings(self._address, profile))
        self._reset()

    def _reset(self) -> None:
        self._queue_url: str | None = None
        # The group of events without a stream. It belongs to one process: a group has one sender.
        self._own_group = secrets.token_hex(8) if self._address.is_fifo else None

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        rejected: dict[int, str] = {}
        retry: list[int] = []
        error: TransportError | None = None
        waiting = deque(calls_of(self._messages_of(events, rejected)))
        while waiting:
            call = waiting.popleft()
            try:
                failed = self._send_call(call)
            except Rejected as rejection:
                if len(call) == 1:
                    rejected[call[0].index] = str(rejection)
                else:
                    half = len(call) // 2
                    waiting.extendleft((call[half:], call[:half]))
                continue
            except TransportError as failure:
                waiting.appendleft(call)
                error = failure
                break
            for index, entry_failure in failed.items():
                if isinstance(entry_failure, Rejected):
                    rejected[index] = str(entry_failure)
                else:
                    retry.append(index)
                    error = entry_failure
            if retry and self._own_group is not None:
                break  # the messages behind it must not overtake it
        retry += [message.index for call in waiting for message in call]
        if error is not None and len(retry) == len(events):
            raise error
        if rejected or retry:
            return SendResult(rejected, tuple(sorted(retry)), error)
        return ALL_ACCEPTED

    def _messages_of(self, events: Sequence[bytes], rejected: dict[int, str]) -> list[Message]:
        messages = []
        for index, event in enumerate(events):
            try:
                messages.append(message_of(index, event, self._own_group))
            except ValueError as error:
                rejected[index] = str(error)
        return messages

    def _send_call(self, call: Sequence[Message]) -> dict[int, TransportError]:
        """Send the messages of one call; return the errors of those that SQS did not accept."""
        sending = False

        def mapping(error: Exception) -> TransportError:
            failure = call_error(
                error, sending=sending, repeats_harmless=self._own_group is not None
            )
            if not sending or not failure.retryable:
                self._queue_url = None  # the queue may be made again, elsewhere
                self.close()  # and a client keeps the credentials, or the lack of any
            return failure

        with mapped_errors(mapping):
            client = self._connected_client()
            if self._queue_url is None:
                self._queue_url = self._look_up(client)
            sending = True
            answer = client.send_message_batch(
                QueueUrl=self._queue_url, Entries=[message.entry() for message in call]
            )
            return self._failures_of(call, answer)

    def _failures_of(
        self, call: Sequence[Message], answer: Mapping[str, Any]
    ) -> dict[int, TransportError]:
        harmless = self._own_group is not None
        stored = {entry["Id"] for entry in answer.get("Successful", ())}
        failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
        return {
            message.index: entry_error(failed.get(id_, {}), repeats_harmless=harmless)
            for message in call
            if (id_ := str(message.index)) not in stored
        }

    def _connected_client(self) -> Any:
        longest = max(self._timeouts.values())
        left = allowed(longest)
        if self._client_timeout > left or self._client_timeout < left == longest:
            self.close()
        if self._client is None:
            # Where somebody waits, the time that is left may be for more than one call.
            each = longest if left == longest else left / 2
            timeouts = {name: min(wait, each) for name, wait in self._timeouts.items()}
            self._client_timeout = max(timeouts.values())
            try:
                self._client = make_client(self._address, self._profile, **timeouts)
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
        # Closes the descriptor of the parent's connection; nothing is sent on it.
        self._client = None
        self._reset()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    @shows_half_made
    def __repr__(self) -> str:
        return f"<SQSTransport to {self.name}>"
