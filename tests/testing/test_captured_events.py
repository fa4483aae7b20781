"""Assertions on captured events read well, and their failures show what there was instead."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import pytest
import structlog
from support.destinations import structlog_defaults

import structlog_mozdef as mozdef
from structlog_mozdef.testing import CapturedEvents, capture_events


@pytest.fixture
def events():
    with structlog_defaults(), capture_events() as events:
        log = structlog.get_logger("accounts")
        log.info("User logged in", tags=["openvpn", "vpn"], success=True, username="kang")
        log.warning("Login failed", device={"id": 7, "os": "x"}, username="mallory")
        yield events


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": "User logged in"},
        {"severity": "WARNING", "username": "mallory"},
        {"username": re.compile("^mall")},
        {"device": {"id": 7}},
        {"details": {"device": {"os": re.compile("x")}, "username": "mallory"}},
        {"tags": ["openvpn", "vpn"]},
        {"tags": {"vpn"}},
        {"success": True},
        {"device": {"id": pytest.approx(7.0)}},
    ],
)
def test_fields_match(events, fields):
    """One event has these fields."""
    events.one(**fields)
    assert len(events.matching(**fields)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": "user logged in"},
        {"success": 1},
        {"missing": None},
        {"device": {"id": re.compile("7")}},
        {"device": {"id": 7, "model": "y"}},
        {"tags": {"vpn", "ssh"}},
        {"source": "accounts", "category": "authentication"},
    ],
)
def test_fields_do_not_match(events, fields):
    """No event has these fields."""
    events.none(**fields)
    with pytest.raises(AssertionError):
        events.one(**fields)


def test_none_matches_shows_what_there_was(events):
    """The message has a line for each event, and says what of it does not match."""
    with pytest.raises(AssertionError) as raised:
        events.one(summary="Login failed", severity="ERROR", success=1)
    assert str(raised.value).splitlines() == [
        "no event with summary='Login failed', severity='ERROR', success=1 was logged; there were:",
        "  1. INFO accounts: 'User logged in' tags=['openvpn', 'vpn'] success=True username='kang'",
        "     summary is 'User logged in', severity is 'INFO', success is True",
        "  2. WARNING accounts: 'Login failed' device={'id': 7, 'os': 'x'} username='mallory'",
        "     severity is 'WARNING', success is missing",
    ]


def test_several_match_shows_them(events):
    """The message has the events that match."""
    with pytest.raises(AssertionError, match=r"^2 events with source='accounts' were logged, not"):
        events.one(source="accounts")


def test_unwanted_events_are_shown(events):
    """The message has the events that must not be."""
    with pytest.raises(AssertionError, match=r"and 1 event was logged:\n  1\. WARNING accounts"):
        events.none(severity="WARNING")


def test_a_program_without_a_sink_is_mentioned():
    """Where structlog is configured and nothing ships to MozDef, the message says so."""
    with structlog_defaults():
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        with (
            capture_events() as events,
            pytest.raises(AssertionError, match=r"^no event was logged, and no other"),
        ):
            events.one()


def test_what_mozdef_loses_is_no_event():
    """An event that MozDef would drop is none, and the message of a failure says why."""
    events = CapturedEvents()
    events.put(b'{"summary": "a", "tags": null}')
    assert events == []
    assert [difference.kind for difference in events.differences] == ["dropped"]
    with pytest.raises(AssertionError, match=r"MozDef loses tags: .* makes MozDef drop the event"):
        events.one(summary="a")


def test_they_are_a_sequence(events):
    """They have a length and an order, can be sliced, and are equal to a list of the same."""
    assert len(events) == 2
    assert events[-1]["summary"] == "Login failed"
    assert events[:1] == [events[0]]
    assert events == list(events)
    assert "WARNING accounts: 'Login failed'" in repr(events)


def test_they_can_be_cleared(events):
    """A test can begin again in its middle."""
    events.clear()
    assert not events
    structlog.get_logger().info("hello")
    events.one(summary="hello")


def test_messages_are_bounded():
    """A failure among thousands of long events has a message that can be read."""
    events = CapturedEvents()
    renderer = mozdef.MozDefRenderer()
    for _ in range(1000):
        events.put(renderer(None, "info", {"event": "x" * 5000}))
    with pytest.raises(AssertionError) as raised:
        events.one(summary="y")
    assert len(str(raised.value)) < 100_000
    assert "... and 970 more" in str(raised.value)


def test_they_need_no_extra():
    """Without the libraries of the extra `collector`, events are captured and read all the same."""
    program = """
        import sys
        sys.modules.update(dict.fromkeys(["dateutil", "starlette", "uvicorn"]))
        import structlog
        from structlog_mozdef.testing import capture_events
        with capture_events() as events:
            structlog.get_logger().info("hello")
            events.one(summary="hello")
            events.put(b'{"timestamp": "yesterday"}')
        try:
            len(events)
        except ImportError as error:
            print(error)
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    ).stdout
    assert 'pip install "structlog-mozdef[collector]"' in output
