"""MozDef's answers to many events in one request, and what it stores."""

import collections
import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.collecting import (
    ACTION,
    EVENT,
    LINE,
    RECEIVED,
    event,
    line,
    lost,
    request,
    summaries,
)
from support.running import run

from structlog_mozdef.collector.ingest import BULK_MAX_EVENTS, ingest_bulk


@pytest.mark.parametrize("path", ["/_bulk", "/_bulk/"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(line("a") + b"\n" + line("b"), id="lines"),
        pytest.param(line("a") + b"\n" + line("b") + b"\n", id="trailing newline"),
        pytest.param(line("a") + b"\r\n" + line("b") + b"\r\n", id="CRLF"),
        pytest.param(b"\n".join([ACTION, line("a"), ACTION, line("b")]) + b"\n", id="action lines"),
        pytest.param(b"[" + line("a") + b"," + line("b") + b"]", id="array"),
        pytest.param(b"[ \n" + line("a") + b",\n" + line("b") + b"\n]", id="array of lines"),
    ],
)
def test_bulk_is_stored(collector, path, body):
    """Lines with and without action lines, and arrays, are stored in their order."""
    assert request(collector, "POST", path, body) == (200, b"")
    assert summaries(collector) == ["a", "b"]
    assert collector.differences() == []
    assert all("endpoint" not in document for document in collector.documents())


@pytest.mark.parametrize(
    "body", [ACTION + b"\n" + LINE, ACTION + b"\n" + LINE + b"\n", b"[" + LINE + b"]"]
)
def test_bulk_of_one_event_is_stored(collector, body):
    """One event is stored with an action line before it, or in an array."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert collector.stored == 1


@pytest.mark.parametrize("body", [LINE, LINE + b"\n", json.dumps(EVENT, indent=1).encode()])
def test_single_line_on_bulk_is_lost(collector, body):
    """A single line or a bare object on /_bulk is answered 200 and lost."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert (collector.received, collector.stored) == (1, 0)
    assert "single line" in lost(collector)[0]


@pytest.mark.parametrize("body", [b"", b"\n", b"[]", ACTION, ACTION + b"\n"])
def test_empty_bulk_is_answered_200(collector, body):
    """A bulk without an event is answered 200, and nothing is received."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert (collector.received, collector.differences()) == (0, [])


def test_create_action_becomes_a_junk_event(collector):
    """An action line other than index is stored as an event of its own, and reported."""
    body = b'{"create": {}}\n' + line("a") + b"\n"
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert summaries(collector) == ["UNKNOWN", "a"]
    assert any("junk" in entry.reason for entry in collector.differences())


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="bad"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
    ],
)
def test_bad_line_stops_the_bulk(collector, bad):
    """An empty or bad line is answered 500; the earlier lines are stored, the later are not."""
    body = b"\n".join([ACTION, line("a"), bad, ACTION, line("b")])
    assert request(collector, "POST", "/_bulk", body) == (500, b"")
    assert summaries(collector) == ["a"]
    assert len(lost(collector)) == 1


def test_bad_line_is_named_and_kept(collector):
    """The reason names the number of the bad line, whose source is kept."""
    request(collector, "POST", "/_bulk", b"\n".join([ACTION, line("a"), b"{oops", LINE]))
    row = collector.rows()[-1]
    assert (row.raw, row.differences[0].reason[:6]) == ("{oops", "Line 3")


@pytest.mark.parametrize("bad", [b"7", b"null", b"true", b"1.5"])
def test_scalar_in_an_array_stops_the_bulk(collector, bad):
    """A number or null in an array is answered 500; the earlier elements are stored."""
    body = b"[" + b",".join([line("a"), bad, line("b")]) + b"]"
    assert request(collector, "POST", "/_bulk", body) == (500, b"")
    assert summaries(collector) == ["a"]


@pytest.mark.parametrize("bad", [b'"text"', b"[1]", b'"the index"', b"[]"])
def test_string_and_array_in_a_bulk_are_lost_alone(collector, bad):
    """A string or an array as an element is lost; the others are stored."""
    body = b"[" + b",".join([line("a"), bad, line("b")]) + b"]"
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert summaries(collector) == ["a", "b"]
    assert len(lost(collector)) == 1


@pytest.mark.parametrize("separator", ["\n", ","])
def test_event_with_a_key_index_is_lost(collector, separator):
    """An event with a top-level key index is treated as an action line and lost."""
    bad = json.dumps({**event("b"), "index": "events"})
    body = separator.join([line("a").decode(), bad, line("c").decode()])
    body = f"[{body}]" if separator == "," else body
    assert request(collector, "POST", "/_bulk", body.encode()) == (200, b"")
    assert summaries(collector) == ["a", "c"]
    assert [entry.field for entry in collector.differences()] == ["index"]


@pytest.mark.parametrize(("body", "status"), [(b"7", 500), (b"null", 500), (b'"a string"', 200)])
def test_scalar_on_bulk_is_lost(collector, body, status):
    """A scalar on /_bulk is lost, whatever the answer."""
    assert request(collector, "POST", "/_bulk", body) == (status, b"")
    assert (collector.stored, len(lost(collector))) == (0, 1)


def test_short_garbage_on_bulk_is_answered_200(collector):
    """A bulk of ten bytes or fewer that is not a JSON value is answered 200, and lost."""
    assert request(collector, "POST", "/_bulk", b"garbage") == (200, b"")
    assert (collector.received, collector.stored) == (1, 0)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        # 1.4 million events: a limit of this collector, which stores none of them.
        ("events", "413 1 0"),
        ("objects", "200 1 1"),
        ("name", "200 1 1"),
    ],
)
def test_memory_for_4_mb_is_bounded(body, answer):
    """Whatever the 4 MB of a bulk are made of, 600 MB are enough."""
    assert run("collects_within_limits", body).stdout.strip() == answer


def test_events_of_a_bulk_are_made_one_at_a_time():
    """No more than one event of a bulk is in memory, beside the values that were sent."""
    result = ingest_bulk(b"[" + b",".join([b"{}"] * 2000) + b"]", RECEIVED, "mozdef.example.com")
    tracemalloc.start()
    try:
        collections.deque(result.events, maxlen=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("separator", [b",", b"\n"])
def test_bulk_of_too_many_events_is_answered_413(separator):
    """A bulk of more events than the collector takes is answered 413, with the reason."""
    count = BULK_MAX_EVENTS * (1 if separator == b"," else 2) + 1
    body = separator.join([b"{}"] * count)
    result = ingest_bulk(b"[" + body + b"]" if separator == b"," else body, RECEIVED, "mozdef")
    (event,) = result.events
    assert result.status == 413
    assert [entry.kind for entry in event.outcome.differences] == ["rejected"]
    assert "20,000" in event.outcome.differences[0].reason


def test_a_large_body_keeps_nobody_waiting(collector):
    """While it is found out what is in a large body, other requests are answered."""
    events = [{"timestamp": "1 " * 60}] * 3000  # nothing takes MozDef's reader longer than dates
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(request, collector, "POST", "/_bulk", json.dumps(events))
        answered = 0
        while not answer.done():
            assert request(collector, "GET", "/status")[0] == 200
            answered += 1
    assert answer.result()[0] == 200
    assert collector.received == 3000
    assert answered > 10
