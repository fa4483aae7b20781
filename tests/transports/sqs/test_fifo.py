"""A FIFO queue keeps the order of events, and stores a repeat once."""

import hashlib
import json

import pytest
import structlog
from support.errors import error_of, kind_of
from support.sqs_queues import event, send, sink_to, transport_to

import structlog_mozdef as mozdef
from structlog_mozdef.exceptions import TransportError

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


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
    """The fields of `SequenceAdder` become group and deduplication id."""
    with transport_to(fifo) as transport, mozdef.Sink(transport) as sink:
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
    """An event that is sent again is known."""
    send(fifo, [event(1)])
    send(fifo, [event(1), event(2)])
    assert fifo.bodies() == [event(1), event(2)]


def test_same_sequence_is_no_repeat(fifo):
    """Another event with the same stream and sequence, set by the program, is stored."""
    events = [event(1), event(1, category="other")]
    send(fifo, events)
    assert fifo.bodies() == events


def test_events_without_a_stream(fifo):
    """Events without a stream belong to a group of the transport; their digests are their ids."""
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


def test_nothing_overtakes_an_event_that_failed(fifo, fifo_front_end):
    """After an entry that failed nothing is sent; it comes first the next time."""
    events = [event(n) for n in range(25)]
    fifo_front_end.fail_entry = lambda entry: (
        ("InternalError", False) if entry["MessageBody"] == events[9].decode() else None
    )
    result = send(fifo, events, fifo_front_end.endpoint)
    assert (list(result.retry), len(fifo_front_end.batches())) == ([9, *range(10, 25)], 1)


def test_order_after_failures(fifo, fifo_front_end):
    """Whichever calls fail, the sink delivers in order and nothing twice."""
    events = [event(n) for n in range(30)]
    attempts = []

    def fail_call(action, asked):
        attempts.append(action)
        if len(attempts) % 3 == 0:
            return [(500, "InternalFailure"), (503, "ServiceUnavailable")][len(attempts) % 2]
        return None

    fifo_front_end.fail_call = fail_call
    with sink_to(fifo, fifo_front_end) as sink:
        for each in events:
            sink.put(each)
        assert sink.flush(20)
    assert fifo.bodies() == events


def test_answer_that_got_lost(fifo, fifo_front_end):
    """A call whose answer was lost is sent again, and stored once."""
    lost = []

    def lose_first(action, asked):
        if "Entries" in asked and not lost:
            lost.append(asked)
            return True
        return False

    fifo_front_end.lose_answer = lose_first
    with sink_to(fifo, fifo_front_end) as sink:
        for number in range(3):
            sink.put(event(number))
        assert sink.flush(20)
    assert (len(lost), fifo.bodies()) == (1, [event(0), event(1), event(2)])


def test_failures_of_a_fifo_queue_need_no_probes(fifo, fifo_front_end):
    """SQS knows a repeat there: nothing is ambiguous, and nothing is sent ahead as a probe."""
    fifo_front_end.fail_call = lambda action, asked: (
        (500, "InternalFailure") if action == "SendMessageBatch" else None
    )
    assert kind_of(error_of(send, fifo, [event(1)], fifo_front_end.endpoint)) == (
        TransportError,
        True,
        False,
    )
