"""Events become messages and calls that SQS accepts."""

import json

import pytest
from support.sqs_queues import event, new_queue, send
from support.transport_contract import EVENTS

from structlog_mozdef.transports.base import ALL_ACCEPTED

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


def test_calls_have_ten_messages(standard, front_end):
    """No call has more than ten messages, and each has as many as it can."""
    assert send(standard, [event(n) for n in range(25)], front_end.endpoint) == ALL_ACCEPTED
    assert [len(batch) for batch in front_end.batches()] == [10, 10, 5]


def test_messages_of_a_call_are_small_together(standard, front_end):
    """The messages of a call have 256 KiB together: a server rejects a larger call."""
    events = [b'{"summary":"%s"}' % (b"x" * 100_000) for _ in range(5)]
    assert send(standard, events, front_end.endpoint) == ALL_ACCEPTED
    assert [len(batch) for batch in front_end.batches()] == [2, 2, 1]


def test_size_is_counted_in_bytes(standard, front_end):
    """A character of several bytes counts as several."""
    events = [json.dumps({"s": "\u20ac" * 40_000}, ensure_ascii=False).encode()] * 3
    send(standard, events, front_end.endpoint)
    assert [len(batch) for batch in front_end.batches()] == [2, 1]


def test_largest_message(standard):
    """An event of 256 KiB is sent."""
    largest = b'{"s":"%s"}' % (b"x" * (256 * 1024 - 8))
    assert send(standard, [largest]) == ALL_ACCEPTED
    assert standard.bodies() == [largest]


def test_larger_event_is_rejected_here(standard, front_end):
    """An event with one byte more is rejected without a call; the others are sent."""
    larger = b'{"s":"%s"}' % (b"x" * (256 * 1024 - 7))
    result = send(standard, [EVENTS[0], larger, EVENTS[1]], front_end.endpoint)
    assert (dict(result.rejected), list(result.retry), front_end.batches()) == (
        {1: "it has 262145 bytes; a message of SQS has 262144 at most"},
        [],
        [[EVENTS[0].decode(), EVENTS[1].decode()]],
    )


@pytest.mark.parametrize(
    ("odd", "reason"), [(b"", "it is empty"), (b'{"s":"\xff"}', "it is not UTF-8")]
)
def test_event_that_no_message_can_hold(standard, odd, reason):
    """An event that no message can hold is rejected, and the others are sent."""
    result = send(standard, [EVENTS[0], odd, EVENTS[1]])
    assert (dict(result.rejected), standard.bodies()) == ({1: reason}, EVENTS[:2])


def test_queue_with_a_smaller_limit(moto):
    """Where a queue accepts less than usual, one event is found to be the reason."""
    queue = new_queue(moto, MaximumMessageSize="1024")
    events = [event(n) for n in range(9)]
    events[4] = b'{"s":"%s"}' % (b"x" * 2000)
    result = send(queue, events)
    assert (dict(result.rejected), queue.bodies()) == (
        {4: "InvalidParameterValue"},
        events[:4] + events[5:],
    )


def test_characters_that_sqs_rejects(standard):
    """Characters that SQS rejects are sent as escapes of JSON, which mean the same."""
    texts = ["\ufffe", "\uffff", "\x01", "\x0b", "\x1f", "a\uffffb\ufffe"]
    send(standard, [b'{"summary":"%s"}' % text.encode() for text in texts])
    bodies = standard.bodies()
    assert [json.loads(body)["summary"] for body in bodies] == texts
    assert all(body.isascii() for body in bodies)


def test_characters_that_sqs_accepts(standard):
    """Other characters are sent as they are."""
    texts = ["\t", "\n", " ", "\x7f", "\x85", "\ud7ff", "\ue000", "\ufffd", "\U00010000"]
    events = [b'{"summary":"%s"}' % text.encode() for text in texts]
    send(standard, events)
    assert standard.bodies() == events


def test_escapes_count(standard):
    """An event that grows beyond the limit by its escapes is rejected."""
    raw = json.dumps({"s": "\uffff" * 50_000}, ensure_ascii=False).encode()
    assert send(standard, [raw]).rejected == {
        0: "it has 300009 bytes; a message of SQS has 262144 at most"
    }
