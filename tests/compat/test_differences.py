"""Whatever differs between mozdef-client 1.1 and our classes is in the table of docs/migration.rst.

Each program runs with both. What it sends and what comes back to it is compared; each difference
must be one of `ROWS`, and each of those a row of the table.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import re
import syslog
from pathlib import Path

import docutils.core
import docutils.nodes
import pytest
from support.certificates import server_context
from support.compat_receivers import own_delivery
from support.local_syslog import local_daemon
from support.old_client import mozdef_client
from support.receivers import OK, Receiver, answer
from support.running import wait_for

from structlog_mozdef import compat

pytestmark = pytest.mark.filterwarnings("ignore")  # of the threads of the old client

PAGE = Path(__file__).parents[2] / "docs" / "migration.rst"


def given(**arguments):
    """A program that gives arguments to `send`."""
    return lambda client, url: client.MozDefMsg(url).send(**{"summary": "hello", **arguments})


def logged(**log):
    """A program that sets the internal attributes of a message."""

    def program(client, url):
        msg = client.MozDefMsg(url, "hello")
        msg.log.update(log)
        msg.send()

    return program


def events(kind="MozDefEvent", **attributes):
    """A program that sends one event, with attributes and calls of setters."""

    def program(client, url):
        event = getattr(client, kind)(url)
        event.summary = "hello"
        for name, value in attributes.items():
            method = getattr(event, name, None)
            if callable(method):
                method(value)
            else:
                setattr(event, name, value)
        event.send()

    return program


def log_afterwards(client, url):
    msg = client.MozDefMsg(url, "hello")
    msg.log = {"a": 1}
    msg.send()
    return sorted(msg.log)


def shared_defaults(client, url):
    client.MozDefMsg(url).tags.append("mine")
    second = client.MozDefMsg(url)
    tags, second.tags[:] = list(second.tags), []
    return tags


def many(client, url):
    for number in range(30):
        client.MozDefMsg(url).send(str(number))


def debugging(client, url):
    msg = client.MozDefMsg(url)
    msg.debug = True
    msg.send("hello")


def quoted(client, url):
    error = client.MozDefError("text")
    return str(error), error.msg


PROGRAMS = {
    "simple": given(details={"a": 1}, tags=["t"]),
    "source": given(source="ldap"),
    "severity in lower case": given(severity="error"),
    "severity of nobody": given(severity="MEDIUM"),
    "tags as a string": given(tags="text"),
    "details as a string": given(details="text"),
    "no summary": lambda client, url: client.MozDefMsg(url).send(),
    "not JSON": given(details={"when": dt.datetime(2014, 3, 18, tzinfo=dt.UTC)}),
    "not a number": given(details={"x": float("nan")}),
    "large": given(details={"lines": ["x" * 1000] * 150}),
    "address": given(details={"sourceipaddress": "unknown"}),
    "summary as an object": given(summary={"a": 1}),
    "log": logged(severity="ERROR", category="c", source="ldap", tags=["l"], details={"l": 1}),
    "log with a key": logged(x=1),
    "log with a timestamp": logged(timestamp="2014-03-18T23:20:31+00:00"),
    "log afterwards": log_afterwards,
    "defaults": shared_defaults,
    "many": many,
    "debug": debugging,
    "error": quoted,
    "event": events(),
    "event with setters": events(
        set_category="c", _source="ldap", set_severity=5, timestamp="2014-03-18T23:20:31+00:00"
    ),
    "event with attributes": events(
        category="c", source="ldap", severity="ERROR", processname="./x.py"
    ),
    "event with a number": events(set_severity=99),
    "event with tags": events(tags="text"),
    "event with details": events(details="text"),
    "event with a log": events(set_simple_update_log={"source": "ldap", "x": 1}),
    "assessment": events("MozDefRRA", details={"a": 1}),
    "hint": events("MozDefAssetHint", details={"a": 1}),
    "no summary of an event": events(summary=""),
}

#: What differs, and the beginning of the row that says so.
ROWS = {
    r".*: source: None -> 'mozdef_client'": "the source is sent as null",
    r"(source|event with setters): source: None -> 'ldap'": "the source is sent as null",
    r"event with a log: source: None -> 'ldap'": "the source is sent as null",
    r".*: hostname: 'localhost.*' -> .*": "the host name is localhost",
    r".*: content type: None -> 'application/json'": "no Content-Type",
    r".*: content type: None -> 'application/x-ndjson'": "no Content-Type",
    r"severity .*: severity: 'INFO' -> '(ERROR|MEDIUM)'": "a severity in lower case",
    r"tags as a string: raises: None -> 'MozDefError: tags .*'": "tags that are no list",
    r"event with tags: tags: 'text' -> \['text'\]": "tags that are no list",
    r"details as a string: raises: None -> 'MozDefError: details .*'": "details that are no dict",
    r"event with details: details: 'text' -> {'message': 'text'}": "details that are no dict",
    r"(tags|details) as a string: events: 1 -> 0": "(tags|details) that are no",
    r"no summary: raises: .* -> 'MozDefError: Summary .*'": "the text of MozDefError",
    r"no summary of an event: raises: .* -> .*": "the text of MozDefError",
    r"error: returns: .*": "the text of MozDefError",
    r"not JSON: raises: .TypeError.* -> None": "values that are no JSON",
    r"(not JSON|assessment): (requests|events): 0 -> 1": "(values that are no|MozDefRRA fails)",
    r"not a number: details: {'x': nan} -> {'x': None}": "values that are no JSON",
    r"large: details: .*": "an event can have any size",
    r"address: details: .* -> {'sourceipaddress_text': 'unknown'}": "sourceipaddress, success",
    r"summary as an object: summary: .*": "tags, summary, category",
    r"log: (severity|category|source|tags|details): .*": "severity, category, summary, source",
    r"log with a timestamp: timestamp: .*": "a timestamp in log",
    r"log afterwards: returns: .*": "construct() writes into log",
    r"defaults: returns: \['mine'\] -> \[\]": "tags=[], details={} are shared",
    r"(tags|details) as a string: requests: 1 -> 0": "(tags|details) that are no",
    r"many: requests: 30 -> .*": "one request an event",
    r".*: path: '/events' -> '/_bulk'": "one request an event",
    r"debug: printed: False -> True": "debug is ignored",
    r"event with attributes: .*": "category, source, severity, processname",
    r"event with a number: severity: .* -> 'INFO'": "an unknown number as the severity",
    r"assessment: raises: .AttributeError.* -> None": "MozDefRRA fails",
}
#: Rows of what mozdef_lib did, or of what needs a program or a server of its own, and the test.
ELSEWHERE = {
    "a failure of the network": "test_a_failing_server",
    "an event is sent once": "test_an_event_is_sent_again",
    "MozDefEvent does not verify": "test_a_certificate_that_nobody_knows",
    "MozDefMsg writes JSON": "test_lines_of_syslog",
    "the priority in syslog": "test_lines_of_syslog",
    "syslogOnly without sendToSyslog": "test_syslog_only",
    "SIGTERM and the end of a worker": "test_programs",
    "the timestamp is that of the import": "test_msg",
    "log and the session are shared": "test_msg",
    "no timeouts": "test_waiting",
    "REQUESTS_CA_BUNDLE does not count": "test_examples",
    "all that is set on httpsession": "test_session",
    "redirects are followed": "test_waiting",
    "syslog.openlog of the program": "test_syslog",
    "a syslog that is not there": "test_syslog",
    "a summary of the constructor": "test_msg",
    "SQS: ImportError without boto3": "test_sqs",
    "SQS: send always waits": "test_sqs",
}
DAY = dt.timedelta(days=1)


def events_of(request):
    """Return the events of a request; those of the old client are indented JSON."""
    if request.path.endswith("/_bulk"):
        return request.events()
    return [json.loads(request.body)] if request.body else []


def observe(client, program, receiver, expected):
    """Run *program*, and return what it did: what it raised, returned, printed and sent.

    mozdef-client is given time until *expected* requests have come; it does not wait itself.
    """
    seen = {"raises": None, "returns": None}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            seen["returns"] = program(client, receiver.url)
        except Exception as error:
            seen["raises"] = f"{type(error).__name__}: {error}"
    seen["printed"] = bool(printed.getvalue())
    if client is compat:
        compat.flush(5)
    elif seen["raises"] is None:
        wait_for(lambda: len(receiver.accepted) >= expected)
    sent = [
        {
            **event,
            "path": request.path,
            "content type": request.headers.get("content-type"),
        }
        for request in receiver.accepted
        for event in events_of(request)
    ]
    seen["events"] = len(sent)
    seen["requests"] = len([request for request in receiver.accepted if events_of(request)])
    return seen, sorted(sent, key=lambda event: str(event.get("summary")))


def fixed(event):
    """Return *event* without what is different in each run."""
    return {
        name: "now"
        if name == "timestamp"
        and abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(value)) < DAY
        else value
        for name, value in event.items()
    }


def differences(name, old, new):
    """Yield what differs between two observations, as texts."""
    (seen, sent), (seen_now, sent_now) = old, new
    for key, value in seen.items():
        if value != seen_now[key]:
            yield f"{name}: {key}: {value!r} -> {seen_now[key]!r}"
    for event, event_now in zip(map(fixed, sent), map(fixed, sent_now), strict=False):
        for key in sorted({*event, *event_now}):
            if event.get(key) != event_now.get(key):
                yield f"{name}: {key}: {event.get(key)!r} -> {event_now.get(key)!r}"


def unexplained(found):
    """Return those of *found* that no row of the table explains."""
    return [text for text in found if not any(re.fullmatch(row, text, re.DOTALL) for row in ROWS)]


def both(name, program, expected=1, **settings):
    """Run *program* with both clients; return what differs."""
    seen = []
    for client in (mozdef_client, compat):
        with Receiver(**settings) as receiver, own_delivery():
            seen.append(observe(client, program, receiver, expected))
    return list(differences(name, *seen))


@pytest.mark.parametrize("name", PROGRAMS)
def test_differences_are_documented(name):
    """Each difference of a program is in the table."""
    expected = {"many": 30, "defaults": 0, "error": 0}.get(name, 1)
    assert unexplained(both(name, PROGRAMS[name], expected)) == []


def settled(client, program, receiver, expected):
    """Observe *program*, and count the requests that it takes the client, whatever the answer."""
    seen, _ = observe(client, program, receiver, 0)
    if client is mozdef_client:
        wait_for(lambda: len(receiver.requests) >= expected)
    methods = [request.method for request in receiver.requests]
    return {"raises": seen["raises"], "methods": methods, "events": len(receiver.accepted)}


def waits(client, url):
    """Send an event that is not to be forgotten."""
    event = client.MozDefEvent(url)
    event.summary = "hello"
    event.set_fire_and_forget(False)
    event.send()


def two_of(program, expected, **settings):
    """Run *program* with both clients against servers of their own."""
    results = []
    for client in (mozdef_client, compat):
        with Receiver(**settings) as receiver, own_delivery():
            results.append(settled(client, program, receiver, expected))
    return results


def test_a_failing_server():
    """mozdef-client does not report a 500, not even where it is not to forget the event."""
    old, new = two_of(waits, 1, respond=lambda request: answer(500))
    assert (old["raises"], old["methods"]) == (None, ["POST"])
    assert new["raises"].startswith("MozDefError: POST failed with code 500")


@pytest.mark.parametrize(("client", "arrived"), [(mozdef_client, 0), (compat, 1)])
def test_an_event_is_sent_again(client, arrived):
    """mozdef-client sends an event once; ours, by default, until it arrives."""
    answers = [answer(429, Retry_After="0")]
    with Receiver(lambda request: answers.pop() if answers else OK) as receiver, own_delivery():
        events()(client, f"{receiver.base}/custom/x")
        assert compat.flush(20)
        assert wait_for(lambda: len(receiver.requests) == 1 + arrived)
        assert len(receiver.accepted) == arrived


def test_a_certificate_that_nobody_knows():
    """mozdef-client delivers an event to whoever answers."""
    old, new = two_of(waits, 1, tls=server_context())
    assert (old["events"], new["events"]) == (1, 0)
    assert "certificate of the server is refused" in new["raises"]


def lines_of(client, program):
    """Return what *program* writes to syslog: priority and text."""
    with local_daemon() as daemon, own_delivery():
        program(client, "http://127.0.0.1:9/events")
        syslog.closelog()
        return re.match(r"<(\d+)>.{15} \S+: (.*)", daemon.recv(65536).decode()).groups()


def to_syslog(client, url):
    msg = client.MozDefMsg(url)
    msg.sendToSyslog = msg.syslogOnly = True
    msg.send("hello", severity="ERROR")


def event_to_syslog(client, url):
    event = client.MozDefEvent(url)
    event.summary = "hello"
    event.set_severity(event.SEVERITY_ERROR)
    event.set_send_to_syslog(True, only_syslog=True)
    event.send()


def test_lines_of_syslog():
    """mozdef-client writes JSON alike for both classes, always with the priority INFO."""
    (info, old), (error, new) = (lines_of(client, to_syslog) for client in (mozdef_client, compat))
    assert (json.loads(old)["summary"], new[:17]) == ("hello", "summary: 'hello' ")
    assert (int(info) & 7, int(error) & 7) == (syslog.LOG_INFO, syslog.LOG_ERR)
    (_, old), (_, new) = (lines_of(client, event_to_syslog) for client in (mozdef_client, compat))
    assert json.loads(old).keys() == json.loads(new).keys()


def test_syslog_only():
    """mozdef-client sends to MozDef where it is to send to syslog only, and not even there."""

    def program(client, url):
        msg = client.MozDefMsg(url)
        msg.syslogOnly = True
        msg.send("hello")

    old, new = two_of(program, 1)
    assert (old["events"], new["events"]) == (1, 0)


def rows():
    """Return the first column of the table, without line breaks and markup."""
    text = PAGE.read_text("utf-8").partition("\nWhat differs, and why\n")[2]
    table = text[text.index(".. list-table::") : text.index("\n\nAn event with keys")]
    document = docutils.core.publish_doctree(table)
    body = next(document.findall(docutils.nodes.tbody))
    return [" ".join(row[0].astext().split()) for row in body.findall(docutils.nodes.row)]


def test_each_row_is_tested_once():
    """Each difference that a test knows has one row, and each row has a test."""
    known = {*ROWS.values(), *ELSEWHERE}
    modules = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert {*ELSEWHERE.values()} - modules <= globals().keys()
    starts = [[row for row in rows() if re.match(start, row)] for start in map(regex, known)]
    assert [start for start, found in zip(known, starts, strict=True) if not found] == []
    assert {row for found in starts for row in found} == set(rows())


def regex(start):
    return start if "|" in start else re.escape(start)
