"""Events that go to the local syslog, as to a daemon that listens on a real socket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import time
from pathlib import Path

import pytest
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat import _syslog

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this system has no local sockets"
)

USER = 8
PRIORITIES = {
    "DEBUG": 7,
    "INFO": 6,
    "NOTICE": 5,
    "WARNING": 4,
    "ERROR": 3,
    "CRITICAL": 2,
    "ALERT": 1,
    "EMERGENCY": 0,
}
FLATTENED = (
    "details: {'uid': 0} tags: ['bro', 'auth'] category: authentication"
    " source: mozdef_client summary: new test msg"
)
LINE = re.compile(r"<(\d+)>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+)\[(\d+)\]: (.*)")


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    path = str(tmp_path / "log")
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(5)
        yield listener


def line_of(daemon):
    """Priority, program, process id and text of the next line."""
    priority, _, program, pid, text = LINE.fullmatch(daemon.recv(65536).decode()).groups()
    return int(priority), program, int(pid), text


def syslog_only(**settings):
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.sendToSyslog = msg.syslogOnly = True
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def test_flattened_line(daemon):
    """mozdef_lib's message is one line, without what syslog says by itself."""
    syslog_only().send("new test msg", "authentication", "INFO", ["bro", "auth"], {"uid": 0})
    assert line_of(daemon)[1:] == (
        Path(sys.argv[0]).name,
        os.getpid(),
        FLATTENED,
    )


def test_custom_keys_are_in_the_line(daemon):
    """What is set in `log` stands in the line as well."""
    msg = syslog_only()
    msg.log["somefield"] = "test"
    msg.send("hello")
    assert " somefield: test " in line_of(daemon)[3]


def test_one_line(daemon):
    """Line breaks and zero bytes in an event cannot forge lines of the log."""
    syslog_only().send("one\ntwo\x00\u2028", details={"a": "b\r\nc"})
    text = line_of(daemon)[3]
    assert text.endswith("summary: one\\ntwo\\x00\\u2028")


@pytest.mark.parametrize(("severity", "priority"), PRIORITIES.items())
def test_priority_of_messages(daemon, severity, priority):
    """The priority of the line is that of the severity."""
    syslog_only().send("hello", severity=severity.lower())
    assert line_of(daemon)[0] == USER + priority


@pytest.mark.parametrize(("severity", "priority"), PRIORITIES.items())
def test_priority_of_events(daemon, severity, priority):
    """The priority of an event is that of its severity, too."""
    event = mozdef.MozDefEvent("http://127.0.0.1:9/events")
    event.summary = "hello"
    event.set_severity(getattr(event, f"SEVERITY_{severity}"))
    event.set_send_to_syslog(True, only_syslog=True)
    event.send()
    assert line_of(daemon)[0] == USER + priority


def test_unknown_severity(daemon):
    """A severity that syslog does not know is INFO there."""
    syslog_only().send("hello", severity="MEDIUM")
    assert line_of(daemon)[0] == USER + PRIORITIES["INFO"]


def test_events_are_json(daemon):
    """mozdef_client's event is one line of JSON."""
    event = mozdef.MozDefEvent("http://127.0.0.1:9/events")
    event.summary = "hello\nworld"
    event.details = {"a": 1}
    event.set_send_to_syslog(True, only_syslog=True)
    event.send()
    stored = json.loads(line_of(daemon)[3])
    assert (stored["summary"], stored["details"]) == ("hello\nworld", {"a": 1})


def test_syslog_and_mozdef(daemon):
    """Without syslogOnly the event goes to MozDef as well."""
    with Receiver() as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.sendToSyslog = True
        msg.fire_and_forget_mode = False
        msg.send("hello")
        assert (receiver.summaries(), line_of(daemon)[3][-5:]) == (["hello"], "hello")


def test_events_to_syslog_and_mozdef(daemon):
    """The same for events."""
    with Receiver() as receiver:
        event = mozdef.MozDefEvent(receiver.url)
        event.summary = "hello"
        event.set_send_to_syslog(True)
        event.send()
        assert (receiver.summaries(), json.loads(line_of(daemon)[3])["summary"]) == (
            ["hello"],
            "hello",
        )


def test_nowhere(daemon):
    """With syslogOnly and without sendToSyslog an event goes nowhere, and MozDef is not asked."""
    syslog_only(sendToSyslog=False, fire_and_forget_mode=False).send("hello")
    daemon.setblocking(False)
    with pytest.raises(BlockingIOError):
        daemon.recv(1)


def test_vulnerabilities_have_no_line(daemon):
    """A vulnerability cannot be sent to syslog, as in mozdef_client."""
    message = mozdef.MozDefVulnerability("url")
    with pytest.raises(mozdef.MozDefError, match="does not support syslog conversion"):
        message.syslog_convert()
    with pytest.raises(mozdef.MozDefError, match="does not support syslog submission"):
        message.send_syslog()


def test_without_a_daemon_somebody_waits(monkeypatch):
    """Who waits for success, and sends nowhere else, learns that there is no syslog."""
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", "/nonexistent/log")
    with pytest.raises(mozdef.MozDefError, match="syslog at /nonexistent/log"):
        syslog_only(fire_and_forget_mode=False).send("hello")


def test_without_a_daemon_an_event_waits(monkeypatch):
    """An event that is sent to syslog only, and waits for success, says so as well."""
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", "/nonexistent/log")
    event = mozdef.MozDefEvent("http://127.0.0.1:9/events")
    event.summary = "hello"
    event.set_send_to_syslog(True, only_syslog=True)
    with pytest.raises(mozdef.MozDefError, match="syslog at /nonexistent/log"):
        event.send()
    event.set_fire_and_forget(True)
    event.send()


def test_without_a_daemon_nobody_waits(monkeypatch, caplog):
    """In fire-and-forget mode the lack of a syslog is a warning."""
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", "/nonexistent/log")
    monkeypatch.setattr("structlog_mozdef.compat._delivery.own_log.interval", 0)
    syslog_only().send("hello")
    assert "syslog at /nonexistent/log does not take the event" in caplog.text


def test_without_a_daemon_mozdef_gets_the_event(monkeypatch):
    """The lack of a syslog does not keep an event from MozDef."""
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", "/nonexistent/log")
    with Receiver() as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.sendToSyslog = True
        msg.fire_and_forget_mode = False
        msg.send("hello")
        assert receiver.summaries() == ["hello"]


def test_a_daemon_that_takes_nothing(daemon, monkeypatch):
    """A daemon that is stuck holds nobody for ever."""
    monkeypatch.setattr(_syslog, "SYSLOG_TIMEOUT", 0.05)
    msg = syslog_only(fire_and_forget_mode=False)

    def until_full():
        for _ in range(10_000):
            msg.send("x" * 10_000)

    start = time.monotonic()
    with pytest.raises(mozdef.MozDefError, match="timed out"):
        until_full()
    assert time.monotonic() - start < 1


def test_a_daemon_that_listens_for_streams(tmp_path, monkeypatch):
    """Where the daemon takes streams only, the line ends with a zero byte."""
    path = str(tmp_path / "log")
    monkeypatch.setattr(_syslog, "SYSLOG_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()
        syslog_only(fire_and_forget_mode=False).send("hello")
        connection, _ = listener.accept()
        with contextlib.closing(connection), connection.makefile("rb") as stream:
            assert stream.read().endswith(b"summary: hello\0")
