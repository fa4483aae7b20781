"""Which events a broker has answered for."""

import sys

import pytest

from structlog_mozdef.transports.amqp.confirms import DELIVERED, UNPUBLISHED, ForeignAnswer, Ledger

EVENTS = [b"a", b"b", b"c", b"d"]


def published(events=EVENTS):
    ledger = Ledger()
    return ledger, [ledger.publish(event) for event in events]


def delivered(ledger, tags):
    return [ledger.is_delivered(tag) for tag in tags]


def test_one_confirm():
    """A confirm names one message."""
    ledger, tags = published()
    ledger.confirm(2, False)
    assert delivered(ledger, tags) == [False, True, False, False]


@pytest.mark.parametrize(("tag", "expected"), [(2, [True, True, False, False]), (0, [True] * 4)])
def test_confirm_of_many(tag, expected):
    """A confirm names all up to a message, or, as 0, all."""
    ledger, tags = published()
    ledger.confirm(tag, True)
    assert delivered(ledger, tags) == expected


def test_rejection_between_confirms():
    """Only what was rejected has to be sent again."""
    ledger, tags = published()
    ledger.confirm(1, False)
    ledger.reject(2, False)
    ledger.confirm(4, True)
    assert delivered(ledger, tags) == [True, False, True, True]


def test_returned_message():
    """A message that came back is not delivered, although the broker confirms it."""
    ledger, tags = published()
    ledger.returned(b"b")
    ledger.confirm(4, True)
    assert delivered(ledger, tags) == [True, False, True, True]


def test_returned_twins():
    """Of equal events as many are sent again as came back."""
    ledger, tags = published([b"a", b"a", b"b", b"a"])
    ledger.returned(b"a")
    ledger.returned(b"a")
    ledger.confirm(4, True)
    assert sum(delivered(ledger, tags)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda ledger: ledger.confirm(5, False),
        lambda ledger: ledger.confirm(5, True),
        lambda ledger: ledger.reject(9, False),
        lambda ledger: ledger.returned(b"x"),
    ],
)
def test_foreign_answers(answer):
    """An answer for what was not published is never success."""
    ledger, _ = published()
    with pytest.raises(ForeignAnswer):
        answer(ledger)


def test_unanswered_events_come_again():
    """What is still unanswered is found again in a later batch, each event once."""
    ledger, tags = published([b"a", b"b", b"b"])
    ledger.confirm(1, False)
    ledger.end()
    assert ledger.begin([b"b", b"a", b"b", b"b"]) == [tags[1], UNPUBLISHED, tags[2], UNPUBLISHED]


def test_late_confirm():
    """What is confirmed between two attempts counts for the second one, once."""
    ledger, _ = published()
    ledger.end()
    ledger.confirm(2, True)
    assert ledger.begin([b"a", b"b", b"b"]) == [DELIVERED, DELIVERED, UNPUBLISHED]


@pytest.mark.parametrize("late", ["rejected", "returned"])
def test_late_rejection(late):
    """What was not accepted after all is published again."""
    ledger, _ = published([b"a"])
    ledger.end()
    if late == "rejected":
        ledger.reject(1, False)
    else:
        ledger.returned(b"a")
        ledger.confirm(1, False)
    assert ledger.begin([b"a"]) == [UNPUBLISHED]


def test_what_was_confirmed_late_is_not_kept():
    """A session that lives through many alarms holds no event of them."""
    event = bytes(range(100))
    ledger = Ledger()
    before = sys.getrefcount(event)
    ledger.begin([event, event])
    tags = [ledger.publish(event), ledger.publish(event)]
    ledger.end()
    for tag in tags:
        ledger.confirm(tag, False)
    assert ledger.begin([event, event, event]) == [DELIVERED, DELIVERED, UNPUBLISHED]
    assert sys.getrefcount(event) == before
