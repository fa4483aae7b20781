"""Code written for mozdef_lib's MozDefMsg runs unchanged, and without its bugs."""

from __future__ import annotations

import copy
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from support import hostile
from support.compat_receivers import only, sent
from support.receivers import Receiver, answer

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._log_attribute import attributes_set
from structlog_mozdef.process import identity


def is_plain(kind):
    """Whether *kind* is a class of `hostile` that needs no arguments."""
    if type(kind) is not type and type(kind) is not hostile.Meta:
        return False
    try:
        kind()
    except Exception:
        return False
    return not issubclass(kind, BaseException) and kind.__module__ == "hostile"


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def test_all_fields(receiver):
    """An event has MozDef's ten keys, with what the program gave and what this process is."""
    msg = mozdef.MozDefMsg(receiver.url, tags=["openvpn", "duosecurity"])
    msg.send("User logged in", details={"username": "kang"})
    event = only(receiver)
    assert datetime.fromisoformat(event.pop("timestamp")).utcoffset() == timedelta(0)
    assert event == {
        "category": "event",
        "details": {"username": "kang"},
        "hostname": identity.hostname(),
        "processid": os.getpid(),
        "processname": sys.argv[0],
        "severity": "INFO",
        "source": "mozdef_client",
        "summary": "User logged in",
        "tags": ["openvpn", "duosecurity"],
    }


def test_arguments_by_position(receiver):
    """`send` takes summary, category, severity, tags, details and source in this order."""
    mozdef.MozDefMsg(receiver.url).send("s", "authentication", "ERROR", ["t"], {"d": 1}, "ldap")
    event = only(receiver)
    names = ("summary", "category", "severity", "tags", "details", "source")
    assert [event[name] for name in names] == [
        "s",
        "authentication",
        "ERROR",
        ["t"],
        {"d": 1},
        "ldap",
    ]


LIB = ("s", "authentication", "ERROR", ["t"], {"d": 1})
CLIENT = ("s", "authentication", "ERROR", "ldap", ["t"], {"d": 1})
CLIENT_WITHOUT_SOURCE = ("s", "authentication", "ERROR", None, ["t"], {"d": 1})
CLIENT_TUPLE = ("s", "authentication", "ERROR", None, ("t",), {"d": 1})
BY_NAME = dict(zip(("summary", "category", "severity", "tags", "details"), LIB, strict=True))


@pytest.mark.parametrize(
    ("arguments", "options", "source"),
    [
        (LIB, {}, "mozdef_client"),
        (CLIENT, {}, "ldap"),
        (CLIENT_WITHOUT_SOURCE, {}, "mozdef_client"),
        (CLIENT_TUPLE, {}, "mozdef_client"),
        ((), {**BY_NAME, "source": "ldap"}, "ldap"),
    ],
)
def test_constructor_of_both_clients(receiver, arguments, options, source):
    """The constructor takes mozdef_lib's order and mozdef_client's, and the same by name."""
    mozdef.MozDefMsg(receiver.url, *arguments, **options).send()
    event = only(receiver)
    names = ("summary", "category", "severity", "tags", "details", "source")
    assert tuple(event[name] for name in names) == (*LIB, source)


def test_constructor_without_source_and_tags(receiver):
    """In mozdef_client's order the details come last, also where all before them is None."""
    mozdef.MozDefMsg(receiver.url, "s", "c", "INFO", None, None, {"d": 1}).send()
    event = only(receiver)
    assert (event["source"], event["tags"], event["details"]) == ("mozdef_client", [], {"d": 1})


@pytest.mark.parametrize("name", ["mozdef_hostname", "hostname"])
def test_url_by_name(receiver, name):
    """The URL can be given by the name that either client has for it."""
    msg = mozdef.MozDefMsg(**{name: receiver.url})
    msg.send("hello")
    assert (only(receiver)["summary"], getattr(msg, name)) == ("hello", receiver.url)


def test_url_can_be_changed(receiver):
    """Events go to the URL that the instance has when they are sent, by either name."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/elsewhere")
    msg.hostname = f"{receiver.base}/nxlog"
    msg.send("hello")
    assert only(receiver)["summary"] == "hello"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), {}),
        (("url", "s", "c", "INFO", [], {}, "source", "more"), {}),
        (("url",), {"colour": "red"}),
        (("url", "s", "c", "INFO", []), {"tags": []}),
    ],
)
def test_wrong_arguments(arguments, options):
    """Missing, unknown, repeated and too many arguments are a TypeError, as in any class."""
    with pytest.raises(TypeError, match="MozDefMsg"):
        mozdef.MozDefMsg(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"summary": "s", "details": "text"}, "details must be a dict"),
        ({"summary": "s", "tags": "text"}, "tags must be a list"),
        ({"summary": "s", "tags": {"a"}}, "tags must be a list"),
        ({}, "Summary is a required field"),
    ],
)
@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_mistakes_are_raised_as_before(options, message, fire_and_forget):
    """What no event can be made of is a MozDefError with the known text, in either mode."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.fire_and_forget_mode = fire_and_forget
    with pytest.raises(mozdef.MozDefError) as raised:
        msg.send(**options)
    assert (str(raised.value).strip("'"), raised.value.msg) == (message, message)


def test_error_class_is_the_package_s():
    """Who catches the package's MozDefError catches that of the old classes."""
    from structlog_mozdef import MozDefError

    assert mozdef.MozDefError is MozDefError


def test_timestamp_is_taken_at_each_send(receiver):
    """Each event has the time at which it was sent, not that of the import or of the instance."""
    msg = mozdef.MozDefMsg(receiver.url)
    before = datetime.now(UTC)
    msg.send("one")
    time.sleep(0.01)
    msg.send("two")
    one, two = (datetime.fromisoformat(event["timestamp"]) for event in sent(receiver))
    assert before <= one < two <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", "2014-03-18T23:20:31.013344+00:00"),
        ("timestamp", "2014-03-18T23:20:31+01:00"),
        ("timestamp", "2014-03-18T23:20:31Z"),
        ("timestamp", "18 Mar 2014 23:20:31"),
        ("timestamp", 1395184831.5),
        ("timestamp", 1395184831000),
        ("hostname", "blah.private.scl3.mozilla.com"),
        ("processid", 14619),
        ("processname", "./mozdef.py"),
        ("severity", "CRITICAL"),
        ("category", "authentication"),
        ("summary", "new test msg"),
        ("source", "ldap"),
        ("some-internal-attribute", "smth"),
        ("index", 7),
    ],
)
def test_internal_attributes(receiver, name, value):
    """What is set in `log` is sent, at top level."""
    msg = mozdef.MozDefMsg(receiver.url, summary="hello")
    msg.log[name] = value
    msg.send()
    assert only(receiver)[name] == value


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2014, 3, 18, 23, 20, 31, tzinfo=UTC),
        "1395184831",
        "1395184831000",
        "1395184831000000000",
        datetime.fromtimestamp(1395184831).isoformat(),
    ],
    ids=["datetime", "digits", "milliseconds", "nanoseconds", "naive"],
)
def test_timestamps_that_mozdef_would_misread(receiver, moment):
    """A time that MozDef would drop the event for, or read in its own zone, is made exact."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["timestamp"] = moment
    msg.send("hello")
    read = datetime.fromisoformat(only(receiver)["timestamp"])
    assert (read.timestamp(), read.tzinfo is None) == (1395184831, False)


@pytest.mark.parametrize(
    "moment",
    [
        None,
        "",
        "soon",
        "quiz",  # as if it ended with the zone Z
        "\u00b2",  # a digit, but no number
        "1" * 20,
        True,
        float("nan"),
        1e300,
        10**19,
        10**400,
    ],
)
def test_no_timestamp_at_all(receiver, moment):
    """A timestamp for which MozDef would drop the event gives way to the current time."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["timestamp"] = moment
    msg.send("hello")
    age = datetime.now(UTC) - datetime.fromisoformat(only(receiver)["timestamp"])
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_internal_tags_and_details_are_added(receiver):
    """Tags and details in `log` come beside those of the instance, none is lost."""
    msg = mozdef.MozDefMsg(receiver.url, tags=["own"], details={"own": 1})
    msg.log["tags"].append("logged")
    msg.log["details"]["logged"] = 2
    msg.send("hello")
    event = only(receiver)
    assert (event["tags"], event["details"]) == (["own", "logged"], {"own": 1, "logged": 2})


def test_arguments_count_before_internal_attributes(receiver):
    """What is given to `send` is sent, whatever `log` says."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["severity"] = "CRITICAL"
    msg.log["tags"].append("logged")
    msg.send("hello", severity="DEBUG", tags=["given"])
    event = only(receiver)
    assert (event["severity"], event["tags"]) == ("DEBUG", ["given"])


def test_internal_attributes_can_be_read():
    """`log` shows what would be sent, as it did in mozdef_lib."""
    log = mozdef.MozDefMsg("http://127.0.0.1:9/events", severity="ERROR").log
    names = ("hostname", "processid", "processname", "severity", "category")
    assert [log[name] for name in names] == [
        identity.hostname(),
        os.getpid(),
        sys.argv[0],
        "ERROR",
        "event",
    ]


def test_log_can_be_replaced(receiver):
    """A whole new `log` counts, and what it lacks is filled in."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log = {"vuln": {"cvss": 8.5}}
    msg.send("hello")
    event = only(receiver)
    assert (event["vuln"], event["hostname"]) == ({"cvss": 8.5}, identity.hostname())


@pytest.mark.parametrize("log", [None, {}, {"tags": None, "details": None, "category": None}])
def test_log_without_anything(receiver, log):
    """A `log` that says nothing leaves all to the instance."""
    msg = mozdef.MozDefMsg(receiver.url, category="c", tags=["t"], details={"d": 1})
    msg.log = log
    msg.send("hello")
    event = only(receiver)
    assert (event["category"], event["tags"], event["details"]) == ("c", ["t"], {"d": 1})


def test_log_that_is_no_dict():
    """A `log` of which no event can be made is a mistake like the others."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.log = "text"
    with pytest.raises(mozdef.MozDefError, match="log must be a dict"):
        msg.send("hello")


def test_log_of_the_class_can_be_read_and_added_to(receiver):
    """`log` of the class shows what is sent, and its tags and details come with every event."""

    class Msg(mozdef.MozDefMsg):
        log = type(mozdef.MozDefMsg.log)()

    names = ("hostname", "processid", "processname", "severity", "category", "summary")
    assert [Msg.log[name] for name in names] == [
        identity.hostname(),
        os.getpid(),
        sys.argv[0],
        "INFO",
        "event",
        None,
    ]
    with pytest.raises(KeyError):
        Msg.log["x"]
    Msg.log["tags"].append("class")
    Msg.log["details"]["class"] = 1
    msg = Msg(receiver.url, tags=["own"])
    msg.log["tags"].append("logged")
    msg.send("hello")
    event = only(receiver)
    assert (event["tags"], event["details"]) == (["own", "class", "logged"], {"class": 1})


def test_subclass_without_our_constructor(receiver):
    """A subclass that sets the address by itself has what the class has, once."""

    class Msg(mozdef.MozDefMsg):
        log = {"tags": ["class"], "x": 1}  # noqa: RUF012

        def __init__(self):
            self.mozdef_hostname = receiver.url

    Msg().send("hello")
    event = only(receiver)
    assert (event["tags"], event["x"]) == (["class"], 1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda msg: pickle.loads(pickle.dumps(msg))])
def test_copies_set_nothing(copied, receiver):
    """A copy, in another process perhaps, sends its own process id and time."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["x"] = 1
    assert attributes_set(copied(msg)) == [{}, {"x": 1}]


def test_instances_share_nothing(receiver):
    """What one instance is told, another does not send."""
    one, other = mozdef.MozDefMsg(receiver.url), mozdef.MozDefMsg(receiver.url)
    one.log["hostname"] = "one.example.com"
    one.log["x"] = 1
    one.tags.append("one")
    one.details["one"] = 1
    one.httpsession.headers["X-One"] = "1"
    other.send("hello")
    event = only(receiver)
    assert (event["hostname"], event["tags"], event["details"], "x" in event) == (
        identity.hostname(),
        [],
        {},
        False,
    )
    assert "x-one" not in receiver.accepted[-1].headers


def test_defaults_of_arguments_are_not_shared():
    """Lists and dicts that nobody gave are new for each instance."""
    one, other = mozdef.MozDefMsg("url"), mozdef.MozDefMsg("url")
    assert one.tags is not other.tags
    assert one.details is not other.details
    assert one.log is not other.log


def test_sending_changes_nothing_of_the_instance(receiver):
    """`log`, tags and details are the same after a send as before."""
    msg = mozdef.MozDefMsg(receiver.url, tags=["a"], details={"b": 1})
    msg.log["x"] = 1
    before = json.dumps([msg.log, msg.tags, msg.details])
    msg.send("hello", category="c", severity="ERROR", tags=["t"], details={"d": 2})
    assert json.dumps([msg.log, msg.tags, msg.details]) == before
    assert mozdef.flush(20)


def test_settings_of_the_class(receiver):
    """What is set on the class counts for its instances; an instance can say otherwise."""

    class Msg(mozdef.MozDefMsg):
        category = "authentication"
        tags = ["class"]  # noqa: RUF012
        log = {"hostname": "class.example.com"}  # noqa: RUF012

    msg = Msg(receiver.url)
    Msg.severity = "WARNING"
    msg.source = "instance"
    msg.send("hello")
    event = only(receiver)
    names = ("category", "tags", "hostname", "severity", "source")
    assert [event[name] for name in names] == [
        "authentication",
        ["class"],
        "class.example.com",
        "WARNING",
        "instance",
    ]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("critical", "CRITICAL"),
        ("Warn", "WARNING"),
        ("NOTICE", "NOTICE"),
        ("EMERGENCY", "EMERGENCY"),
        ("MEDIUM", "MEDIUM"),
    ],
)
def test_severities(receiver, given, stored):
    """A severity is understood in any case; one that MozDef does not know is sent as it is."""
    mozdef.MozDefMsg(receiver.url).send("hello", severity=given)
    assert only(receiver)["severity"] == stored


def test_values_that_are_no_json(receiver):
    """Details that the old clients raised for, or sent as broken JSON, arrive repaired."""
    details = {"when": datetime(2014, 3, 18, tzinfo=UTC), "nan": float("nan"), "s": {"a"}}
    mozdef.MozDefMsg(receiver.url).send("lone \ud800", details=details)
    event = only(receiver)
    assert (event["summary"], event["details"]) == (
        "lone \\ud800",
        {"when": "2014-03-18T00:00:00.000000+00:00", "nan": None, "s": ["a"]},
    )


def test_details_that_the_index_would_refuse(receiver):
    """An address that is none is kept as text, under a name that MozDef's index does not know."""
    mozdef.MozDefMsg(receiver.url).send("hello", details={"sourceipaddress": "unknown"})
    assert only(receiver)["details"] == {"sourceipaddress_text": "unknown"}


def test_custom_documents_keep_their_shape(receiver):
    """An event with keys of its own at top level is not reshaped, whatever the values are."""
    msg = mozdef.MozDefMsg(f"{receiver.base}/custom/vulnerability")
    custom = {"asset": {"ipv4address": "1.2.3.4", "list": [1, [2, {}]]}, "success": "perhaps"}
    msg.log.update(custom)
    msg.send("hello", details={"sourceipaddress": "unknown"})
    event = only(receiver)
    assert {name: event[name] for name in custom} == custom
    assert event["details"] == {"sourceipaddress": "unknown"}
    assert {request.path for request in receiver.accepted} == {"/custom/vulnerability"}


def test_own_fields_beside_custom_ones_are_repaired(receiver):
    """On /events a key of its own does not keep an event from being repaired; it would be lost."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["success"] = "perhaps"
    msg.send("hello", details={"sourceipaddress": "unknown"})
    event = only(receiver)
    assert (event["success"], event["details"]) == (
        "perhaps",
        {"sourceipaddress_text": "unknown"},
    )


def test_the_address_does_not_count_for_a_queue(capsys):
    """What goes to SQS instead is repaired, whatever the address is that is not used."""
    msg = mozdef.MozDefMsg("https://127.0.0.1/custom/thing")
    msg.sendToSqs = msg.debug = True
    msg.log["x"] = 1
    msg.send("hello", details={"sourceipaddress": "unknown"})
    assert json.loads(capsys.readouterr().out)["details"] == {"sourceipaddress_text": "unknown"}


@pytest.mark.parametrize("custom", [{}, {"x": 1}])
def test_objects_where_text_belongs(receiver, custom):
    """Fields for which the index would refuse the event become text."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log.update({"hostname": ["h"], "processid": {"p": 1}, **custom})
    tags = [1, None, {"t": 1}, b"bytes"]
    msg.send({"s": 1}, category=["c"], severity={"x": 2}, source=b"ldap", tags=tags)
    event = only(receiver)
    names = ("hostname", "processid", "summary", "category", "severity", "source", "tags")
    assert [event[name] for name in names] == [
        "['h']",
        "{'p': 1}",
        "{'s': 1}",
        "['c']",
        "{'x': 2}",
        "ldap",
        ["1", "{'t': 1}", "bytes"],
    ]


def test_large_custom_documents_are_cut(receiver):
    """A document that is too large says at top level what was cut; the rest keeps its shape."""
    msg = mozdef.MozDefMsg(f"{receiver.base}/custom/thing")
    msg.log.update({"large": "x" * 200_000, "success": "perhaps"})
    msg.send("hello", details={"a": 1})
    event = only(receiver)
    assert (event["success"], event["details"], event["truncated"]["fields"]) == (
        "perhaps",
        {"a": 1},
        ["large"],
    )


@pytest.mark.parametrize("name", [name for name, kind in vars(hostile).items() if is_plain(kind)])
def test_hostile_values(receiver, name):
    """Objects whose methods raise never make `send` raise, and the event arrives."""
    value = vars(hostile)[name]()
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log.update({"timestamp": value, "hostname": value, "x": [value]})
    msg.send(value, value, value, [value], {"d": value}, value)
    mozdef.MozDefMsg(receiver.url).send("plain", details={"d": value}, tags=[value])
    assert len(sent(receiver)) == 2


def test_custom_values_that_are_no_json(receiver):
    """Odd values at top level become valid JSON."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log.update({"nan": float("nan"), "set": {1}, "huge": 2**70, 5: None})
    msg.send("hello")
    event = only(receiver)
    assert [event[name] for name in ("nan", "set", "huge", "5")] == [None, [1], str(2**70), None]


def test_keys_are_sorted(receiver):
    """The keys stand in the order of the old clients: the last of several aliases counts."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["priority"] = "LOW"
    msg.send("hello", severity="ERROR")
    event = only(receiver)
    assert list(event) == sorted(event)


def test_a_key_index_does_not_lose_the_event(receiver):
    """An event with a key "index", which MozDef's /_bulk swallows, goes to /events."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["index"] = "mine"
    msg.send("hello")
    assert only(receiver)["index"] == "mine"
    assert [request.path for request in receiver.accepted] == ["/events"]


def test_events_are_sent_in_batches(receiver):
    """Events of several instances with the same settings travel together."""
    for number in range(50):
        mozdef.MozDefMsg(receiver.url).send(f"event {number}")
    assert len(sent(receiver)) == 50
    assert receiver.connections == 1
    assert {request.path for request in receiver.accepted} == {"/_bulk"}
    assert len(receiver.accepted) < 10


def test_debug_prints_and_sends_nothing(receiver, capsys):
    """With `debug` the event is printed as JSON and goes nowhere."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.debug = True
    msg.sendToSyslog = True
    msg.send("hello", tags=["a"])
    printed = capsys.readouterr().out
    assert (json.loads(printed)["summary"], printed.count("\n") > 10) == ("hello", True)
    assert sent(receiver) == []


def test_settings_that_cannot_work_do_not_raise(caplog):
    """In fire-and-forget mode a URL that is none is warned of, and `send` returns."""
    mozdef.MozDefMsg("localhost").send("hello")
    assert "an event was not sent: url is 'localhost'" in caplog.text


def run_code(code, *arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def test_send_returns_at_once_without_a_server():
    """With a server that is down, and with one that takes no request, `send` does not wait."""
    code = """
import os, sys, time
import structlog_mozdef.compat as mozdef
for url in sys.argv[1:]:
    mozdef.MozDefMsg(url).send("warm up")
start = time.monotonic()
for number in range(100):
    for url in sys.argv[1:]:
        mozdef.MozDefMsg(url).send("hello")
print(time.monotonic() - start)
sys.stdout.flush()
os._exit(0)
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}/events"
        seconds, _ = run_code(code, "http://127.0.0.1:9/events", silent_url)
    assert float(seconds) < 2


def test_events_are_delivered_at_exit(receiver):
    """A program that ends right after a send loses nothing."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
mozdef.MozDefMsg(sys.argv[1]).send("last words")
"""
    run_code(code, receiver.url)
    assert receiver.summaries() == ["last words"]


def test_what_is_not_delivered_at_exit_is_reported():
    """A program whose events nobody takes says so when it ends, without an exception."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
mozdef.MozDefMsg(sys.argv[1]).send("last words")
"""
    with Receiver(lambda request: answer(401)) as refusing:
        _, stderr = run_code(code, refusing.url.replace("//", "//user:pass-word@"))
    assert f"1 events were not delivered to {refusing.url}\n" in stderr
    assert "Traceback" not in stderr
    assert "pass-word" not in stderr


def test_ten_thousand_from_eight_threads(receiver):
    """One instance in a tight loop of several threads: each event arrives, once."""
    msg = mozdef.MozDefMsg(receiver.url)

    def run(thread):
        for number in range(1250):
            msg.send(f"{thread}-{number}")

    threads = [threading.Thread(target=run, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["summary"] for event in sent(receiver)) == sorted(
        f"{thread}-{number}" for thread in range(8) for number in range(1250)
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_a_forked_child_sends_too(receiver, fire_and_forget):
    """Parent and child both deliver after a fork, each with its own process id, once."""
    code = """
import os, sys
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.fire_and_forget_mode = sys.argv[2] == "True"
msg.send("before")
pid = os.fork()
msg.send("parent" if pid else "child")
assert mozdef.flush(20)
if not pid:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    run_code(code, receiver.url, str(fire_and_forget))
    assert sorted(receiver.summaries()) == ["before", "child", "parent"]
    pids = {event["summary"]: event["processid"] for event in receiver.events()}
    assert pids["before"] == pids["parent"] != pids["child"]
    connections = {
        event["summary"]: request.connection
        for request in receiver.accepted
        for event in request.events()
    }
    assert connections["before"] == connections["parent"] != connections["child"]


def test_requests_futures_is_not_needed(receiver):
    """Without requests_futures and boto3 events are sent, in both modes and without an error."""
    code = """
import sys
sys.modules["requests_futures"] = sys.modules["boto3"] = None
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.send("forgotten")
assert mozdef.flush(20)
msg.fire_and_forget_mode = False
msg.send("awaited")
"""
    run_code(code, receiver.url)
    assert receiver.summaries() == ["forgotten", "awaited"]


def test_no_warnings_are_shown(receiver):
    """A program that shows every warning sees none."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.send("forgotten")
msg.fire_and_forget_mode = False
msg.send("awaited")
"""
    _, stderr = run_code(code, receiver.url, PYTHONWARNINGS="always")
    assert stderr == ""


def test_importing_loads_nothing_heavy():
    """Importing loads neither requests nor boto3: whoever sends does."""
    code = """
import sys
import structlog_mozdef.compat
print(*sorted({"requests", "boto3", "pytz", "requests_futures"} & set(sys.modules)))
"""
    assert run_code(code)[0].strip() == ""
