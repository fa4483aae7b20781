"""Code written for mozdef_lib's MozDefMsg runs unchanged, without its bugs."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from support.compat_receivers import only, own_delivery, sent
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._log_attribute import attributes_set
from structlog_mozdef.process import identity


def test_all_fields(receiver):
    """An event has MozDef's ten keys, with what the program and the process determine."""
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
    """The arguments of `send`: summary, category, severity, tags, details and source."""
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
    """The constructor accepts the order of mozdef_lib and of mozdef_client, and names."""
    mozdef.MozDefMsg(receiver.url, *arguments, **options).send()
    event = only(receiver)
    names = ("summary", "category", "severity", "tags", "details", "source")
    assert tuple(event[name] for name in names) == (*LIB, source)


def test_constructor_without_source_and_tags(receiver):
    """In mozdef_client's order the details come last, even if all others are None."""
    mozdef.MozDefMsg(receiver.url, "s", "c", "INFO", None, None, {"d": 1}).send()
    event = only(receiver)
    assert (event["source"], event["tags"], event["details"]) == ("mozdef_client", [], {"d": 1})


@pytest.mark.parametrize("name", ["mozdef_hostname", "hostname"])
def test_url_by_name(receiver, name):
    """The URL can be given by the name that it has in either client."""
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
    """Arguments that cannot be an event raise MozDefError with the old message, in both modes."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.fire_and_forget_mode = fire_and_forget
    with pytest.raises(mozdef.MozDefError) as raised:
        msg.send(**options)
    assert (str(raised.value).strip("'"), raised.value.msg) == (message, message)


def test_error_class_is_the_package_s():
    """The error of the old classes is the package's MozDefError."""
    from structlog_mozdef import MozDefError

    assert mozdef.MozDefError is MozDefError


def test_error_class_of_programs():
    """A program can raise the error as mozdef_client's, by name, and set its message."""
    error = mozdef.MozDefError(msg="one")
    assert (error.msg, str(error)) == ("one", "one")
    error.msg = "two"
    assert (error.msg, str(error), str(pickle.loads(pickle.dumps(error)))) == ("two", "two", "two")


def test_each_send_has_its_own_timestamp(receiver):
    """An event has the time at which it was sent, not that of the import or of the instance."""
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
        "1395184831.0",
        "Tue, 18 Mar 2014 19:20:31 EDT",
        datetime.fromtimestamp(1395184831).isoformat(),
    ],
    ids=["datetime", "digits", "milliseconds", "nanoseconds", "time.time", "zone name", "naive"],
)
def test_timestamps_that_mozdef_would_misread(receiver, moment):
    """A time that would make MozDef drop the event, or that it would misread, becomes exact."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["timestamp"] = moment
    msg.send("hello")
    read = datetime.fromisoformat(only(receiver)["timestamp"])
    assert (read.timestamp(), read.tzinfo is None) == (1395184831, False)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (0.5, "1970-01-01T00:00:00.500000+00:00"),
        (5, "1970-01-01T00:00:05.000000+00:00"),
        (-5, "1969-12-31T23:59:55.000000+00:00"),
        (999_999_999, "2001-09-09T01:46:39.000000+00:00"),
        ("0.5", "1970-01-01T00:00:00.500000+00:00"),
        ("2014-077", "2014-03-18T00:00:00.000000+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000+00:00"),
        ("2016-12-31 24:00:00+01:00", "2017-01-01T00:00:00.000000+01:00"),
        ("31/Dec/2016:23:59:60 +0000", "31/Dec/2016:23:59:59 +0000"),
        ("Dec 31 24:00:00", "Dec 31 23:59:59"),
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00.000000+00:00"),
        ("9999-12-31T23:00:00-05:00", "9999-12-31T23:00:00.000000+00:00"),
        ("18/Mar/2014:23:20:31 +0000", "18/Mar/2014:23:20:31 +0000"),
        ("Mar 18 23:20:31", "Mar 18 23:20:31"),
        ("2014/03/18 10:20:30", "2014/03/18 10:20:30"),
        ("18.03.2014", "18.03.2014"),
    ],
)
def test_numbers_and_texts_that_mozdef_would_drop(receiver, moment, expected):
    """A number of another size than MozDef knows becomes exact; a text that it reads stays."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["timestamp"] = moment
    msg.send("hello")
    assert only(receiver)["timestamp"] == expected


@pytest.mark.parametrize(
    "moment",
    [
        None,
        "10.0.0.1",
        "Monday",
        "May",
        " 7 o'clock",
        "the 2 suns are up",
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
    """The current time replaces a value that is not a time."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["timestamp"] = moment
    msg.send("hello")
    age = datetime.now(UTC) - datetime.fromisoformat(only(receiver)["timestamp"])
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_internal_tags_and_details_are_added(receiver):
    """Tags and details in `log` are added to those of the instance; none is lost."""
    msg = mozdef.MozDefMsg(receiver.url, tags=["own"], details={"own": 1})
    msg.log["tags"].append("logged")
    msg.log["details"]["logged"] = 2
    msg.send("hello")
    event = only(receiver)
    assert (event["tags"], event["details"]) == (["own", "logged"], {"own": 1, "logged": 2})


def test_arguments_count_before_internal_attributes(receiver):
    """The arguments of `send` win over `log`."""
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
    """A new `log` counts, and the missing attributes are added."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log = {"vuln": {"cvss": 8.5}}
    msg.send("hello")
    event = only(receiver)
    assert (event["vuln"], event["hostname"]) == ({"cvss": 8.5}, identity.hostname())


@pytest.mark.parametrize("log", [None, {}, {"tags": None, "details": None, "category": None}])
def test_log_without_anything(receiver, log):
    """With an empty `log`, the instance determines everything."""
    msg = mozdef.MozDefMsg(receiver.url, category="c", tags=["t"], details={"d": 1})
    msg.log = log
    msg.send("hello")
    event = only(receiver)
    assert (event["category"], event["tags"], event["details"]) == ("c", ["t"], {"d": 1})


def test_log_that_is_not_a_dict():
    """A `log` that is not a dict raises MozDefError."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.log = "text"
    with pytest.raises(mozdef.MozDefError, match="log must be a dict"):
        msg.send("hello")


def test_log_of_the_class_can_be_read_and_added_to(receiver):
    """`log` of the class is a dict of what is sent; what is changed in it is in every event."""

    class Msg(mozdef.MozDefMsg):
        log = type(vars(mozdef.MozDefMsg)["log"])()

    names = ("hostname", "processid", "processname", "severity", "category", "summary")
    assert type(Msg.log) is dict
    assert [dict(Msg.log)[name] for name in names] == [
        identity.hostname(),
        os.getpid(),
        sys.argv[0],
        "INFO",
        "event",
        None,
    ]
    assert "x" not in Msg.log
    assert json.loads(json.dumps(Msg.log)).keys() == Msg.log.keys()
    Msg.log["tags"].append("class")
    Msg.log["details"]["class"] = 1
    msg = Msg(receiver.url, tags=["own"])
    msg.log["tags"].append("logged")
    msg.send("hello")
    event = only(receiver)
    assert (event["tags"], event["details"]) == (["own", "class", "logged"], {"class": 1})


def test_log_of_the_class_that_was_only_read(receiver):
    """Reading `log` of the class sets nothing: each event has its own time."""

    class Msg(mozdef.MozDefMsg):
        log = type(vars(mozdef.MozDefMsg)["log"])()

    read = Msg.log["timestamp"]
    Msg(receiver.url, severity="ERROR").send("hello")
    event = only(receiver)
    assert (event["timestamp"] > read, event["severity"]) == (True, "ERROR")


def test_subclass_without_our_constructor(receiver):
    """A subclass that sets the URL itself has the tags and details of the class, once."""

    class Msg(mozdef.MozDefMsg):
        log = {"tags": ["class"], "x": 1}  # noqa: RUF012

        def __init__(self):
            self.mozdef_hostname = receiver.url

    Msg().send("hello")
    event = only(receiver)
    assert (event["tags"], event["x"]) == (["class"], 1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda msg: pickle.loads(pickle.dumps(msg))])
def test_copies_set_nothing(copied, receiver):
    """A copy, perhaps in another process, sends its own process id and time."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["x"] = 1
    assert [log for log in attributes_set(copied(msg)) if log] == [{"x": 1}]


def test_instances_share_nothing(receiver):
    """What is set on one instance is not sent by another."""
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
    """Default lists and dicts are new for each instance."""
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
    """What is set on the class counts for its instances, unless an instance sets it too."""

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


def test_a_key_index_does_not_lose_the_event(receiver):
    """An event with a key "index", which MozDef's /_bulk loses, goes to /events."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["index"] = "mine"
    msg.send("hello")
    assert only(receiver)["index"] == "mine"
    assert [request.path for request in receiver.accepted] == ["/events"]


def test_events_are_sent_in_batches(receiver):
    """Events of several instances with the same settings are sent in one batch."""
    for number in range(50):
        mozdef.MozDefMsg(receiver.url).send(f"event {number}")
    assert len(sent(receiver)) == 50
    assert receiver.connections == 1
    assert {request.path for request in receiver.accepted} == {"/_bulk"}
    assert len(receiver.accepted) < 10


def test_no_batches_to_a_server_that_says_yes_to_everything():
    """A /_bulk beside a path that cannot exist, and is there as well, gets no event."""
    with Receiver(knows_paths=False) as receiver:
        mozdef.MozDefMsg(receiver.url).send("hello")
        assert only(receiver)["summary"] == "hello"
        assert receiver.accepted[-1].path == "/events"


def test_debug_prints_and_sends(receiver, capsys):
    """With `debug` the event is printed as JSON, and sent as without it."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.debug = True
    msg.send("hello", tags=["a"])
    printed = capsys.readouterr().out
    assert printed.count("\n") > 10
    assert json.loads(printed) == only(receiver)


@pytest.mark.parametrize("kind", ["message", "event"])
def test_settings_that_cannot_work_do_not_raise(kind, caplog):
    """In fire-and-forget mode an invalid URL is a warning, and `send` returns."""
    with own_delivery():
        if kind == "message":
            mozdef.MozDefMsg("localhost").send("hello")
        else:
            event = mozdef.MozDefEvent("localhost")
            event.summary = "hello"
            event.send()
    assert "an event was not sent: url is 'localhost'" in caplog.text
