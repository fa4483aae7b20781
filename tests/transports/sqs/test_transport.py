"""Events to Amazon SQS, as to moto's server in a process of its own."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from support.certificates import server_context
from support.receivers import Receiver, unused_port
from support.running import forks
from support.sqs_queues import FrontEnd, moto_server, new_queue
from support.transport_contract import EVENTS, TransportContract

import structlog_mozdef as mozdef
from structlog_mozdef.exceptions import MozDefError, Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.sqs import SQSTransport


@pytest.fixture(scope="module")
def moto():
    with moto_server() as port:
        yield port


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    """Nothing of this machine: credentials of the environment, no files, no region."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture(scope="module")
def gated_queue(moto):
    """A queue and a gate before it, for all tests: boto3 takes its time to make a client."""
    queue = new_queue(moto)
    with FrontEnd(queue) as gate:
        yield queue, gate
    for transport in _transports.values():
        transport.close()
    _transports.clear()


@pytest.fixture
def standard(gated_queue):
    queue, _ = gated_queue
    queue.messages()
    return queue


@pytest.fixture
def fifo(moto):
    return new_queue(moto, fifo=True)


@pytest.fixture
def gate(gated_queue):
    _, gate = gated_queue
    gate.open()
    return gate


@pytest.fixture
def fifo_gate(fifo):
    with FrontEnd(fifo) as gate:
        yield gate


@contextlib.contextmanager
def transport_to(queue, endpoint=None, **options):
    options = {"region": "eu-west-1", "endpoint_url": endpoint or queue.endpoint, **options}
    with contextlib.closing(SQSTransport(f"sqs://{queue.name}", **options)) as transport:
        yield transport


@contextlib.contextmanager
def sink_to(queue, gate):
    """A sink that tries again at once."""
    retry = mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.02)
    with (
        transport_to(queue, gate.endpoint) as transport,
        mozdef.Sink(transport, retry=retry, linger=0) as sink,
    ):
        yield sink


_transports = {}


def send(queue, events, endpoint=None):
    """Send by a transport that is shared by tests, as the queue is."""
    key = (queue.name, endpoint or queue.endpoint)
    if key not in _transports:
        _transports[key] = SQSTransport(
            f"sqs://{queue.name}", region="eu-west-1", endpoint_url=key[1]
        )
    return _transports[key].send(events)


def error_of(queue, events, endpoint=None):
    with pytest.raises(TransportError) as caught:
        send(queue, events, endpoint)
    return caught.value


def kind(error):
    return type(error), error.retryable, error.ambiguous


def event(number, stream="0123456789abcdef", **fields):
    details = {"stream_id": stream, "sequence": number}
    return json.dumps({"summary": f"event {number}", "details": details, **fields}).encode()


class SQSContract(TransportContract):
    """Events to a queue, standard or FIFO."""

    fifo = False

    @pytest.fixture(autouse=True)
    def server(self, moto):
        self.port = moto

    def queue(self):
        return new_queue(self.port, fifo=self.fifo)

    @contextlib.contextmanager
    def working(self):
        queue = self.queue()
        received = []

        def arrived():
            received.extend(queue.bodies())
            return received

        with transport_to(queue) as transport:
            yield transport, arrived

    @contextlib.contextmanager
    def broken(self):
        queue = self.queue()
        with FrontEnd(queue) as gate, transport_to(queue, gate.endpoint) as transport:
            gate.fail_call = lambda action, asked: (500, "InternalFailure")
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with transport_to(self.queue(), f"http://127.0.0.1:{unused_port()}") as transport:
            yield transport


class TestStandardQueue(SQSContract):
    """A queue without an order."""


class TestFIFOQueue(SQSContract):
    """A queue that keeps the order."""

    fifo = True


# Limits.


def test_calls_have_ten_messages(standard, gate):
    """No call has more than ten messages, and each has as many as it can."""
    assert send(standard, [event(n) for n in range(25)], gate.endpoint) == ALL_ACCEPTED
    assert [len(batch) for batch in gate.batches()] == [10, 10, 5]


def test_messages_of_a_call_are_small_together(standard, gate):
    """The messages of a call have 256 KiB together: more, and the server refuses all of them."""
    events = [b'{"summary":"%s"}' % (b"x" * 100_000) for _ in range(5)]
    assert send(standard, events, gate.endpoint) == ALL_ACCEPTED
    assert [len(batch) for batch in gate.batches()] == [2, 2, 1]


def test_size_is_counted_in_bytes(standard, gate):
    """Characters of several bytes count as these."""
    events = [json.dumps({"s": "\u20ac" * 40_000}, ensure_ascii=False).encode()] * 3
    send(standard, events, gate.endpoint)
    assert [len(batch) for batch in gate.batches()] == [2, 1]


def test_largest_message(standard):
    """An event of 256 KiB goes."""
    largest = b'{"s":"%s"}' % (b"x" * (256 * 1024 - 8))
    assert send(standard, [largest]) == ALL_ACCEPTED
    assert standard.bodies() == [largest]


def test_larger_event_is_refused_here(standard, gate):
    """One byte more is a dead letter; the server is not asked, and the others go."""
    larger = b'{"s":"%s"}' % (b"x" * (256 * 1024 - 7))
    result = send(standard, [EVENTS[0], larger, EVENTS[1]], gate.endpoint)
    assert (dict(result.rejected), list(result.retry), gate.batches()) == (
        {1: "it has 262145 bytes; a message of SQS has 262144 at most"},
        [],
        [[EVENTS[0].decode(), EVENTS[1].decode()]],
    )


@pytest.mark.parametrize(
    ("odd", "reason"), [(b"", "it is empty"), (b'{"s":"\xff"}', "it is not UTF-8")]
)
def test_what_no_message_can_hold(standard, odd, reason):
    """What SQS has no form for is a dead letter and does not stand in the way."""
    result = send(standard, [EVENTS[0], odd, EVENTS[1]])
    assert (dict(result.rejected), standard.bodies()) == ({1: reason}, EVENTS[:2])


def test_queue_with_a_smaller_limit(moto):
    """Where a queue takes less than usual, the call is halved until the culprit stands alone."""
    queue = new_queue(moto, MaximumMessageSize="1024")
    events = [event(n) for n in range(9)]
    events[4] = b'{"s":"%s"}' % (b"x" * 2000)
    result = send(queue, events)
    assert (dict(result.rejected), queue.bodies()) == (
        {4: "InvalidParameterValue"},
        events[:4] + events[5:],
    )


# Characters.


def test_characters_that_sqs_refuses(standard):
    """They are sent as escapes of JSON, which mean the same."""
    texts = ["\ufffe", "\uffff", "\x01", "\x0b", "\x1f", "a\uffffb\ufffe"]
    send(standard, [b'{"summary":"%s"}' % text.encode() for text in texts])
    bodies = standard.bodies()
    assert [json.loads(body)["summary"] for body in bodies] == texts
    assert all(body.isascii() for body in bodies)


def test_characters_that_sqs_takes(standard):
    """They are sent as they are."""
    texts = ["\t", "\n", " ", "\x7f", "\x85", "\ud7ff", "\ue000", "\ufffd", "\U00010000"]
    events = [b'{"summary":"%s"}' % text.encode() for text in texts]
    send(standard, events)
    assert standard.bodies() == events


def test_escapes_count(standard):
    """An event that grows beyond the limit by its escapes is refused here."""
    raw = json.dumps({"s": "\uffff" * 50_000}, ensure_ascii=False).encode()
    assert send(standard, [raw]).rejected == {
        0: "it has 300009 bytes; a message of SQS has 262144 at most"
    }


# FIFO queues.


def test_group_and_deduplication(fifo):
    """Stream and sequence are group and deduplication id, together with a digest of the event."""
    events = [event(7, "aa"), event(1, "bb"), event(8, "aa")]
    send(fifo, events)
    digests = [hashlib.sha256(each).hexdigest()[:16] for each in events]
    assert sorted(fifo.ids()) == [
        ("aa", f"aa-7-{digests[0]}"),
        ("aa", f"aa-8-{digests[2]}"),
        ("bb", f"bb-1-{digests[1]}"),
    ]


def test_ids_of_the_processor(fifo):
    """What `SequenceAdder` adds is where it is looked for."""
    with transport_to(fifo) as transport, mozdef.Sink(transport) as sink:
        import structlog

        chain = [mozdef.SequenceAdder(), mozdef.MozDefRenderer()]
        log = structlog.wrap_logger(mozdef.MozDefLogger(sink), processors=chain)
        for number in range(3):
            log.info("hello", number=number)
        assert sink.flush(20)
        messages = fifo.messages()
    (group,) = {message["Attributes"]["MessageGroupId"] for message in messages}
    details = [json.loads(message["Body"])["details"] for message in messages]
    assert [(each["stream_id"], each["sequence"]) for each in details] == [
        (group, 1),
        (group, 2),
        (group, 3),
    ]


def test_repeat_is_stored_once(fifo):
    """An event that is sent again, by whomever, is known."""
    send(fifo, [event(1)])
    send(fifo, [event(1), event(2)])
    assert fifo.bodies() == [event(1), event(2)]


def test_same_sequence_is_no_repeat(fifo):
    """Another event under the same stream and sequence, fields of the program, is stored."""
    events = [event(1), event(1, category="other")]
    send(fifo, events)
    assert fifo.bodies() == events


def test_events_without_a_stream(fifo):
    """They belong to a group of the transport, and their digests tell them apart."""
    events = [
        b'{"summary":"no details"}',
        b'{"details":[1]}',
        b'{"details":{"stream_id":"a b","sequence":1}}',
        b'{"details":{"stream_id":"","sequence":1}}',
        b'{"details":{"stream_id":5,"sequence":1}}',
        b'{"details":{"stream_id":"a","sequence":"1"}}',
        b'{"details":{"stream_id":"a","sequence":true}}',
        b'{"details":{"stream_id":"a","sequence":-1}}',
        b'{"details":{"stream_id":"a"}}',
        b"[1]",
        b"no JSON",
    ]
    send(fifo, [*events, *events])
    ids = fifo.ids()
    assert (len({group for group, _ in ids}), [own for _, own in ids]) == (
        1,
        [hashlib.sha256(each).hexdigest() for each in events],
    )


def test_groups_of_two_transports(fifo):
    """Events without a stream are in order with those of their own transport only."""
    for number in range(2):
        with transport_to(fifo) as transport:
            transport.send([b'{"n":%d}' % number])
    assert len({group for group, _ in fifo.ids()}) == 2


def test_group_of_a_forked_child(fifo):
    """A child is another sender, and has a group of its own."""
    with transport_to(fifo) as transport:
        transport.send([b'{"n":1}'])
        transport.after_fork_in_child()
        transport.send([b'{"n":2}'])
    assert len({group for group, _ in fifo.ids()}) == 2


def test_nothing_overtakes_an_event_that_failed(fifo, fifo_gate):
    """After an entry that failed nothing is sent, and it is to be sent first the next time."""
    events = [event(n) for n in range(25)]
    fifo_gate.fail_entry = lambda entry: (
        ("InternalError", False) if entry["MessageBody"] == events[9].decode() else None
    )
    result = send(fifo, events, fifo_gate.endpoint)
    assert (list(result.retry), len(fifo_gate.batches())) == ([9, *range(10, 25)], 1)


def test_order_after_failures(fifo, fifo_gate):
    """Whatever calls fail, the sink delivers in order and nothing twice."""
    events = [event(n) for n in range(30)]
    attempts = []

    def fail_call(action, asked):
        attempts.append(action)
        if len(attempts) % 3 == 0:
            return [(500, "InternalFailure"), (503, "ServiceUnavailable")][len(attempts) % 2]
        return None

    fifo_gate.fail_call = fail_call
    with sink_to(fifo, fifo_gate) as sink:
        for each in events:
            sink.put(each)
        assert sink.flush(20)
    assert fifo.bodies() == events


def test_answer_that_got_lost(fifo, fifo_gate):
    """A call whose answer was lost is sent again, and stored once."""
    lost = []
    original = fifo_gate._pass_on

    def pass_on(request, asked):
        answered = original(request, asked)
        if "Entries" in asked and not lost:
            lost.append(asked)
            return 500, b""
        return answered

    fifo_gate._pass_on = pass_on
    with sink_to(fifo, fifo_gate) as sink:
        for number in range(3):
            sink.put(event(number))
        assert sink.flush(20)
    assert (len(lost), fifo.bodies()) == (1, [event(0), event(1), event(2)])


def test_failures_of_a_fifo_queue_need_no_probes(fifo, fifo_gate):
    """SQS knows a repeat there: nothing is ambiguous, and nothing is sent ahead as a probe."""
    fifo_gate.fail_call = lambda action, asked: (
        (500, "InternalFailure") if action == "SendMessageBatch" else None
    )
    assert kind(error_of(fifo, [event(1)], fifo_gate.endpoint)) == (TransportError, True, False)


# Partial failures.


def test_entry_that_aws_failed(standard, gate):
    """An entry that failed by Amazon's own fault is to be sent again, alone."""
    gate.fail_entry = lambda entry: (
        ("InternalError", False) if "event 1" in entry["MessageBody"] else None
    )
    result = send(standard, EVENTS, gate.endpoint)
    assert (dict(result.rejected), list(result.retry), kind(result.error)) == (
        {},
        [1],
        (TransportError, True, True),
    )


def test_entry_that_the_sender_failed(standard, gate):
    """An entry that Amazon blames the sender for is a dead letter with the code."""
    gate.fail_entry = lambda entry: (
        ("InvalidMessageContents", True) if "event 1" in entry["MessageBody"] else None
    )
    result = send(standard, EVENTS, gate.endpoint)
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
def test_entry_that_met_a_setting(standard, gate, code, retryable):
    """An entry is never a dead letter for being too many, or for missing rights."""
    gate.fail_entry = lambda entry: (code, True)
    error = error_of(standard, EVENTS, gate.endpoint)
    assert kind(error) == (TransportError, retryable, False)


def test_partial_failure_is_made_good(standard, gate):
    """The sink sends again what failed until all has arrived."""
    failures = [("InternalError", False), ("ServiceUnavailable", False)]
    gate.fail_entry = lambda entry: (
        failures.pop() if failures and "event 2" in entry["MessageBody"] else None
    )
    with sink_to(standard, gate) as sink:
        for each in EVENTS:
            sink.put(each)
        assert sink.flush(20)
    assert sorted(set(standard.bodies())) == EVENTS


def test_entry_that_is_not_mentioned(standard, gate):
    """What the answer does not call stored is sent again."""
    from support.receivers import answer

    gate.fail_call = lambda action, asked: (
        answer(200, b'{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"m"}]}')
        if action == "SendMessageBatch"
        else None
    )
    assert list(send(standard, EVENTS[:3], gate.endpoint).retry) == [1, 2]


def test_calls_after_one_that_failed(standard, gate):
    """What an outage left is told with what was accepted before it."""
    gate.fail_call = lambda action, asked: (
        (500, "InternalFailure") if len(gate.batches()) > 1 else None
    )
    result = send(standard, [event(n) for n in range(25)], gate.endpoint)
    assert (list(result.retry), len(gate.batches())) == (list(range(10, 25)), 2)


def test_refused_event_before_an_outage(standard, gate):
    """A dead letter is told though all others are to be sent again."""
    gate.fail_call = lambda action, asked: (500, "InternalFailure")
    result = send(standard, [b"", *EVENTS], gate.endpoint)
    assert (list(result.rejected), list(result.retry)) == ([0], [1, 2, 3, 4, 5])


# Errors of calls.


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
def test_errors_of_calls(standard, gate, status, code, expected):
    """Throttling and 5xx are waited out; for the rest somebody has to change a setting."""
    gate.fail_call = lambda action, asked: (status, code) if action == "SendMessageBatch" else None
    error = error_of(standard, EVENTS, gate.endpoint)
    assert (error.retryable, error.ambiguous, code in str(error)) == (*expected, True)


@pytest.mark.parametrize("code", ["InvalidMessageContents", "BatchRequestTooLong"])
def test_call_that_is_blamed(standard, gate, code):
    """Where Amazon blames a whole call, one event is found to be the reason."""
    gate.fail_call = lambda action, asked: (
        (400, code)
        if any("event 3" in entry["MessageBody"] for entry in asked.get("Entries", ()))
        else None
    )
    result = send(standard, EVENTS, gate.endpoint)
    assert (dict(result.rejected), standard.bodies()) == (
        {3: code},
        [*EVENTS[:3], EVENTS[4]],
    )


def test_look_up_never_blames_the_events(standard, gate):
    """An error while the queue is looked up is a matter of settings, whatever its code."""
    gate.fail_call = lambda action, asked: (400, "InvalidParameterValue")
    with (
        transport_to(standard, gate.endpoint) as transport,
        pytest.raises(TransportError) as caught,
    ):
        transport.send(EVENTS)
    assert kind(caught.value) == (TransportError, False, False)


def test_queue_that_does_not_exist(standard):
    """A queue that is not there is a matter of settings, which the error says."""
    transport = SQSTransport("sqs://Nothing", region="eu-west-1", endpoint_url=standard.endpoint)
    with pytest.raises(TransportError, match="check the name, the region and") as caught:
        transport.send(EVENTS)
    transport.close()
    assert (caught.value.retryable, caught.value.__context__) == (False, None)


def test_queue_is_looked_up_once(standard, gate):
    """The address of the queue is kept."""
    with transport_to(standard, gate.endpoint) as transport:
        for each in EVENTS:
            transport.send([each])
    assert [action for action, _ in gate.calls].count("GetQueueUrl") == 1


def test_errors_hold_no_secret(standard, gate):
    """Amazon's own text can quote the request that was signed: only the code is shown."""
    gate.fail_call = lambda action, asked: (403, "SignatureDoesNotMatch")
    assert "s3cret" not in str(error_of(standard, EVENTS, gate.endpoint))


@pytest.mark.parametrize("code", ["x\ny", "x" * 200, "s3cret \x1b[31m"])
def test_hostile_code(standard, gate, code):
    """A code that is none is not shown."""
    gate.fail_entry = lambda entry: (code, True)
    assert send(standard, EVENTS[:1], gate.endpoint).rejected == {0: "unknown"}


def test_failures_of_one_attempt(standard, gate):
    """A call is made once: the sink tries again, boto3 does not."""
    gate.fail_call = lambda action, asked: (503, "ServiceUnavailable")
    error_of(standard, EVENTS, gate.endpoint)
    assert len(gate.calls) == 1


# The network.


def test_connection_is_lost(standard, gate):
    """A connection that ends before the answer: perhaps delivered."""
    gate.fail_call = lambda action, asked: (
        (lambda connection: None) if action == "SendMessageBatch" else None
    )
    error = error_of(standard, EVENTS, gate.endpoint)
    assert (kind(error), error.__context__) == ((TransportError, True, True), None)


def test_no_name(standard):
    """A host that nobody knows is an outage."""
    error = error_of(standard, EVENTS, "http://nothing.invalid")
    assert (kind(error), str(error)) == (
        (TransportError, True, False),
        "could not connect to SQS: the host name is not known",
    )


def test_certificate_is_verified(standard):
    """The certificate of an endpoint is verified."""
    with Receiver(tls=server_context()) as receiver:
        error = error_of(standard, EVENTS, receiver.base)
    assert (error.retryable, "certificate of the server is refused" in str(error)) == (False, True)


@pytest.mark.parametrize("body", [b"<html>", b"{", b"[1]", b'{"Successful":5}', b'{"Failed":[{}]}'])
def test_answers_of_others(standard, gate, body):
    """An answer that is not Amazon's proves nothing."""
    from support.receivers import answer

    gate.fail_call = lambda action, asked: (
        answer(200, body, Content_Type="application/x-amz-json-1.0")
        if action == "SendMessageBatch"
        else None
    )
    with transport_to(standard, gate.endpoint) as transport:
        try:
            result = transport.send(EVENTS)
        except Rejected:
            raise
        except TransportError as error:
            assert error.__context__ is None  # noqa: PT017 - either way is right
        else:
            assert list(result.retry) == [0, 1, 2, 3, 4]


@forks
def test_child_leaves_the_connection_alone(standard, gate):
    """A forked child makes a connection of its own; the parent's goes on."""
    connections = gate.connections
    with transport_to(standard, gate.endpoint) as transport:
        transport.send(EVENTS[:1])
        child = os.fork()
        if not child:
            transport.after_fork_in_child()
            os._exit(0 if transport.send(EVENTS[1:2]) == ALL_ACCEPTED else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        transport.send(EVENTS[2:3])
        assert gate.connections == connections + 2
    assert sorted(standard.bodies()) == EVENTS[:3]


# Settings.


def test_no_credentials(standard, monkeypatch):
    """Missing credentials are a matter of settings."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with transport_to(standard) as transport, pytest.raises(TransportError) as caught:
        transport.send(EVENTS)
    assert (kind(caught.value), str(caught.value)) == (
        (TransportError, False, False),
        "boto3 finds no AWS credentials that it can use",
    )


def test_no_region():
    """A missing region is said when the transport is made."""
    with pytest.raises(MozDefError, match="specify a region") as caught:
        SQSTransport("sqs://queue")
    assert caught.value.__context__ is None


def test_region_of_the_environment(monkeypatch):
    """The region may come from where boto3 looks for it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert SQSTransport("sqs://queue").name == "sqs://queue?region=eu-central-1"


def test_profile(tmp_path, standard, monkeypatch):
    """A profile of AWS's files gives credentials and region."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "config").write_text(
        "[profile p]\nregion = eu-west-1\naws_access_key_id = key\naws_secret_access_key = s\n"
    )
    with transport_to(standard, region=None, profile="p") as transport:
        assert transport.send(EVENTS) == ALL_ACCEPTED


def test_unknown_profile():
    """A profile that is not there is refused."""
    with pytest.raises(ValueError, match="profile is 'p'; it must be one of"):
        SQSTransport("sqs://queue", profile="p", region="eu-west-1")


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("sqs://", {}, "must be a full address"),
        ("sqs://queue/path", {}, "it must be sqs://QUEUE"),
        ("sqs://queue:80", {}, "it must be sqs://QUEUE"),
        ("sqs://" + "q" * 81, {}, "it must be sqs://QUEUE"),
        ("sqs://" + "q" * 76 + ".fifo", {}, "it must be sqs://QUEUE"),
        ("sqs://a.b", {}, "it must be sqs://QUEUE"),
        ("sqs://.fifo", {}, "it must be sqs://QUEUE"),
        ("sqs://key:s3cret@queue", {}, "holds credentials; boto3 finds them"),
        ("sqs://queue?secret=s3cret", {}, "'secret' in its query; allowed are region, account"),
        ("sqs://queue?region=a&region=b", {}, "each once"),
        ("sqs://queue?region=", {}, "region is ''; it must be the name of an AWS region"),
        ("sqs://queue?region=EU", {}, "region is 'EU'"),
        ("sqs://queue", {"region": "a.b/c"}, "region is 'a.b/c'"),
        ("sqs://queue", {"region": 5}, "region is 5"),
        ("sqs://queue", {"account": "123"}, "account is '123'; it must be the 12 digits"),
        ("sqs://queue", {"account": 123456789012}, "account is 123456789012"),
        ("sqs://queue", {"endpoint_url": "ftp://h"}, "endpoint_url cannot be used: url is 'ftp"),
        ("sqs://queue", {"endpoint_url": 5}, "endpoint_url cannot be used: url is a int"),
        ("sqs://queue", {"endpoint_url": "http://a:s3cret@h"}, "must not hold credentials"),
        ("sqs://queue", {"profile": ""}, "profile is ''"),
        ("sqs://queue", {"profile": 5}, "profile is 5"),
        ("sqs://queue", {"read_timeout": 0}, "read_timeout is 0; it must be a number from"),
        ("sqs://queue", {"connect_timeout": "5"}, "connect_timeout is '5'; it must be"),
    ],
)
def test_bad_settings(url, options, message):
    """What cannot work is refused in one sentence, without secrets."""
    with pytest.raises(ValueError) as caught:
        SQSTransport(url, **{"region": "eu-west-1", **options} if "region" not in url else options)
    text = str(caught.value)
    assert (message in text, "s3cret" in text, "\n" in text) == (True, False, False)


def test_url_alone(standard):
    """Everything that names a queue fits into the URL of a sink."""
    url = f"sqs://{standard.name}?region=eu-west-1&account=123456789012"
    with mozdef.Sink(f"{url}&endpoint={standard.endpoint}") as sink:
        sink.put(EVENTS[0])
        assert sink.flush(20)
    assert standard.bodies() == EVENTS[:1]


def test_options_go_before_the_url():
    """An option counts more than the query of the URL."""
    transport = SQSTransport("sqs://Queue?region=eu-west-1", region="eu-west-2")
    assert transport.name == "sqs://Queue?region=eu-west-2"


def test_name_tells_queues_apart():
    """Two queues of one name, elsewhere or of another account, are two destinations."""
    options = {"region": "eu-west-1", "endpoint_url": "http://h:1/?token=s3cret"}
    transport = SQSTransport("sqs://Q.fifo", account="123456789012", **options)
    assert repr(transport) == (
        "<SQSTransport to sqs://Q.fifo?region=eu-west-1&account=123456789012&endpoint=http://h:1/>"
    )


def test_account_is_asked_for(standard, gate):
    """The account that owns the queue is a part of the look-up."""
    with transport_to(standard, gate.endpoint, account="123456789012") as transport:
        transport.send(EVENTS)
    assert gate.calls[0] == (
        "GetQueueUrl",
        {"QueueName": standard.name, "QueueOwnerAWSAccountId": "123456789012"},
    )


def test_without_boto3():
    """Where boto3 is missing, the error says what to install."""
    code = """
import sys
sys.modules["boto3"] = None
import structlog_mozdef
try:
    structlog_mozdef.Sink("sqs://queue?region=eu-west-1")
except structlog_mozdef.MozDefError as error:
    print(error, error.__context__)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert output.endswith("pip install structlog-mozdef[sqs] None\n")


def test_queue_that_is_made_anew(moto):
    """A queue that was deleted is looked up again until it is there."""
    queue = new_queue(moto)
    with FrontEnd(queue) as gate, transport_to(queue, gate.endpoint) as transport:
        transport.send(EVENTS[:1])
        queue.client.delete_queue(QueueUrl=queue.url)
        with pytest.raises(TransportError, match="check the name, the region"):
            transport.send(EVENTS[1:2])
        queue.client.create_queue(QueueName=queue.name)
        assert transport.send(EVENTS[1:2]) == ALL_ACCEPTED
    assert [action for action, _ in gate.calls].count("GetQueueUrl") == 2


def test_no_answer(standard, gate):
    """A server that does not answer is left after the read time-out: perhaps delivered."""
    done = threading.Event()

    def keep_waiting(connection):
        done.wait(60)

    gate.fail_call = lambda action, asked: keep_waiting if action == "SendMessageBatch" else None
    began = time.monotonic()
    with transport_to(standard, gate.endpoint, read_timeout=0.5) as transport:
        try:
            with pytest.raises(TransportError) as caught:
                transport.send(EVENTS)
        finally:
            done.set()
    assert (kind(caught.value), str(caught.value)) == (
        (TransportError, True, True),
        "no answer within the read timeout",
    )
    assert time.monotonic() - began < 15  # the default is 30
