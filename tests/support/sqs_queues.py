"""Queues of SQS for tests: moto's server in a process of its own, a proxy, and transports."""

from __future__ import annotations

import contextlib
import functools
import http.client
import itertools
import json
import subprocess
from dataclasses import dataclass
from typing import Any, Self

import boto3
from support import running
from support.receivers import Receiver, answer

import structlog_mozdef as mozdef
from structlog_mozdef.transports.sqs import SQSTransport

#: The limits of queues from before August 2025.
LIMIT_BYTES = 256 * 1024
_numbers = itertools.count()


@contextlib.contextmanager
def moto_server():
    """The port of moto's server."""
    process = running.start("moto_sqs", LIMIT_BYTES, stdin=subprocess.PIPE)
    try:
        port = process.stdout.readline().strip()
        if not port:
            process.kill()
            raise AssertionError(process.communicate()[1][-4000:])
        yield int(port)
    finally:
        process.communicate(timeout=30)


@dataclass
class Queue:
    """A queue of moto's."""

    name: str
    port: int
    client: Any
    url: str

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def messages(self) -> list[dict]:
        """Receive all messages, as a worker does, and delete them from the queue."""
        found = []
        while True:
            received = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"]
            ).get("Messages", [])
            if not received:
                return found
            self.client.delete_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(received)
                ],
            )
            found += received

    def bodies(self) -> list[bytes]:
        return [message["Body"].encode() for message in self.messages()]

    def ids(self) -> list[tuple[str, str]]:
        """Message group and deduplication id of all messages."""
        return [
            (
                message["Attributes"]["MessageGroupId"],
                message["Attributes"]["MessageDeduplicationId"],
            )
            for message in self.messages()
        ]


@functools.cache
def _client(port: int) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def new_queue(port: int, *, fifo: bool = False, **attributes: str) -> Queue:
    """Make a queue at moto's server."""
    client = _client(port)
    name = f"Queue_{next(_numbers)}" + (".fifo" if fifo else "")
    if fifo:
        attributes["FifoQueue"] = "true"
    attributes.setdefault("MaximumMessageSize", str(LIMIT_BYTES))
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return Queue(name, port, client, url)


class FrontEnd:
    """A proxy before moto's server, which fails where a test wants it; a context manager.

    Its answers have Amazon's documented form: the reference of SendMessageBatch (entries that
    failed, errors of calls) and "JSON protocol" of the SQS developer guide (the header).

    Attributes:
        fail_entry: entry -> code and whether the sender is to blame, or None to pass it on.
        fail_call: action and what was asked -> status and code, bytes to answer with, or None.
        lose_answer: action and what was asked -> True to answer 500 after the call was passed on.
        calls: action and what was asked, of every call.
        key: the access key of the latest call.
    """

    def __init__(self, queue: Queue) -> None:
        self.reset()
        self._port = queue.port
        self._receiver = Receiver(self._respond)

    def reset(self) -> None:
        """Let everything through, and clear the list of calls."""
        self.fail_entry: Any = lambda entry: None
        self.fail_call: Any = lambda action, asked: None
        self.lose_answer: Any = lambda action, asked: False
        self.calls: list[tuple[str, dict]] = []
        self.key = ""

    def __enter__(self) -> Self:
        self._receiver.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._receiver.stop()

    @property
    def endpoint(self) -> str:
        return self._receiver.base

    @property
    def connections(self) -> int:
        return self._receiver.connections

    def batches(self) -> list[list[str]]:
        """The bodies of each call that sent."""
        return [
            [entry["MessageBody"] for entry in asked["Entries"]]
            for action, asked in self.calls
            if action == "SendMessageBatch"
        ]

    def _respond(self, request: Any) -> Any:
        action = request.headers["x-amz-target"].removeprefix("AmazonSQS.")
        asked = json.loads(request.body)
        self.calls.append((action, asked))
        self.key = request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        failure = self.fail_call(action, asked)
        if isinstance(failure, tuple):
            return aws_error(*failure)
        if failure is not None:
            return failure
        failed = []
        if action == "SendMessageBatch":
            for entry in list(asked["Entries"]):
                if (fault := self.fail_entry(entry)) is not None:
                    code, by_sender = fault
                    asked["Entries"].remove(entry)
                    failed.append(
                        {"Id": entry["Id"], "Code": code, "SenderFault": by_sender, "Message": "no"}
                    )
            if not asked["Entries"]:
                return _json({"Successful": [], "Failed": failed})
        status, body = self._pass_on(request, asked)
        if self.lose_answer(action, asked):
            return answer(500)
        if failed:
            reported = json.loads(body)
            body = json.dumps(
                {**reported, "Failed": [*reported.get("Failed", []), *failed]}
            ).encode()
        return answer(status, body, Content_Type="application/x-amz-json-1.0")

    def _pass_on(self, request: Any, asked: dict) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in ("content-length", "connection")
        }
        connection.request("POST", request.path, json.dumps(asked), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body


def aws_error(status: int, code: str) -> bytes:
    """An error of Amazon's as the JSON protocol has it."""
    fault = "Sender" if status < 500 else "Receiver"
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": "the text quotes a s3cret"}
    return answer(
        status,
        json.dumps(body).encode(),
        Content_Type="application/x-amz-json-1.0",
        x_amzn_query_error=f"AWS.SimpleQueueService.{code};{fault}",
    )


def _json(body: dict) -> bytes:
    return answer(200, json.dumps(body).encode(), Content_Type="application/x-amz-json-1.0")


@contextlib.contextmanager
def transport_to(queue: Queue, endpoint: str | None = None, **options: Any):
    options = {"region": "eu-west-1", "endpoint_url": endpoint or queue.endpoint, **options}
    with contextlib.closing(SQSTransport(f"sqs://{queue.name}", **options)) as transport:
        yield transport


@contextlib.contextmanager
def sink_to(queue: Queue, front_end: FrontEnd):
    """A sink that tries again at once."""
    retry = mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.02)
    with (
        transport_to(queue, front_end.endpoint) as transport,
        mozdef.Sink(transport, retry=retry, linger=0) as sink,
    ):
        yield sink


_transports: dict[tuple[str, str], SQSTransport] = {}


def send(queue: Queue, events: list[bytes], endpoint: str | None = None):
    """Send by a transport that is shared by tests, as the queue is."""
    key = (queue.name, endpoint or queue.endpoint)
    if key not in _transports:
        _transports[key] = SQSTransport(
            f"sqs://{queue.name}", region="eu-west-1", endpoint_url=key[1]
        )
    return _transports[key].send(events)


def close_transports() -> None:
    """Close those that `send` has made."""
    for transport in _transports.values():
        transport.close()
    _transports.clear()


def event(number: int, stream: str = "0123456789abcdef", **fields: Any) -> bytes:
    """An event with the fields that `SequenceAdder` adds."""
    details = {"stream_id": stream, "sequence": number}
    return json.dumps({"summary": f"event {number}", "details": details, **fields}).encode()
