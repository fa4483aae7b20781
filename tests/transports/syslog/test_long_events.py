"""What is longer than receivers take by default is cut, or a dead letter."""

import contextlib
import json

import pytest
from support.certificates import authority_file
from support.syslog_servers import EVENT, OTHER, Rsyslog

from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.syslog import MESSAGE_LIMIT_BYTES, SyslogTransport
from structlog_mozdef.transports.syslog.format import formatter
from structlog_mozdef.transports.syslog.shorten import shorten

KINDS = pytest.mark.parametrize("kind", ["udp", "tcp", "tls", "local"])
LONG = json.dumps(
    {
        "summary": "login failed",
        "category": "authentication",
        "tags": ["a"],
        "details": {"user": "kang", "query": "\u65e5" * 30_000, "rows": [*range(5_000)]},
    }
).encode()


@pytest.fixture(scope="module")
def rsyslog():
    """An rsyslog with its own limit."""
    with Rsyslog(maximum="") as server:
        yield server


@pytest.fixture
def send(rsyslog, tmp_path):
    """Send to it, as a user would who sets nothing; returns the result and what has arrived."""

    def function(kind, events, count, **options):
        if kind == "tls":
            options["verify"] = authority_file(tmp_path)
        before = len(rsyslog.messages())
        with contextlib.closing(SyslogTransport(rsyslog.url(kind), **options)) as transport:
            result = transport.send(events)
        return result, rsyslog.events(before + count)[before:]

    return function


@pytest.mark.rsyslog
@KINDS
def test_default_limit_is_one_that_rsyslog_takes(send, kind):
    """A message of exactly the default limit arrives whole."""
    write = formatter("rfc3164" if kind == "local" else "rfc5424", 16, None, None)
    empty = b'{"summary": ""}'
    space = MESSAGE_LIMIT_BYTES - len(write(empty))
    event = empty[:-2] + b"x" * space + empty[-2:]
    assert send(kind, [event], 1) == (ALL_ACCEPTED, [event])


@pytest.mark.rsyslog
@KINDS
def test_long_event_is_cut(send, kind):
    """A longer event arrives as JSON, says what was cut, and harms none of those around it."""
    result, (first, cut, last) = send(kind, [EVENT, LONG, OTHER], 3)
    event = json.loads(cut)
    details = event["details"]
    assert (dict(result.rejected), list(result.retry), first, last) == ({}, [], EVENT, OTHER)
    assert (event["summary"], details["user"]) == ("login failed", "kang")
    assert details["truncated"]["fields"] == ["details.query", "details.rows"]
    assert 90_000 < details["truncated"]["bytes"] < len(LONG)
    assert 4_000 < len(cut) < MESSAGE_LIMIT_BYTES


@pytest.mark.rsyslog
@KINDS
def test_long_event_is_rejected_where_that_is_wished(send, kind):
    """With ``when_too_long="reject"`` it is a dead letter, and the others arrive."""
    result, arrived = send(kind, [EVENT, LONG, OTHER], 2, when_too_long="reject")
    assert arrived == [EVENT, OTHER]
    assert (list(result.rejected), list(result.retry)) == ([1], [])
    assert result.rejected[1].endswith(" bytes are more than max_message_bytes, 8096")


@pytest.mark.parametrize(
    "event",
    [
        b"x" * 9_000,
        b"[" + b" " * 9_000 + b"]",
        b'{"details": "%s"}' % (b"x" * 9_000),
    ],
    ids=["no JSON", "no object", "no details"],
)
def test_what_cannot_be_cut(event):
    """An event of a form that cannot be cut is a dead letter."""
    transport = SyslogTransport("syslog+tcp://127.0.0.1:1")
    assert list(transport.send([event]).rejected) == [0]


@pytest.mark.parametrize(
    "event",
    [
        {"summary": "x" * 9_000},
        {"details": {f"name {number}": number for number in range(9_000)}},
        {"details": {"n" * 300 + str(number): "x" * 1_000 for number in range(90)}},
        {"details": {"a": "\x01" * 9_000, "b": {"c": ["\u65e5" * 9_000] * 9}}},
    ],
    ids=["no details", "many fields", "long names", "escapes"],
)
@pytest.mark.parametrize("limit", [300, 1_000, MESSAGE_LIMIT_BYTES])
def test_what_was_cut_fits(event, limit):
    """Whatever makes an event long, what is left of it fits and says that it was cut."""
    shortened = shorten(json.dumps(event).encode(), limit)
    assert len(shortened) <= limit
    assert json.loads(shortened)["details"]["truncated"]["bytes"] > 0


def test_what_the_renderer_has_cut_is_added_up():
    """An event that was cut before names both, and has one report."""
    event = json.dumps(
        {
            "summary": "a",
            "details": {"x": "x" * 2_000, "truncated": {"fields": ["details.y"], "bytes": 7}},
        }
    ).encode()
    details = json.loads(shorten(event, 1_000))["details"]
    assert details["truncated"]["fields"] == ["details.y", "details.x"]
    assert details["truncated"]["bytes"] == 7 + 2_000 - len(details["x"])
    assert "truncated_2" not in details


@pytest.mark.parametrize(
    "options",
    [{"max_message_bytes": value} for value in (0, 479, 1.5, "8k", None)]
    + [{"when_too_long": value} for value in ("cut", None)],
)
def test_bad_settings(options):
    """A limit below what RFC 5424 asks of receivers, and an unknown rule, are errors."""
    with pytest.raises(ValueError, match=f"{next(iter(options))} is "):
        SyslogTransport("syslog+tcp://h", **options)
