"""What is missing in a record is said, and what is merely unfinished is not called missing."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from support.destinations import structlog_defaults
from support.handmade_spools import orphan
from support.sealing import numbers, rendered

from structlog_mozdef import MozDefHandler, SequenceAdder, Sink, configure, end_streams_in
from structlog_mozdef.audit.completeness import Completeness
from structlog_mozdef.audit.report import Rules, as_json, as_lines, is_complete
from structlog_mozdef.audit.sources import events_in_lines, events_of, parse
from structlog_mozdef.exceptions import AuditError
from structlog_mozdef.testing import MemoryTransport

STREAM = "39e36bd84b82c04e"


def event(number, stream=STREAM, **details):
    return json.loads(rendered(str(number), stream_id=stream, sequence=number, **details))


def end(number, stream=STREAM):
    return event(number, stream, stream_end=True)


def audited(events, **rules):
    found = Completeness()
    for each in events:
        found.add(each)
    return as_json(found, Rules(**rules))


def only_stream(report):
    (stream,) = report["streams"]
    return stream


def test_a_complete_record():
    """Each number from 1 to the end is there."""
    report = audited([event(2), event(1), end(3)])
    stream = only_stream(report)
    assert (report["complete"], stream["state"], stream["first"], stream["last"]) == (
        True,
        "ended",
        1,
        3,
    )


def test_missing_numbers():
    """They are said as ranges, the beginning included."""
    report = audited([event(3), event(4), event(8)])
    assert (report["complete"], only_stream(report)["missing"]) == (
        False,
        {"count": 5, "ranges": [(1, 2), (5, 7)]},
    )


def test_a_record_that_begins_in_the_middle():
    """With *partial*, what comes before the first number is not missing."""
    report = audited([event(3), event(4), event(8)], partial=True)
    assert only_stream(report)["missing"]["ranges"] == [(5, 7)]


def test_what_came_twice():
    """Repeats are said, and are no error."""
    report = audited([event(1), event(2), event(2), event(2)])
    assert (report["complete"], numbers(only_stream(report)["repeated"])) == (True, [2])


def test_an_open_stream_is_complete():
    """A process that still runs has not said that it has ended."""
    report = audited([event(1)])
    assert (report["complete"], only_stream(report)["state"]) == (True, "open")


@pytest.mark.parametrize(
    ("silent_after", "state"), [(0, "cut off"), (60, "cut off"), (600, "open")]
)
def test_a_stream_that_is_silent(silent_after, state):
    """After a time without events, a stream without an end was cut off."""
    now = datetime.now(UTC) + timedelta(minutes=5)
    report = audited([event(1)], silent_after=silent_after, now=now)
    assert (report["complete"], only_stream(report)["state"]) == (state == "open", state)


def test_events_after_the_end():
    """What a program logs while it ends comes behind the end: the stream is open again."""
    assert only_stream(audited([event(1), end(2), event(3)]))["state"] == "open"


def test_streams_are_apart():
    """Each process has its numbers."""
    report = audited([event(1), event(1, "other"), event(3, "other")])
    assert [stream["missing"]["count"] for stream in report["streams"]] == [0, 1]


def test_nothing_is_not_complete():
    """A record without a numbered event proves nothing."""
    assert not audited([])["complete"]
    assert not audited([json.loads(rendered("x"))])["complete"]


@pytest.mark.parametrize(
    "details",
    [
        {"stream_id": STREAM},
        {"sequence": 1},
        {"stream_id": ["x"], "sequence": 1},
        {"stream_id": "\x1b[2J", "sequence": 1},
        {"stream_id": "x" * 100_000, "sequence": 1},
        {"stream_id": STREAM, "sequence": 0},
        {"stream_id": STREAM, "sequence": True},
        {"stream_id": STREAM, "sequence": 1.5},
        {"stream_id": STREAM, "sequence": "1"},
    ],
    ids=lambda details: str(details)[:40],
)
def test_numbers_that_cannot_be_any(details):
    """They are counted, and are no streams."""
    report = audited([{"details": details}])
    assert (report["malformed"], report["streams"]) == (1, [])


@pytest.mark.parametrize("value", [None, {}, [], "x", 1, {"details": None}, {"details": [1]}])
def test_what_is_no_event(value):
    """Any JSON can be in a record."""
    line = json.dumps(value).encode() + b"\n"
    assert audited(events_in_lines(io.BytesIO(line)))["streams"] == []


def test_a_forged_number_costs_nothing():
    """A number far away is one long range that is missing."""
    report = audited([event(1), event(2**63 - 1)])
    assert only_stream(report)["missing"]["count"] == 2**63 - 3


def test_many_ranges_are_counted():
    """No more ranges are listed than a person or a program can use."""
    found = Completeness()
    template = event(1)
    for number in range(1, 50_001, 2):
        template["details"]["sequence"] = number
        found.add(template)
    missing = only_stream(as_json(found, Rules()))["missing"]
    assert (missing["count"], len(missing["ranges"])) == (24_999, 10_000)
    assert all(len(line) < 500 for line in as_lines(found, Rules()))


def test_names_from_outside_are_short():
    """A host name of a megabyte is cut."""
    found = Completeness()
    found.add({**event(1), "hostname": "x" * 1_000_000, "timestamp": "y" * 1_000_000})
    assert all(len(line) < 1000 for line in as_lines(found, Rules()))


def test_other_types_than_an_event_has():
    """Whatever stands in the other fields is left out."""
    found = Completeness()
    found.add({**event(1), "hostname": {}, "processname": 1.5, "processid": [], "timestamp": None})
    assert is_complete(found, Rules(silent_after=None))
    assert not is_complete(found, Rules(silent_after=60))


# Where events come from


def lines(*events):
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


FORMS = {
    "as sent": lines(event(1), end(2)),
    "bulk": lines({"index": {}}, event(1), {"create": {"_id": "x"}}, end(2)),
    "hits": lines({"_index": "i", "_source": event(1)}, {"_id": 1, "_source": end(2)}),
    "blank lines": b"\n\n" + lines(event(1)) + b"   \n" + lines(end(2)),
    "no last line end": lines(event(1), end(2))[:-1],
}


@pytest.mark.parametrize("form", FORMS)
def test_ndjson(form, tmp_path):
    """Events in lines are read in each form that files of them have, also in gzip."""
    (tmp_path / "plain").write_bytes(FORMS[form])
    (tmp_path / "packed").write_bytes(gzip.compress(FORMS[form]))
    for name in ("plain", "packed"):
        report = audited(events_of(str(tmp_path / name)))
        assert (report["complete"], report["events"], report["no_events"]) == (True, 2, 0)


def test_damaged_lines():
    """Lines that are no events are counted, and the next ones are read."""
    data = b"{torn\n\xff\xfe\n[1]\n" + b"x" * 20_000_000 + b"\n" + lines(event(1))
    report = audited(events_in_lines(io.BytesIO(data)))
    assert (report["no_events"], report["events"], report["complete"]) == (4, 1, True)


@pytest.mark.parametrize(
    "line",
    [
        b'{"summary":"evil",%b,"summary":"x"}',
        b'{"details":{"a":1,"a" : 2},%b}',
        b'{"_source":{%b},"_source":{%b}}',
        b'{"summary":"evil",%b,"summ\\u0061ry":"x"}',
        b"[" * 1_000 + b"]" * 1_000,
    ],
)
def test_names_that_come_twice(line):
    """Two readers may see two values: such a line is no event, and neither is a deep one."""
    fields = lines(event(1)).strip()[1:-1]
    assert parse(line.replace(b"%b", fields)) == {}


def test_texts_that_look_like_names():
    """A text with quotes and colons in it is no name."""
    value = event(1, text='"a": 1, "a" :2', nested={"a": [{"a": 1}, {"a": 2}]})
    assert parse(b"\xef\xbb\xbf" + lines(value)) == value


def test_a_spool(tmp_path):
    """What waits in a spool is there, and so are its dead letters."""
    orphan(tmp_path, [json.dumps(event(1)).encode(), json.dumps(event(2)).encode()])
    letter = {"reason": "x", "event": end(3)}
    (tmp_path / "dead-letters.ndjson").write_bytes(lines(letter))
    report = audited(events_of(str(tmp_path)))
    assert (report["complete"], only_stream(report)["last"]) == (True, 3)


def test_the_database_of_a_collector(tmp_path):
    """What the collector has stored is read, while it goes on."""
    from structlog_mozdef.collector import running_collector

    path = str(tmp_path / "events.sqlite")
    with running_collector(database=path) as collector:
        sink = Sink(collector.url)
        for number in (1, 3):
            sink.put(json.dumps(event(number)).encode())
        assert sink.close()
        assert numbers(only_stream(audited(events_of(path)))["missing"]) == [2]


def broken(kind, path):
    if kind == "truncated gzip":
        path.write_bytes(gzip.compress(lines(event(1)) * 1000)[:-100])
    elif kind == "damaged gzip":
        path.write_bytes(gzip.compress(lines(event(1)) * 1000)[:50] + b"x" * 50)
    elif kind == "other database":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE x (y)")
        connection.close()
    elif kind == "no database":
        path.write_bytes(b"SQLite format 3\0" + b"x" * 1000)
    elif kind == "no spool":
        path.mkdir(mode=0o755)
        path.chmod(0o777)


@pytest.mark.parametrize(
    "kind",
    ["missing", "truncated gzip", "damaged gzip", "other database", "no database", "no spool"],
)
def test_what_cannot_be_read(kind, tmp_path):
    """A source that cannot be read to its end ends the audit, in one sentence."""
    broken(kind, tmp_path / "x")
    with pytest.raises(AuditError, match="cannot be read") as caught:
        list(events_of(str(tmp_path / "x")))
    assert "\n" not in str(caught.value)


# The end of a stream


@pytest.fixture
def configured():
    with structlog_defaults():
        transport = MemoryTransport()
        yield configure(transport, tags=["web"], category="shop", source="till"), transport


def test_the_end_has_the_tags_of_the_others(configured):
    """The event that ends a stream looks like all others, so that no filter parts them."""
    sink, transport = configured
    structlog.get_logger().info("x")
    sink.end_streams()
    sink.close()
    _, last = transport.events
    assert (last["tags"], last["category"], last["source"]) == (["web"], "shop", "till")
    assert only_stream(audited(transport.events))["state"] == "ended"


def test_a_stream_ends_once(configured):
    """Where nothing was logged since, there is no other end; nothing at all has no end."""
    sink, transport = configured
    sink.end_streams()
    structlog.get_logger().info("x")
    sink.end_streams()
    sink.end_streams()
    structlog.get_logger().info("y")
    sink.end_streams()
    sink.close()
    assert [each["details"].get("stream_end") for each in transport.events] == [None, True] * 2


def test_the_next_configure_ends_the_stream_before(configured):
    """A chain that is replaced has ended well."""
    sink, transport = configured
    structlog.get_logger().info("x")
    configure(MemoryTransport())
    sink.close()
    assert only_stream(audited(transport.events))["state"] == "ended"


def test_a_chain_without_numbers_has_no_end():
    """With ``sequence=False`` nothing is added."""
    with structlog_defaults():
        transport = MemoryTransport()
        sink = configure(transport, sequence=False)
        structlog.get_logger().info("x")
        sink.end_streams()
        sink.close()
        assert len(transport.events) == 1


def test_the_stream_of_a_handler():
    """A handler with a `SequenceAdder` ends its stream as well."""
    import logging

    transport = MemoryTransport()
    sink = Sink(transport)
    handler = MozDefHandler(sink, processors=[SequenceAdder()])
    handler.handle(logging.makeLogRecord({"msg": "x", "name": "n", "levelno": 20}))
    sink.end_streams()
    sink.close()
    assert only_stream(audited(transport.events))["state"] == "ended"


def test_a_processor_that_fails():
    """A stream whose end cannot be rendered stays open, and nothing is raised."""
    adder, sink = SequenceAdder(), Sink(MemoryTransport())

    def fail(logger, name, event_dict):
        raise ValueError

    end_streams_in(sink, [adder, fail])
    adder(None, "info", {})
    sink.end_streams()
    assert sink.stats().accepted == 0
