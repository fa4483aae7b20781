"""Events that fail are sent again; only an event that is to blame for it is rejected."""

import os
import threading
import time

import pytest
from support.certificates import server_context
from support.errors import error_of, kind_of
from support.receivers import Receiver, answer
from support.running import forks, wait_for
from support.sqs_queues import FrontEnd, event, new_queue, send, sink_to, transport_to
from support.transport_contract import EVENTS

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.sqs import SQSTransport

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


def test_entry_that_aws_failed(standard, front_end):
    """An entry that failed by Amazon's own fault is sent again, alone."""
    front_end.fail_entry = lambda entry: (
        ("InternalError", False) if "event 1" in entry["MessageBody"] else None
    )
    result = send(standard, EVENTS, front_end.endpoint)
    assert (dict(result.rejected), list(result.retry), kind_of(result.error)) == (
        {},
        [1],
        (TransportError, True, True),
    )


def test_entry_that_the_sender_failed(standard, front_end):
    """An entry that Amazon blames the sender for is rejected with the code."""
    front_end.fail_entry = lambda entry: (
        ("InvalidMessageContents", True) if "event 1" in entry["MessageBody"] else None
    )
    result = send(standard, EVENTS, front_end.endpoint)
    assert (dict(result.rejected), list(result.retry)) == ({1: "InvalidMessageContents"}, [])


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("RequestThrottled", True),
        ("KmsThrottled", True),
        ("KmsAccessDenied", False),
        ("AWS.SimpleQueueService.NonExistentQueue", False),
    ],
)
def test_entry_that_met_a_setting(standard, front_end, code, retryable):
    """An entry is never rejected because of too many messages, or of missing rights."""
    front_end.fail_entry = lambda entry: (code, True)
    error = error_of(send, standard, EVENTS, front_end.endpoint)
    assert kind_of(error) == (TransportError, retryable, False)


def test_partial_failure_is_made_good(standard, front_end):
    """The sink sends again what failed until all has arrived."""
    failures = [("InternalError", False), ("ServiceUnavailable", False)]
    front_end.fail_entry = lambda entry: (
        failures.pop() if failures and "event 2" in entry["MessageBody"] else None
    )
    with sink_to(standard, front_end) as sink:
        for each in EVENTS:
            sink.put(each)
        assert sink.flush(20)
    assert sorted(set(standard.bodies())) == EVENTS


def test_entry_that_is_not_mentioned(standard, front_end):
    """An entry that the answer does not call stored is sent again."""
    front_end.fail_call = lambda action, asked: (
        answer(200, b'{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"m"}]}')
        if action == "SendMessageBatch"
        else None
    )
    assert list(send(standard, EVENTS[:3], front_end.endpoint).retry) == [1, 2]


def test_calls_after_one_that_failed(standard, front_end):
    """The result of an outage also says what was accepted before it."""
    front_end.fail_call = lambda action, asked: (
        (500, "InternalFailure") if len(front_end.batches()) > 1 else None
    )
    result = send(standard, [event(n) for n in range(25)], front_end.endpoint)
    assert (list(result.retry), len(front_end.batches())) == (list(range(10, 25)), 2)


def test_rejected_event_before_an_outage(standard, front_end):
    """An event is rejected also where all others are to be sent again."""
    front_end.fail_call = lambda action, asked: (500, "InternalFailure")
    result = send(standard, [b"", *EVENTS], front_end.endpoint)
    assert (list(result.rejected), list(result.retry)) == ([0], [1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "RequestThrottled", (True, False)),
        (429, "TooManyRequests", (True, False)),
        (500, "InternalFailure", (True, True)),
        (403, "AccessDenied", (False, False)),
        (403, "InvalidClientTokenId", (False, False)),
        (403, "SignatureDoesNotMatch", (False, False)),
        (400, "QueueDoesNotExist", (False, False)),
        (400, "KmsAccessDenied", (False, False)),
        (400, "SomethingNew", (False, False)),
    ],
)
def test_errors_of_calls(standard, front_end, status, code, expected):
    """Throttling and 5xx pass; for the rest somebody has to change a setting."""
    front_end.fail_call = lambda action, asked: (
        (status, code) if action == "SendMessageBatch" else None
    )
    error = error_of(send, standard, EVENTS, front_end.endpoint)
    assert (error.retryable, error.ambiguous, code in str(error)) == (*expected, True)


@pytest.mark.parametrize("code", ["InvalidMessageContents", "BatchRequestTooLong"])
def test_call_that_is_blamed(standard, front_end, code):
    """Where Amazon blames the events of a call, one event is found to be the reason."""
    front_end.fail_call = lambda action, asked: (
        (400, code)
        if any("event 3" in entry["MessageBody"] for entry in asked.get("Entries", ()))
        else None
    )
    result = send(standard, EVENTS, front_end.endpoint)
    assert (dict(result.rejected), standard.bodies()) == (
        {3: code},
        [*EVENTS[:3], EVENTS[4]],
    )


def test_look_up_never_blames_the_events(standard, front_end):
    """An error while the queue is looked up is a matter of settings, whatever its code."""
    front_end.fail_call = lambda action, asked: (400, "InvalidParameterValue")
    with transport_to(standard, front_end.endpoint) as transport:
        error = error_of(transport.send, EVENTS)
    assert kind_of(error) == (TransportError, False, False)


def test_queue_that_does_not_exist(standard):
    """A queue that is not there is a matter of settings, which the error says."""
    transport = SQSTransport("sqs://Nothing", region="eu-west-1", endpoint_url=standard.endpoint)
    error = error_of(transport.send, EVENTS)
    transport.close()
    assert error.retryable is False
    assert "check the name, the region and" in str(error)


def test_queue_is_looked_up_once(standard, front_end):
    """The address of the queue is kept."""
    with transport_to(standard, front_end.endpoint) as transport:
        for each in EVENTS:
            transport.send([each])
    assert [action for action, _ in front_end.calls].count("GetQueueUrl") == 1


def test_errors_hold_no_secret(standard, front_end):
    """Amazon's own message can quote the request that was signed: only the code is shown."""
    front_end.fail_call = lambda action, asked: (403, "SignatureDoesNotMatch")
    assert "s3cret" not in str(error_of(send, standard, EVENTS, front_end.endpoint))


@pytest.mark.parametrize("code", ["x\ny", "x" * 200, "s3cret \x1b[31m"])
def test_hostile_code(standard, front_end, code):
    """A code that does not have the form of one is not shown."""
    front_end.fail_entry = lambda entry: (code, True)
    assert send(standard, EVENTS[:1], front_end.endpoint).rejected == {0: "unknown"}


def test_failures_of_one_attempt(standard, front_end):
    """A call is made once: the sink tries again, boto3 does not."""
    front_end.fail_call = lambda action, asked: (503, "ServiceUnavailable")
    error_of(send, standard, EVENTS, front_end.endpoint)
    assert len(front_end.calls) == 1


def test_connection_is_lost(standard, front_end):
    """Where a connection ends before the answer, the events are perhaps delivered."""
    front_end.fail_call = lambda action, asked: (
        (lambda connection: None) if action == "SendMessageBatch" else None
    )
    error = error_of(send, standard, EVENTS, front_end.endpoint)
    assert kind_of(error) == (TransportError, True, True)


def test_no_name(standard):
    """A host name that is not known is an outage."""
    error = error_of(send, standard, EVENTS, "http://nothing.invalid")
    assert (kind_of(error), str(error)) == (
        (TransportError, True, False),
        "could not connect to SQS: the host name is not known",
    )


def test_certificate_is_verified(standard):
    """The certificate of an endpoint is verified."""
    with Receiver(tls=server_context()) as receiver:
        error = error_of(send, standard, EVENTS, receiver.base)
    assert (error.retryable, "certificate of the server is refused" in str(error)) == (False, True)


@pytest.mark.parametrize("body", [b"<html>", b"{", b"[1]", b'{"Successful":5}', b'{"Failed":[{}]}'])
def test_answers_of_others(standard, front_end, body):
    """An answer that is not Amazon's proves nothing."""
    front_end.fail_call = lambda action, asked: (
        answer(200, body, Content_Type="application/x-amz-json-1.0")
        if action == "SendMessageBatch"
        else None
    )
    with transport_to(standard, front_end.endpoint) as transport:
        try:
            result = transport.send(EVENTS)
        except Rejected:
            raise
        except TransportError as error:
            assert error.__context__ is None  # noqa: PT017 - either way is right
        else:
            assert list(result.retry) == [0, 1, 2, 3, 4]


@forks
def test_child_leaves_the_connection_alone(standard, front_end):
    """A forked child makes a connection of its own; the parent's goes on."""
    connections = front_end.connections
    with transport_to(standard, front_end.endpoint) as transport:
        transport.send(EVENTS[:1])
        child = os.fork()
        if not child:
            transport.after_fork_in_child()
            os._exit(0 if transport.send(EVENTS[1:2]) == ALL_ACCEPTED else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        transport.send(EVENTS[2:3])
        assert front_end.connections == connections + 2
    assert sorted(standard.bodies()) == EVENTS[:3]


def test_no_answer(standard, front_end):
    """A server that does not answer holds the sender until the read timeout."""
    done = threading.Event()

    def keep_waiting(connection):
        done.wait(60)

    front_end.fail_call = lambda action, asked: (
        keep_waiting if action == "SendMessageBatch" else None
    )
    began = time.monotonic()
    with transport_to(standard, front_end.endpoint, read_timeout=0.5) as transport:
        try:
            error = error_of(transport.send, EVENTS)
        finally:
            done.set()
    assert (kind_of(error), str(error)) == (
        (TransportError, True, True),
        "no answer within the read timeout",
    )
    assert time.monotonic() - began < 15  # the default is 30


def test_queue_that_is_made_again(moto):
    """A queue that was deleted is looked up again until it is there."""
    queue = new_queue(moto)
    with FrontEnd(queue) as front_end, transport_to(queue, front_end.endpoint) as transport:
        transport.send(EVENTS[:1])
        queue.client.delete_queue(QueueUrl=queue.url)
        with pytest.raises(TransportError, match="check the name, the region"):
            transport.send(EVENTS[1:2])
        queue.client.create_queue(QueueName=queue.name)
        assert transport.send(EVENTS[1:2]) == ALL_ACCEPTED
    assert [action for action, _ in front_end.calls].count("GetQueueUrl") == 2


def test_each_call_counts(standard, front_end):
    """What Amazon has stored is delivered at once, also while a later call has no answer."""
    done = threading.Event()
    front_end.fail_call = lambda action, asked: (
        (lambda connection: done.wait(60)) if len(front_end.batches()) > 2 else None
    )
    with sink_to(standard, front_end) as sink:
        for number in range(50):
            sink.put(event(number))
        try:
            assert wait_for(lambda: len(front_end.batches()) > 2)
            assert sink.stats().delivered in range(11, 21)  # the first call may hold a single event
        finally:
            front_end.reset()
            done.set()
