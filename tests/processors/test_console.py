"""Events are shown on standard error as well, and never on standard output."""

from __future__ import annotations

import logging
import os
import pickle
import pty
import re
import subprocess
import sys

import pytest
import structlog
from support import hostile
from support.destinations import structlog_defaults

from structlog_mozdef import RateLimiter, configure
from structlog_mozdef.processors.console import Console
from structlog_mozdef.testing import MemoryTransport

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def structlog_as_it_was(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with structlog_defaults():
        yield


@pytest.fixture
def shown(capsys):
    """What was written to standard error; nothing may be on standard output."""

    def read():
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    return read


def test_an_event_is_one_line(shown):
    """A line has time, level, message, logger and fields, and nothing that is always the same."""
    configure(None, console=True, tags=["vpn"])
    structlog.get_logger("accounts").warning("User logged in", username="kang", number=7)
    structlog.get_logger("accounts").warning("again", tags=["own"])
    form = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[warning  \] User logged in +\[accounts\] number=7"
    first, second = shown().splitlines()
    assert re.fullmatch(form + " username=kang", first)
    assert second.endswith("[accounts] tags=['own']")


def test_what_is_shown_is_not_changed_for_what_is_sent(shown):
    """The event that is shipped has all that it has without a console."""
    transport = MemoryTransport()
    sink = configure(transport, console=True, linger=0)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        structlog.get_logger().exception("failed", username="kang")
    sink.close(10)
    (event,) = transport.events
    assert event["details"]["exception"]["type"] == "ZeroDivisionError"
    assert (event["severity"], event["details"]["username"]) == ("ERROR", "kang")
    assert event["details"]["sequence"] == 1
    text = shown()
    assert "ZeroDivisionError: division by zero" in text.splitlines()[-1]
    assert "[error    ] failed" in text.splitlines()[0]


SECRETS = [
    {"password": "hunter2"},
    {"header": "Authorization: Bearer hunter2hunter2"},
    {"nested": {"token": "hunter2"}},
]


@pytest.mark.parametrize("fields", SECRETS, ids=str)
def test_secrets_are_not_shown(fields, shown):
    """What is replaced in events is replaced here as well: the console may be kept in a log."""
    configure(None, console=True)
    structlog.get_logger().info("password=hunter2", **fields)
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "hunter2" not in (text := shown())
    assert text.count("[redacted]") >= 3


def test_secrets_can_be_shown(shown):
    """``redact=False`` is for the console as well."""
    configure(None, console=True, redact=False)
    structlog.get_logger().info("x", password="hunter2")
    assert "password=hunter2" in shown()


@pytest.mark.parametrize("place", ["event", "value", "name", "object", "traceback"])
def test_a_terminal_is_not_commanded(place, shown):
    """Control characters, which an attacker may have sent, are shown as what they are."""
    evil = "\x1b]0;owned\x07\x9b31m\r"

    class Evil:
        def __repr__(self):
            return evil

    configure(None, console=True)
    log = structlog.get_logger()
    if place == "event":
        log.info("%s\n2026-01-01 [info] forged", evil)
    elif place == "traceback":
        try:
            raise ValueError(evil)
        except ValueError:
            log.exception("x")
    else:
        log.info("x", **{evil if place == "name" else "a": Evil() if place == "object" else evil})
    text = shown()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert r"\x1b]0;owned\x07" in text
    assert place == "traceback" or text.count("\n") == 1


def test_odd_values_are_no_error(shown):
    """Whatever an event holds, the log call returns, and the event is shipped."""
    transport = MemoryTransport()
    sink = configure(transport, console=True, linger=0)
    for name, value in hostile.VALUES.items():
        structlog.get_logger().info(name, value=value())
    sink.close(10)
    assert len(transport.events) == len(hostile.VALUES)
    shown()


@pytest.mark.parametrize("error", ["closed", "missing"])
def test_no_standard_error_is_no_error(error, monkeypatch, tmp_path):
    """A program whose standard error is gone ships its events."""
    transport = MemoryTransport()
    sink = configure(transport, console=True, linger=0)
    stream = (tmp_path / "closed").open("w")
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream if error == "closed" else None)
    structlog.get_logger().info("x")
    assert configure(transport).close(10)  # "auto" asks whether it is a terminal
    sink.close(10)
    assert transport.events[0]["summary"] == "x"


@pytest.mark.parametrize("name", ["stack_info", "stack"])
def test_a_stack_is_shown_in_lines(name, shown):
    """As structlog shows it; what a terminal would obey is not in it."""
    configure(None, console=True)
    structlog.get_logger().info("x", **{name: "Stack:\n  one\x1b[2J"})
    assert shown().splitlines()[1:] == ["Stack:", "  one\\x1b[2J"]


class Bridge:
    """What stands for standard error in programs that log what is written there."""

    def __init__(self, logger):
        self._logger = logger

    def write(self, text):
        for line in text.splitlines():
            self._logger.error("%s  ", line)


@pytest.mark.parametrize("to", ["structlog", "logging"])
def test_what_is_shown_is_no_event_again(to, monkeypatch):
    """Where standard error is logged, an event comes once, and what others write comes as well."""
    loggers = {"structlog": structlog.get_logger("err"), "logging": logging.getLogger("err")}
    monkeypatch.setattr(sys, "stderr", Bridge(loggers[to]))
    transport = MemoryTransport()
    sink = configure(transport, console=True, stdlib=True, linger=0)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        structlog.get_logger().exception("one")
    logging.getLogger("theirs").error("two")
    sys.stderr.write("three")
    configure(None)
    sink.close(10)
    events = [event["summary"].strip() for event in transport.events]
    assert events == ["one", "two", "three", "end of stream"]


def test_what_cannot_say_whether_it_is_a_terminal_is_none(monkeypatch):
    """Objects that stand for standard error often have nothing but ``write``."""
    monkeypatch.setattr(sys, "stderr", Bridge(None))
    sink = configure(None, console="auto")
    structlog.get_logger().info("x")  # is not shown, which would fail
    assert sink.stats().accepted == 1


def test_events_that_are_held_back_are_not_shown(shown):
    """A `RateLimiter` of the program comes before: a flood does not fill the terminal."""
    sink = configure(None, console=True, processors=[RateLimiter(2, 3600)])
    for _ in range(50):
        structlog.get_logger().info("again")
    sink.flush(10)
    lines = shown().splitlines()
    assert (len(lines), "48" in lines[2]) == (3, True)


def test_severities_are_levels(shown):
    """What MozDef calls the event is shown, whichever name it has."""
    configure(None, console=True)
    structlog.get_logger().info("x", severity="ALERT")
    assert "[alert    ] x" in shown()


def test_levels_below_are_not_shown(shown):
    """The level of `configure` is that of the console."""
    configure(None, console=True, level="error")
    structlog.get_logger().warning("x")
    assert shown() == ""


@pytest.mark.parametrize("console", ["auto", False])
def test_it_is_for_people(console, shown):
    """By default nothing is shown where standard error is no terminal."""
    configure(None, console=console)
    structlog.get_logger().info("x")
    assert shown() == ""


def test_a_copy_shows_the_same(shown):
    """Loggers that are pickled take the console with them."""
    pickle.loads(pickle.dumps(Console()))(None, "info", {"event": "x"})
    assert shown() == "[info     ] x\n"


PROGRAM = """
import structlog, structlog_mozdef as mozdef
mozdef.configure(None{options})
structlog.get_logger().info("hello", a=1)
"""


def on_a_terminal(options="", **environment):
    """What a program writes to standard error, which is a terminal, and to standard output."""
    ours, theirs = pty.openpty()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
        "TERM": "xterm",
        **environment,
    }
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM.format(options=options)],
                env=environment,
                stderr=theirs,
                stdout=subprocess.PIPE,
                check=True,
            )
        finally:
            os.set_blocking(terminal.fileno(), False)
            written = terminal.read() or b""
            os.close(theirs)
    assert done.stdout == b""
    return written.decode()


def test_a_terminal_has_colours():
    """Who starts a program in a terminal sees its events, in colours, without asking for it."""
    text = on_a_terminal()
    assert "\x1b[" in text
    assert "[info     ] hello" in COLOURS.sub("", text)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_unwanted(environment):
    """A terminal that has no colours, or a person who wants none, gets none."""
    text = on_a_terminal(**environment)
    assert ("hello" in text, "\x1b[" in text) == (True, False)


def test_colours_can_be_wanted(shown, monkeypatch):
    """``FORCE_COLOR`` asks for them where a program, and no person, passes the text on."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    configure(None, console=True)
    structlog.get_logger().info("x")
    assert "\x1b[" in shown()


def test_a_terminal_can_be_left_alone():
    """``console=False`` shows nothing."""
    assert on_a_terminal(options=", console=False") == ""
