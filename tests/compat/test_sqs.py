"""Events for Amazon SQS: a small server that speaks its protocol."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from support.receivers import Receiver, answer, unused_port

import structlog_mozdef.compat as mozdef

_numbers = itertools.count()


class Queue:
    """An SQS endpoint with one queue; *fail* says which entries of a batch fail, and how."""

    def __init__(self):
        self.name = f"queue-{next(_numbers)}"
        self.bodies = []
        self.calls = []
        self.fail = lambda body: None
        self.error = None

    def respond(self, request):
        action = request.headers["x-amz-target"].removeprefix("AmazonSQS.")
        asked = json.loads(request.body)
        self.calls.append((action, asked, request.headers["authorization"]))
        if self.error is not None:
            return self._answer({"__type": self.error, "message": "no"}, 400)
        if action == "GetQueueUrl":
            return self._answer({"QueueUrl": f"http://127.0.0.1/{asked['QueueName']}"})
        successful, failed = [], []
        for entry in asked["Entries"]:
            failure = self.fail(entry["MessageBody"])
            if failure is None:
                self.bodies.append(entry["MessageBody"])
                successful.append({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0"})
            else:
                failed.append({"Id": entry["Id"], **failure})
        return self._answer({"Successful": successful, "Failed": failed})

    def _answer(self, body, status=200):
        return answer(status, json.dumps(body).encode(), Content_Type="application/x-amz-json-1.0")


@pytest.fixture
def queue(monkeypatch):
    queue = Queue()
    with Receiver(queue.respond) as receiver:
        monkeypatch.setenv("AWS_ENDPOINT_URL", receiver.base)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        yield queue


def to_sqs(queue, **settings):
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/this/url/is/not/used")
    msg.fire_and_forget_mode = False
    msg.sendToSqs = True
    msg.sqsQueueName = queue.name
    msg.sqsRegion = "us-west-1"
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def test_body(queue):
    """The body of a message is the event as JSON, with a list of tags."""
    to_sqs(queue).send("hello", details={"a": 1}, tags=["t"])
    (event,) = map(json.loads, queue.bodies)
    assert (event["summary"], event["details"], event["tags"]) == ("hello", {"a": 1}, ["t"])


def test_region(queue):
    """The request is signed for the region that was set."""
    to_sqs(queue).send("hello")
    assert {"/us-west-1/sqs/" in authorization for _, _, authorization in queue.calls} == {True}


def test_account(queue):
    """The account that owns the queue is sent if it was set."""
    to_sqs(queue, sqsAWSAccountId="012345678901").send("hello")
    assert queue.calls[0][1] == {
        "QueueName": queue.name,
        "QueueOwnerAWSAccountId": "012345678901",
    }


def event_to_sqs(queue):
    event = mozdef.MozDefEvent("")
    event.summary = "hello"
    event.set_send_to_sqs(True)
    event.set_sqs_queue_name(queue.name)
    event.set_sqs_region("us-west-1")
    event.set_sqs_aws_account_id("012345678901")
    return event


def test_events(queue):
    """mozdef_client's events go to SQS, and not to the URL, and `send` waits for the answer."""
    event_to_sqs(queue).send()
    assert [json.loads(body)["summary"] for body in queue.bodies] == ["hello"]


def test_fire_and_forget(queue):
    """In fire-and-forget mode events go to SQS in batches of ten."""
    msg = to_sqs(queue, fire_and_forget_mode=True)
    for number in range(25):
        msg.send(str(number))
    assert mozdef.flush(20)
    assert [json.loads(body)["summary"] for body in queue.bodies] == [str(n) for n in range(25)]
    batches = [asked["Entries"] for action, asked, _ in queue.calls if action != "GetQueueUrl"]
    assert max(map(len, batches)) == 10


def test_large_events(queue):
    """No call is larger than SQS accepts."""
    msg = to_sqs(queue, fire_and_forget_mode=True)
    for _ in range(4):
        msg.send("x", details={str(n): "x" * 30_000 for n in range(3)})
    assert mozdef.flush(20)
    batches = [asked["Entries"] for action, asked, _ in queue.calls if action != "GetQueueUrl"]
    sizes = [sum(len(entry["MessageBody"]) for entry in batch) for batch in batches]
    assert (len(queue.bodies), max(sizes) <= 256 * 1024) == (4, True)


def test_rejected_event(queue):
    """An event that SQS rejects is an error if the program waits."""
    queue.fail = lambda body: {"SenderFault": True, "Code": "InvalidMessageContents"}
    with pytest.raises(mozdef.MozDefError, match="failed to send to SQS: InvalidMessageContents"):
        to_sqs(queue).send("hello")


def test_entries_that_fail_are_sent_again(queue):
    """In fire-and-forget mode an entry that SQS could not store is sent again, alone."""
    failures = [{"SenderFault": False, "Code": "InternalError"}]
    queue.fail = lambda body: failures.pop() if failures and "first" in body else None
    msg = to_sqs(queue, fire_and_forget_mode=True)
    msg.send("first")
    msg.send("second")
    assert mozdef.flush(20)
    assert sorted(json.loads(body)["summary"] for body in queue.bodies) == ["first", "second"]


@pytest.mark.parametrize("kind", ["message", "event"])
def test_error_of_aws(queue, kind):
    """An error of AWS is a MozDefError with its code, and boto3's ClientError as well."""
    queue.error = "com.amazonaws.sqs#QueueDoesNotExist"
    send = to_sqs(queue).send if kind == "message" else event_to_sqs(queue).send
    arguments = ["hello"] if kind == "message" else []
    with pytest.raises(
        mozdef.MozDefError, match=r"failed to send to SQS: \S*QueueDoesNotExist"
    ) as raised:
        send(*arguments)
    copy = pickle.loads(pickle.dumps(raised.value))
    for error in (raised.value, copy):
        assert isinstance(error, ClientError)
        assert error.response["Error"]["Code"].endswith("QueueDoesNotExist")
        assert (str(error), error.msg) == (str(raised.value), str(raised.value))


@pytest.mark.parametrize("waits", [True, False])
def test_an_event_that_fails_once(queue, waits):
    """After `set_fire_and_forget(True)`, an error of AWS is not raised: the event is sent again."""
    failures = [{"SenderFault": False, "Code": "InternalError"}]
    queue.fail = lambda body: failures.pop() if failures else None
    event = event_to_sqs(queue)
    if waits:
        with pytest.raises(mozdef.MozDefError, match="InternalError"):
            event.send()
    else:
        event.set_fire_and_forget(True)
        event.send()
        assert mozdef.flush(20)
    assert len(queue.bodies) == (0 if waits else 1)


def test_no_endpoint(queue, monkeypatch):
    """An endpoint that is down is a MozDefError."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(mozdef.MozDefError, match="failed to send to SQS: could not connect"):
        to_sqs(queue).send("hello")


@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_no_region(queue, fire_and_forget):
    """Without a region nothing can be sent, and both modes say so."""
    msg = to_sqs(queue, sqsRegion=None, fire_and_forget_mode=fire_and_forget)
    with pytest.raises(mozdef.MozDefError, match="specify a region"):
        msg.send("hello")


def test_no_queue_name(queue):
    """A queue without a name is a MozDefError."""
    with pytest.raises(mozdef.MozDefError, match="the SQS queue is None"):
        to_sqs(queue, sqsQueueName=None).send("hello")


@pytest.mark.parametrize("fire_and_forget", ["1", ""])
def test_without_boto3(fire_and_forget):
    """If boto3 is missing, the error says so, in both modes."""
    code = """
import sys
sys.modules["boto3"] = None
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg("url")
msg.fire_and_forget_mode = bool(sys.argv[1])
msg.sendToSqs, msg.sqsQueueName = True, "queue"
try:
    msg.send("hello")
except mozdef.MozDefError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code, fire_and_forget],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "pip install structlog-mozdef[sqs]" in result.stdout
