"""Events for the local syslog: a daemon that listens on a real socket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import syslog
import time
from pathlib import Path

import pytest
from support.compat_receivers import own_delivery
from support.local_syslog import local_daemon
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._syslog import LocalSyslog

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
#: What mozdef_lib wrote for its own example.
FLATTENED = (
    "summary: 'new test msg' category: 'authentication' tags: '['bro', 'auth']'"
    " details: '{'uid': 0, 'username': 'kang'}' "
)
LINE = re.compile(r"<(\d+)>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ([^\s:]+): (.*)")


@pytest.fixture
def daemon():
    with local_daemon() as listener, own_delivery():
        yield listener
    syslog.closelog()


@pytest.fixture
def no_daemon():
    with own_delivery(syslog=LocalSyslog("/nonexistent/log")):
        yield


def line_of(daemon):
    """Priority, program and message of the next line."""
    priority, _, program, text = LINE.fullmatch(daemon.recv(65536).decode()).groups()
    return int(priority), program, text


def syslog_only(**settings):
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.sendToSyslog = msg.syslogOnly = True
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def event_for_syslog(severity="INFO"):
    event = mozdef.MozDefEvent("http://127.0.0.1:9/events")
    event.summary = "hello"
    event.severity = severity
    event.set_send_to_syslog(True, only_syslog=True)
    return event


def test_flattened_line(daemon):
    """mozdef_lib's message is one line, without what syslog adds by itself."""
    details = {"uid": 0, "username": "kang"}
    syslog_only().send("new test msg", "authentication", "INFO", ["bro", "auth"], details)
    assert line_of(daemon)[1:] == (Path(sys.argv[0]).name, FLATTENED)


def test_source_in_the_line(daemon):
    """A source that the program has set is in the line, after what mozdef_lib had there."""
    syslog_only(source="ldap").send("hello")
    assert line_of(daemon)[2].endswith(" details: '{}' source: 'ldap' ")


@pytest.mark.parametrize("kind", ["message", "event"])
def test_settings_of_the_program(daemon, kind):
    """The program's own ident, options and facility count."""
    syslog.openlog("vpn", syslog.LOG_PID, syslog.LOG_LOCAL3)
    if kind == "message":
        syslog_only().send("hello", severity="ERROR")
    else:
        event_for_syslog(severity="ERROR").send()
    priority, program, _ = line_of(daemon)
    assert (priority, program) == (
        syslog.LOG_LOCAL3 | PRIORITIES["ERROR"],
        f"vpn[{os.getpid()}]",
    )


def test_mask_of_the_program(daemon):
    """A priority that the program has masked is not written."""
    before = syslog.setlogmask(syslog.LOG_UPTO(syslog.LOG_ERR))
    try:
        syslog_only().send("masked", severity="INFO")
        syslog_only().send("written", severity="ERROR")
    finally:
        syslog.setlogmask(before)
    assert "'written'" in line_of(daemon)[2]


@pytest.mark.parametrize(
    ("names", "facility"),
    [
        (["local5"], syslog.LOG_LOCAL5),
        (["MAIL"], syslog.LOG_MAIL),
        (["odd"], syslog.LOG_USER),
        (["local5", None], syslog.LOG_LOCAL5),
    ],
)
def test_facility_of_an_event(daemon, names, facility):
    """An event has the facility that was set by its name; an unknown name changes nothing."""
    event = event_for_syslog()
    for name in names:
        event.set_facility_from_string(name)
    event.send()
    assert line_of(daemon)[0] == facility | PRIORITIES["INFO"]


def test_subclass_with_a_line_of_its_own(daemon):
    """The line of a subclass is written, even with characters that the C library refuses."""

    class Login(mozdef.MozDefEvent):
        def syslog_convert(self):
            return "login\0of \ud800"

    event = Login("http://127.0.0.1:9/events")
    event.summary = "hello"
    event.set_send_to_syslog(True, only_syslog=True)
    event.send()
    assert line_of(daemon)[2] == "login\\x00of \\ud800"


def test_custom_keys_are_in_the_line(daemon):
    """The line contains what is set in `log`."""
    msg = syslog_only()
    msg.log["somefield"] = "test"
    msg.send("hello")
    assert " somefield: 'test' " in line_of(daemon)[2]


def test_one_line(daemon):
    """Line breaks and zero bytes in an event cannot forge lines of the log."""
    syslog_only().send("one\ntwo\x00\u2028", details={"a": "b\r\nc"})
    text = line_of(daemon)[2]
    assert text.startswith("summary: 'one\\ntwo\\x00\\u2028' ")


@pytest.mark.parametrize(("severity", "priority"), PRIORITIES.items())
def test_priority_of_messages(daemon, severity, priority):
    """The priority of the line is that of the severity."""
    syslog_only().send("hello", severity=severity.lower())
    assert line_of(daemon)[0] == USER + priority


@pytest.mark.parametrize(("severity", "priority"), PRIORITIES.items())
def test_priority_of_events(daemon, severity, priority):
    """The priority of an event is that of its severity as well."""
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
    stored = json.loads(line_of(daemon)[2])
    assert (stored["summary"], stored["details"]) == ("hello\nworld", {"a": 1})


def test_syslog_and_mozdef(daemon):
    """Without syslogOnly the event goes to MozDef as well."""
    with Receiver() as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.sendToSyslog = True
        msg.fire_and_forget_mode = False
        msg.send("hello")
        assert (receiver.summaries(), line_of(daemon)[2][:16]) == (["hello"], "summary: 'hello'")


def test_events_to_syslog_and_mozdef(daemon):
    """The same for events."""
    with Receiver() as receiver:
        event = mozdef.MozDefEvent(receiver.url)
        event.summary = "hello"
        event.set_send_to_syslog(True)
        event.set_fire_and_forget(False)
        event.send()
        assert (receiver.summaries(), json.loads(line_of(daemon)[2])["summary"]) == (
            ["hello"],
            "hello",
        )


def test_nowhere(daemon):
    """With syslogOnly and without sendToSyslog an event is sent nowhere."""
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


@pytest.mark.usefixtures("no_daemon")
def test_without_a_daemon_a_message_that_waits_fails():
    """A message that waits for success, and is sent nowhere else, raises if there is no syslog."""
    with pytest.raises(mozdef.MozDefError, match="syslog at /nonexistent/log"):
        syslog_only(fire_and_forget_mode=False).send("hello")


@pytest.mark.usefixtures("no_daemon")
def test_without_a_daemon_an_event_that_waits_fails(caplog):
    """An event that is sent to syslog only raises if it waits, and warns otherwise."""
    event = event_for_syslog()
    event.send()
    assert "syslog at /nonexistent/log does not accept the event" in caplog.text
    event.set_fire_and_forget(False)
    with pytest.raises(mozdef.MozDefError, match="syslog at /nonexistent/log"):
        event.send()


@pytest.mark.usefixtures("no_daemon")
def test_without_a_daemon_fire_and_forget_warns(caplog):
    """In fire-and-forget mode a missing syslog is a warning."""
    syslog_only().send("hello")
    assert "syslog at /nonexistent/log does not accept the event" in caplog.text


@pytest.mark.usefixtures("no_daemon")
def test_without_a_daemon_mozdef_gets_the_event():
    """A missing syslog does not keep an event from MozDef."""
    with Receiver() as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.sendToSyslog = True
        msg.fire_and_forget_mode = False
        msg.send("hello")
        assert receiver.summaries() == ["hello"]


def test_a_daemon_that_does_not_read(tmp_path):
    """A daemon that is stuck delays the caller no longer than its timeout."""
    path = str(tmp_path / "log")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other_program,
        own_delivery(syslog=LocalSyslog(path, timeout=0.2)),
    ):
        listener.bind(path)
        other_program.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other_program.sendto(b"x", path)
        start = time.monotonic()
        with pytest.raises(mozdef.MozDefError, match="timed out"):
            syslog_only(fire_and_forget_mode=False).send("hello")
        assert time.monotonic() - start < 2


def test_a_daemon_that_listens_for_connections():
    """If the daemon accepts only connections, the line ends with a zero byte."""
    with local_daemon(socket.SOCK_STREAM) as listener, own_delivery():
        syslog_only(fire_and_forget_mode=False).send("hello")
        syslog.closelog()
        tries, _ = listener.accept()
        connection, _ = listener.accept()
        with contextlib.closing(tries), contextlib.closing(connection):
            assert connection.makefile("rb").read().endswith(b" details: '{}' \0")


def test_forks_while_threads_write():
    """A child that is forked while another thread writes can write, too."""
    code = """
import os, signal, threading
import structlog_mozdef.compat as mozdef

msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
msg.sendToSyslog = msg.syslogOnly = msg.fire_and_forget_mode = True

def write():
    while True:
        msg.send("parent")

for _ in range(3):
    threading.Thread(target=write, daemon=True).start()
failed = 0
for _ in range(10):
    if not (child := os.fork()):
        signal.alarm(5)
        msg.send("child" * 1000)
        os._exit(0)
    failed += os.waitpid(child, 0)[1] != 0
os._exit(failed)
"""
    with local_daemon() as daemon:
        command = [sys.executable, "-W", "ignore", "-c", code]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as program:
            lines = []
            daemon.settimeout(0.1)
            while program.poll() is None:
                with contextlib.suppress(TimeoutError):
                    lines.append(daemon.recv(65536))
            assert program.wait() == 0
        daemon.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                lines.append(daemon.recv(65536))
    assert len([line for line in lines if b"child" in line and b"<14>" in line]) == 10
