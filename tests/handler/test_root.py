"""``configure(stdlib=True)``: the standard library's records join structlog's events."""

from __future__ import annotations

import logging
import sys

import pytest
import structlog
from support.destinations import structlog_defaults
from support.receivers import Receiver
from support.sealing import Sealing, only_stream

from structlog_mozdef import RateLimiter, configure
from structlog_mozdef.testing import MemoryTransport, capture_events


@pytest.fixture(autouse=True)
def as_it_was():
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    with structlog_defaults():
        yield
        configure(None)
    assert (root.level, root.handlers) == before


def shipped(transport, sink):
    sink.close(10)
    return transport.events


def test_both_are_one_stream():
    """Tags, numbers, context variables and redaction are the same for both kinds of loggers."""
    transport = MemoryTransport()
    sink = configure(transport, stdlib=True, tags=["vpn"], category="access", linger=0)
    structlog.contextvars.bind_contextvars(request="r1")
    structlog.get_logger("ours").info("one")
    logging.getLogger("theirs").info("password=%s", "hunter2", extra={"user": "kang"})
    structlog.get_logger("ours").info("three")
    events = shipped(transport, sink)
    details = [event["details"] for event in events]
    assert [d["sequence"] for d in details] == [1, 2, 3]
    assert len({d["stream_id"] for d in details}) == 1
    assert {d["request"] for d in details} == {"r1"}
    assert {(*event["tags"], event["category"]) for event in events} == {("vpn", "access")}
    assert events[1]["summary"] == "password=[redacted]"
    assert (events[1]["source"], details[1]["user"]) == ("theirs", "kang")


def test_processors_of_the_program_see_both():
    """They are given the records as event dicts, with the name of the level."""
    seen = []

    def remember(logger, name, event_dict):
        seen.append((logger.name, name, event_dict["event"], event_dict["tags"]))
        if event_dict["event"] == "secret":
            raise structlog.DropEvent
        return event_dict

    transport = MemoryTransport()
    sink = configure(transport, stdlib=True, processors=[remember], tags=["vpn"], linger=0)
    structlog.get_logger("ours").warning("one")
    logging.getLogger("theirs").error("secret")
    logging.getLogger("theirs").error("two")
    events = shipped(transport, sink)
    assert seen == [
        ("ours", "warning", "one", ["vpn"]),
        ("theirs", "error", "secret", ["vpn"]),
        ("theirs", "error", "two", ["vpn"]),
    ]
    assert [event["details"]["sequence"] for event in events] == [1, 2]


@pytest.mark.parametrize(
    ("level", "expected"),
    [("debug", ["d", "i", "w"]), ("info", ["i", "w"]), ("warning", ["w"])],
)
def test_the_level_is_that_of_configure(level, expected):
    """The root logger lets through what `configure` asks for: by default it would not."""
    with capture_events() as events:
        configure(None, stdlib=True, level=level)
        log = logging.getLogger("theirs")
        log.debug("d")
        log.info("i")
        log.warning("w")
        assert [event["summary"] for event in events] == expected


def test_a_lower_level_of_the_program_stays():
    """Who has set the root logger to DEBUG for a handler of his own keeps that."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        configure(None, stdlib=True, level="error")
        assert root.level == logging.DEBUG
        configure(None)
        assert root.level == logging.DEBUG
    finally:
        root.setLevel(before)


def test_it_can_be_called_again():
    """There is one handler, however often `configure` is called, and none without ``stdlib``."""
    first, second = MemoryTransport(), MemoryTransport()
    one = configure(first, stdlib=True, linger=0)
    two = configure(second, stdlib=True, linger=0)
    logging.getLogger("theirs").warning("x")
    configure(None)
    logging.getLogger("theirs").warning("y")
    one.close(10)
    assert (first.events, shipped(second, two)[0]["summary"]) == ([], "x")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_sending_is_no_event(level):
    """What urllib3 and this package log while events are sent would never come to an end."""
    with Receiver() as receiver:
        sink = configure(receiver.url, stdlib=True, level=level, linger=0)
        logging.getLogger("theirs").info("x")
        assert sink.flush(10)
        sink.own_log.warn("cause", "a warning of this package")
        assert sink.flush(10)
        assert sink.stats().accepted == 1
        configure(None)
        sink.close(10)


def test_its_warnings_are_heard(capfd):
    """This package's own warnings are no events: they go to standard error."""
    root = logging.getLogger()
    others, root.handlers[:] = root.handlers[:], []  # those of pytest would hear it
    try:
        sink = configure(MemoryTransport(), stdlib=True)
        sink.own_log.warn("cause", "a warning of this package")
        configure(None)
    finally:
        root.handlers[:] = others
    assert "a warning of this package" in capfd.readouterr().err
    sink.close()


def test_a_flood_is_held_back_together():
    """One `RateLimiter` counts both kinds, and tells of each by its own way."""
    transport = MemoryTransport()
    sink = configure(transport, stdlib=True, processors=[RateLimiter(1, 3600)], linger=0)
    for _ in range(10):
        structlog.get_logger("ours").warning("again")
        logging.getLogger("theirs").warning("again")
    sink.flush(10)
    events = shipped(transport, sink)
    counts = [event["details"].get("rate_limited", {}).get("count") for event in events]
    assert counts == [None, 19]
    assert [event["details"]["sequence"] for event in events] == [1, 2]


def test_records_are_sealed(tmp_path):
    """With a seal, records are sealed in the order of the stream."""
    sealing = Sealing(tmp_path)
    transport = MemoryTransport()
    sink = configure(transport, stdlib=True, seal=sealing.path, tags=["vpn"], linger=0)
    structlog.get_logger("ours").info("one")
    logging.getLogger("theirs").info("two")
    configure(None)  # ends the stream
    events = shipped(transport, sink)
    assert [event["summary"] for event in events] == ["one", "two", "end of stream"]
    assert [event["details"]["sequence"] for event in events] == [1, 2, 3]
    assert only_stream(sealing.verify(events))["authentic"] == 3


def test_both_are_shown(capsys):
    """The console shows records as it shows events."""
    configure(None, stdlib=True, console=True)
    structlog.get_logger("ours").info("one")
    logging.getLogger("theirs").error("two")
    first, second = capsys.readouterr().err.splitlines()
    assert "[info     ] one" in first
    assert ("[error    ] two" in second, "[theirs]" in second) == (True, True)


def test_nothing_is_shown_twice(capsys):
    """Where the program has a handler for the terminal, that shows the records."""
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        configure(None, stdlib=True, console=True)
        structlog.get_logger("ours").info("one")
        logging.getLogger("theirs").error("two")
        lines = capsys.readouterr().err.splitlines()
    finally:
        logging.getLogger().removeHandler(handler)
    assert (len(lines), lines[1]) == (2, "two")


def test_an_unknown_value_is_an_error():
    """It is True or False."""
    with pytest.raises(ValueError, match="stdlib is 'yes'; it must be True or False"):
        configure(None, stdlib="yes")
