"""Each field of a syslog message comes from the event; rsyslog shows how it reads them."""

from __future__ import annotations

import contextlib
import json
import re
import time

import pytest
from support.syslog_servers import Rsyslog

from structlog_mozdef.rendering.fields import SEVERITIES
from structlog_mozdef.transports.syslog import SyslogTransport
from structlog_mozdef.transports.syslog.format import FACILITIES, formatter
from structlog_mozdef.transports.syslog.options import facility_of

EVENT = {
    "category": "authentication",
    "details": {"username": "k\u00e4ng"},
    "hostname": "blah.private.scl3.example.com",
    "processid": 14619,
    "processname": "./mozdef.py",
    "severity": "CRITICAL",
    "source": "ldap",
    "summary": "new test msg",
    "tags": ["bro", "auth"],
    "timestamp": "2014-03-18T23:20:31.013344+00:00",
}


def encoded(**changes):
    return json.dumps({**EVENT, **changes}, ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def rsyslog():
    with Rsyslog() as server:
        yield server


@pytest.fixture
def stored(rsyslog):
    """A function that sends events, and returns what rsyslog wrote of them."""

    def send(*events, kind="tcp", **options):
        before = len(rsyslog.messages())
        with contextlib.closing(SyslogTransport(rsyslog.url(kind), **options)) as transport:
            transport.send(events)
        rsyslog.events(before + len(events))
        return rsyslog.messages()[before:]

    return send


def header(event, form="rfc5424", **options):
    """Return the header that is written for *event*."""
    write = formatter(form, 16, options.get("app_name"), options.get("msgid"))
    return write(event).removesuffix(event).decode()


@pytest.mark.rsyslog
def test_every_field(stored):
    """Priority, time, host, program, process, category and message are those of the event."""
    (message,) = stored(encoded())
    assert message.pri == 16 * 8 + 2
    assert message.timestamp == "2014-03-18T23:20:31.013344+00:00"
    assert message.hostname == "blah.private.scl3.example.com"
    assert message.app_name == "mozdef.py"
    assert message.procid == "14619"
    assert message.msgid == "authentication"
    assert message.structured_data == "-"
    assert message.event == encoded()


@pytest.mark.rsyslog
def test_local_form(stored):
    """The local socket gets the form of syslog(3), the only one that daemons read there."""
    (message,) = stored(encoded(timestamp="2014-03-18T23:20:31+00:00"), kind="local")
    assert (message.pri, message.app_name, message.procid) == (130, "mozdef.py", "14619")
    assert message.event == encoded(timestamp="2014-03-18T23:20:31+00:00")


@pytest.mark.rsyslog
def test_rfc5424_is_misread_by_the_local_socket(stored):
    """The local form is the default because rsyslog reads the other one's header as a message."""
    (message,) = stored(encoded(), kind="local", form="rfc5424")
    assert message.app_name == "1"
    assert message.event != encoded()


def test_local_time(monkeypatch):
    """The local form has the time of the event in the zone of the machine."""
    monkeypatch.setenv("TZ", "XXX-2")
    time.tzset()
    try:
        event = encoded(timestamp="2014-03-08T23:20:31.5Z")
        assert header(event, "rfc3164") == "<130>Mar  9 01:20:31 mozdef.py[14619]: "
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.rsyslog
@pytest.mark.parametrize(("number", "severity"), list(enumerate(reversed(SEVERITIES))))
def test_every_severity(stored, number, severity):
    """MozDef's severities are those of syslog: EMERGENCY is 0, DEBUG is 7."""
    (message,) = stored(encoded(severity=severity))
    assert message.pri == 16 * 8 + number


@pytest.mark.parametrize("severity", ["", "LOUD", None, 5, ["ERROR"], {"a": 1}, True])
def test_unknown_severity(severity):
    """INFO stands in for a severity that is unknown."""
    assert header(encoded(severity=severity)).startswith("<134>1 ")


@pytest.mark.parametrize(
    ("facility", "number"),
    [
        *((name, number) for number, name in enumerate(FACILITIES)),
        *((number, number) for number in range(24)),
        ("LOCAL7", 23),
    ],
)
def test_every_facility(facility, number):
    """A facility is given by its name or number."""
    write = formatter("rfc5424", facility_of(facility), None, None)
    assert write(encoded()).startswith(b"<%d>1 " % (number * 8 + 2))


@pytest.mark.rsyslog
def test_facility_as_it_is_stored(stored):
    """The facility is what rsyslog sorts by."""
    (message,) = stored(encoded(), facility="authpriv")
    assert message.pri == 10 * 8 + 2


@pytest.mark.rsyslog
def test_fixed_fields(stored):
    """The name of the program and the category can be set for all events."""
    (message,) = stored(encoded(), app_name="my-app", msgid="TCPIN")
    assert (message.app_name, message.msgid) == ("my-app", "TCPIN")


@pytest.mark.rsyslog
@pytest.mark.parametrize("carrier", ["udp", "tcp", "local"])
@pytest.mark.parametrize(
    "event", [b"{}", b"[]", b"no JSON", b'{"severity": "ERR', b'{"hostname": null}', b'"{"', b"{{"]
)
def test_event_that_says_nothing(stored, carrier, event):
    """An event that cannot be parsed, or has no fields, is sent with a valid header."""
    (message,) = stored(event, kind=carrier)
    assert (message.pri, message.app_name, message.procid) == (134, "-", "-")
    assert message.event == event


def test_no_byte_order_mark():
    """The message begins with the JSON itself, which no parser accepts after a mark."""
    assert formatter("rfc5424", 16, None, None)(encoded()).endswith(b" - " + encoded())


INJECTION = 'evil\n<0>1 2014-01-01T00:00:00Z forged app 1 ID - {"summary": "forged"}'
HOSTILE = [
    INJECTION,
    INJECTION.replace("\n", "\r\n"),
    INJECTION.replace("\n", "\0"),
    "a b",
    "tab\there",
    "\x1b[31mred",
    "[x]: y",
    "\u65e5\u672c",
    "\u2028line",
    "x" * 1000,
    "../../etc/passwd",
]


@pytest.mark.rsyslog
@pytest.mark.parametrize("carrier", ["udp", "tcp", "local", "newline"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_fields(stored, carrier, text):
    """Whatever the fields hold, one event is one message, and every field is where it belongs."""
    options = {"kind": carrier}
    if carrier == "newline":
        options = {"kind": "tcp", "framing": "newline"}
    fields = ("hostname", "processname", "processid", "category", "severity", "timestamp")
    event = encoded(**dict.fromkeys(fields, text))
    first, second = stored(event, encoded(), **options)
    assert (first.pri, first.structured_data, first.event) == (134, "-", event)
    assert second.event == encoded()
    if carrier != "local":  # where rsyslog sets its own
        assert re.fullmatch(r"[A-Za-z0-9.:_-]+", first.hostname)


@pytest.mark.rsyslog
@pytest.mark.parametrize("carrier", ["udp", "tcp", "local", "newline"])
@pytest.mark.parametrize("between", ["\n", "\r\n", "\0", "\n\0"])
def test_hostile_event(stored, carrier, between):
    """An event with line breaks, which is not JSON, does not become two messages."""
    options = {"kind": carrier}
    if carrier == "newline":
        options = {"kind": "tcp", "framing": "newline"}
    event = f'{{"a": "{between}<0>1 - forged - - - - x"}}'.encode()
    first, second = stored(event, encoded(), **options)
    assert first.event == event.translate(bytes(max(byte, 32) for byte in range(256)))
    assert second.event == encoded()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2014-03-18T23:20:31.013344+00:00", "2014-03-18T23:20:31.013344+00:00"),
        ("2014-03-18T23:20:31Z", "2014-03-18T23:20:31Z"),
        ("2014-03-18 23:20:31.5-09:30", "2014-03-18T23:20:31.5-09:30"),
        ("2014-03-18T23:20:31.123456789Z", "2014-03-18T23:20:31.123456Z"),
        ("2014-03-18T23:20:31", "-"),
        ("2014-03-18T23:20:31.Z", "-"),
        ("2014-02-30T23:20:31Z", "-"),
        ("2014-03-18T24:20:31Z", "-"),
        ("2014-03-18T24:00:00Z", "-"),
        ("2014-03-18T23:20:60Z", "-"),
        ("2014-03-18T23:20:31+25:00", "-"),
        ("0000-03-18T23:20:31Z", "-"),
        ("\u0662\u0660\u0661\u0664-03-18T23:20:31Z", "-"),
        ("2014-03-18T23:20:31Z\n", "-"),
        ("", "-"),
        (1395184831, "-"),
        (None, "-"),
        ([], "-"),
    ],
)
def test_timestamps(value, written):
    """A time is written as RFC 5424 restricts it; other values become a hyphen."""
    assert header(encoded(timestamp=value)).split(" ")[1] == written


@pytest.mark.parametrize(
    ("field", "position", "value", "written"),
    [
        ("hostname", 2, "h" * 300, "h" * 255),
        ("hostname", 2, "10.0.0.7", "10.0.0.7"),
        ("hostname", 2, "2001:db8::1", "2001:db8::1"),
        ("hostname", 2, "a/../b c", "a_.._b_c"),
        ("hostname", 2, "..", "-"),
        ("hostname", 2, "", "-"),
        ("hostname", 2, ["a"], "-"),
        ("processname", 3, "/usr/bin/python3", "python3"),
        ("processname", 3, "C:\\app\\my app.exe", "my_app.exe"),
        ("processname", 3, "/srv/" + "x" * 60, "x" * 48),
        ("processname", 3, "folder/", "-"),
        ("processid", 4, "12 34", "12_34"),
        ("processid", 4, "9" * 200, "9" * 128),
        ("processid", 4, True, "-"),
        ("processid", 4, 1.5, "-"),
        ("category", 5, "k" * 40, "k" * 32),
        ("category", 5, "caf\u00e9", "caf_"),
        ("category", 5, None, "-"),
    ],
)
def test_fields_are_made_valid(field, position, value, written):
    """Fields are printable ASCII of the lengths of RFC 5424; an empty one is a hyphen."""
    assert header(encoded(**{field: value})).split(" ")[position] == written


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "x"])
def test_local_time_without_an_end(moment):
    """A time that this machine cannot express becomes the present time."""
    assert header(encoded(timestamp=moment), "rfc3164")[5:8] == time.strftime("%b")
