"""MozDef hears of events that it will never get: how many, why, and from when to when."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from support.handmade_spools import spool_on
from support.receivers import OK, Receiver, answer
from support.running import wait_for
from support.spool_contents import QUICK
from support.transport_doubles import DownTransport, RejectingTransport

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.base import BUFFER_FULL
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.delivery.loss_report import LossReporter
from structlog_mozdef.rendering.fields import SEVERITIES

FIELDS = ["category", "details", "hostname", "processid", "processname"]
FIELDS += ["severity", "source", "summary", "tags", "timestamp"]


@pytest.fixture(params=["memory", "spool"])
def folder(request, tmp_path):
    """Where the events wait; None: in memory."""
    return tmp_path / "spool" if request.param == "spool" else None


@pytest.fixture(params=["memory", "spool"])
def buffer(request, tmp_path):
    """A buffer with room for ten events."""
    if request.param == "memory":
        return MemoryBuffer(10, 1_000_000, "drop_newest")
    return spool_on(tmp_path, max_events=10)


def reported(buffer):
    found = [json.loads(event) for event in buffer.peek(100, 1_000_000).events]
    return [event for event in found if event.get("source") == "structlog_mozdef"]


DROPPED = r"(\S+) events? w\w+ dropped"


def numbers_in(messages, pattern):
    """The sum of all numbers that messages have where *pattern* has its group."""
    found = [re.search(pattern, message) for message in messages]
    texts = [match[1].removesuffix(" events").replace(",", "") for match in found if match]
    return sum(1 if text.startswith("an ") else int(text) for text in texts)


def drop(buffer, count):
    for _ in range(count):
        buffer.drop(BUFFER_FULL)


def test_after_an_outage(folder):
    """Once events get through again, one event says what was lost in the outage."""
    down = True
    with (
        Receiver(lambda request: answer(503) if down else OK) as receiver,
        Sink(receiver.url, spool=folder, max_events=100, recovery_pause=0.05, **QUICK) as sink,
    ):
        began = datetime.now(UTC)
        for number in range(150):
            sink.put(b'{"summary": "event %d"}' % number)
        ended = datetime.now(UTC)
        down = False
        assert wait_for(lambda: any("lost" in text for text in receiver.summaries()))
        (event,) = (event for event in receiver.events() if "lost" in event["summary"])
        assert event["summary"] == "50 events were lost before they could be sent: buffer full"
        details = event["details"]
        assert (details["dropped"], details["reason"]) == (50, "buffer full")
        first, last = (datetime.fromisoformat(details[name]) for name in ("first", "last"))
        assert began.replace(microsecond=0) <= first <= last <= ended
        assert sink.flush()
        stats = sink.stats()
        assert (stats.delivered, stats.dropped, stats.accepted) == (101, 50, 151)


def test_at_the_end(folder):
    """What was lost just before a close is reported before the sink is closed."""
    with Receiver() as receiver:
        with Sink(receiver.url, spool=folder) as sink:
            sink.put(17)
            sink.put(b'{"summary": "event"}')
            sink.flush()
            sink.put(17)
        assert wait_for(lambda: len(receiver.events()) == 3)
        assert sum(e["details"]["dropped"] for e in receiver.events() if "details" in e) == 2


def test_it_is_a_complete_event(buffer):
    """It has all fields of a MozDef event, and a severity that MozDef knows."""
    drop(buffer, 1)
    LossReporter(buffer).report()
    (event,) = reported(buffer)
    assert sorted(event) == FIELDS
    assert event["severity"] in SEVERITIES
    assert list(event["details"]) == ["dropped", "reason", "first", "last"]


def test_nothing_is_reported_twice(buffer):
    """What was reported once is not reported again."""
    drop(buffer, 3)
    reporter = LossReporter(buffer)
    reporter.report()
    reporter.report(final_attempt=True)
    assert [event["details"]["dropped"] for event in reported(buffer)] == [3]


def test_at_most_once_a_minute(buffer):
    """Losses that go on are reported once a minute, all of them."""
    now = 1000.0
    reporter = LossReporter(buffer, clock=lambda: now)
    for _ in range(100):
        drop(buffer, 1)
        reporter.report()
        now += 1.0
    reporter.report(final_attempt=True)
    assert [event["details"]["dropped"] for event in reported(buffer)] == [1, 60, 39]


def test_warnings_carry_numbers_over(buffer, caplog):
    """What a warning that was suppressed would have said is in the number of the next one."""
    now = 1000.0
    own_log = RateLimitedLogger(clock=lambda: now)
    reporter = LossReporter(buffer)
    for count in (3, 5, 1200):
        drop(buffer, count)
        reporter.warn(own_log)
    now += 61
    reporter.warn(own_log)
    drop(buffer, 1)
    reporter.warn(own_log, at_once=True)
    assert caplog.messages == [
        "3 events were dropped: buffer full",
        "1,205 events were dropped: buffer full",
        "1 event was dropped: buffer full",
    ]


def test_warnings_add_up(folder, caplog):
    """The numbers of all warnings of a sink are together what it has dropped, once it is closed."""
    transport = DownTransport()
    with Sink(transport, folder, max_events=100, retry=RetryPolicy(0.001, 0.001)) as sink:
        for number in range(2000):
            sink.put(b'{"summary": "event %d"}' % number)
            if number == 200:
                assert wait_for(lambda: "dropped" in caplog.text)
        transport.down = False
    dropped = sink.stats().dropped
    assert (dropped, numbers_in(caplog.messages, DROPPED)) == (1900, 1900)


def test_warnings_of_dead_letters_add_up(folder, caplog):
    """So do the warnings of events that the destination rejects."""
    with Sink(RejectingTransport(), spool=folder) as sink:
        for _ in range(50):
            sink.put(b"{}")
        sink.flush()
    assert numbers_in(caplog.messages, r"rejected (an event|\S+ events) for good") == 50
    assert "rejected 49 events for good, the last one: HTTP 400" in caplog.text


def test_a_rejected_report_is_not_reported_forever(folder):
    """Where the destination rejects the report of a rejection as well, closing comes to an end."""
    with Sink(RejectingTransport(), folder, max_dead_letter_bytes=0) as sink:
        for _ in range(101):
            sink.put(b"{}")
        assert sink.close()
        assert sink.close()
    stats = sink.stats()
    assert (stats.accepted <= 104, stats.dropped + stats.dead_lettered) == (True, stats.accepted)


def test_each_reason_has_its_event(buffer):
    """Losses for different reasons are reported apart."""
    buffer.drop("a")
    buffer.drop("b")
    LossReporter(buffer).report()
    assert [event["details"]["reason"] for event in reported(buffer)] == ["a", "b"]


def test_a_buffer_without_room(buffer):
    """Where there is no room for the event, it is reported later, and is no loss itself."""
    for number in range(10):
        buffer.append(b'{"n": %d}' % number)
    drop(buffer, 3)
    reporter = LossReporter(buffer)
    reporter.report()
    assert reported(buffer) == []
    buffer.ack(buffer.peek(10, 1000))
    reporter.report()
    assert [event["details"]["dropped"] for event in reported(buffer)] == [3]


def test_later_losses_have_times_of_their_own(buffer):
    """The second report begins where the first one ended."""
    reporter = LossReporter(buffer)
    drop(buffer, 1)
    reporter.report()
    drop(buffer, 1)
    reporter.report(final_attempt=True)
    first, second = (event["details"] for event in reported(buffer))
    assert first["last"] <= second["first"]
