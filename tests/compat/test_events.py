"""mozdef_client's message classes: their rules, without their bugs."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import pytest
from support.compat_documents import COMPLIANCE, VULNERABILITY
from support.compat_receivers import only, sent

import structlog_mozdef.compat as mozdef_client
from structlog_mozdef.process import identity


def without(document, path):
    """Return a copy of *document* without the value at *path*."""
    name, *rest = path
    copy = dict(document)
    if rest:
        copy[name] = without(document[name], rest)
    else:
        del copy[name]
    return copy


def test_event(receiver):
    """An event has MozDef's ten keys."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "a test message"
    event.tags = ["tag1", "tag2"]
    event.details = {"hostname": "test", "alert": True}
    event.send()
    stored = only(receiver)
    assert datetime.fromisoformat(stored.pop("timestamp")) <= datetime.now(UTC)
    assert stored == {
        "category": "event",
        "details": {"hostname": "test", "alert": True},
        "hostname": identity.hostname(),
        "processid": os.getpid(),
        "processname": sys.argv[0],
        "severity": "INFO",
        "source": "mozdef_client",
        "summary": "a test message",
        "tags": ["tag1", "tag2"],
    }


def test_modules_have_the_names_of_mozdef_client():
    """Each class is in the module where mozdef_client has it."""
    for module, name in {
        "asset_hint": "MozDefAssetHint",
        "compliance": "MozDefCompliance",
        "error": "MozDefError",
        "event": "MozDefEvent",
        "message": "MozDefMessage",
        "msg": "MozDefMsg",
        "rra": "MozDefRRA",
        "vulnerability": "MozDefVulnerability",
    }.items():
        home = getattr(mozdef_client, module)
        assert getattr(home, name) is getattr(mozdef_client, name)


def test_attributes_are_sent(receiver):
    """What is set on an event is sent, including its source."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "hello"
    event.timestamp = "2014-03-18T23:20:31+00:00"
    event.hostname = "host.example.com"
    event.source = "ldap"
    event.category = "authentication"
    event.severity = "alert"
    event.processname = "./login.py"
    event.processid = 7
    event.send()
    stored = only(receiver)
    names = (
        *("timestamp", "hostname", "source", "category", "severity"),
        *("processname", "processid"),
    )
    assert [stored[name] for name in names] == [
        "2014-03-18T23:20:31+00:00",
        "host.example.com",
        "ldap",
        "authentication",
        "ALERT",
        "./login.py",
        7,
    ]
    assert [getattr(event, name) for name in names] == [stored[name] for name in names]


def test_setters_and_attributes_are_the_same():
    """What a setter of mozdef_client sets can be read as an attribute."""
    event = mozdef_client.MozDefEvent("url")
    event.set_category("authentication")
    event.set_severity(event.SEVERITY_ALERT)
    assert (event.category, event.severity) == ("authentication", "ALERT")


def test_private_names_of_mozdef_client(receiver):
    """Subclasses set their category, and programs their source, under mozdef_client's own names."""

    class Login(mozdef_client.MozDefEvent):
        def __init__(self, url):
            mozdef_client.MozDefEvent.__init__(self, url)
            self._category = "login"

    event = Login(receiver.url)
    assert (event._source, event._process_id, event._process_name) == (
        None,
        os.getpid(),
        sys.argv[0],
    )
    event.summary = "hello"
    event._source, event._process_id, event._process_name = "ldap", 7, "./login.py"
    event.send()
    stored = only(receiver)
    names = ("category", "source", "processid", "processname")
    assert [stored[name] for name in names] == ["login", "ldap", 7, "./login.py"]
    assert event._category == event.category == "login"


@pytest.mark.parametrize(
    ("severity", "stored"), [(99, "INFO"), (-1, "INFO"), (None, "INFO"), ("error", "ERROR")]
)
def test_severity_that_was_set_directly(severity, stored):
    """A number that is not a severity means INFO."""
    event = mozdef_client.MozDefEvent("url")
    event._severity = severity
    event.construct()
    assert event._sendlog["severity"] == stored


def test_constants():
    """The constants have mozdef_client's names and values."""
    names = ["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"]
    kinds = ["NONE", "EVENT", "COMPLIANCE", "VULNERABILITY", "ASSETHINT", "RRA"]
    event = mozdef_client.MozDefEvent
    assert [getattr(event, f"SEVERITY_{name}") for name in names] == list(range(8))
    assert [getattr(event, f"MSGTYPE_{kind}") for kind in kinds] == list(range(6))


@pytest.mark.parametrize(
    ("given", "stored"),
    [("CRITICAL", "CRITICAL"), ("critical", "CRITICAL"), ("warn", "WARNING"), ("odd", "INFO")],
)
@pytest.mark.parametrize("setter", ["set_severity_from_string", "set_severity"])
def test_severity_from_string(given, stored, setter):
    """A severity can be in upper or lower case; an unknown one means INFO."""
    event = mozdef_client.MozDefEvent("url")
    getattr(event, setter)(given)
    event.construct()
    assert event._sendlog["severity"] == stored


def test_two_events_share_nothing():
    """Each event has its own tags and details."""
    one, other = mozdef_client.MozDefEvent("url"), mozdef_client.MozDefEvent("url")
    one.tags.append("one")
    one.details["one"] = 1
    assert (other.tags, other.details) == ([], {})


def test_construct_changes_nothing_shared():
    """Constructing changes neither the given log nor the details."""
    event = mozdef_client.MozDefEvent("url")
    log = {"custom": 1}
    event.set_simple_update_log(log)
    event.details = {"a": 1}
    event.construct()
    event._sendlog["details"]["b"] = 2
    event._sendlog["c"] = 3
    assert (log, event.details) == ({"custom": 1}, {"a": 1})


def test_update_log_is_sent(receiver):
    """Other keys of the simple log are sent at top level."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "hello"
    event.set_simple_update_log({"custom": {"a": [1]}})
    event.send()
    assert only(receiver)["custom"] == {"a": [1]}


def test_a_key_index_does_not_lose_the_event(receiver):
    """An event with a key "index", which MozDef's /_bulk loses, goes to /events."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "hello"
    event.set_simple_update_log({"index": "mine"})
    event.set_fire_and_forget(True)
    event.send()
    assert mozdef_client.flush(20)
    assert [(request.path, request.events()[0]["index"]) for request in receiver.accepted] == [
        ("/events", "mine")
    ]


@pytest.mark.parametrize(
    ("tags", "stored"), [(None, []), ("one", ["one"]), (("a", 1), ["a", "1"]), (7, ["7"])]
)
def test_tags_that_would_drop_the_event(receiver, tags, stored):
    """Tags become the list of strings that MozDef needs."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "hello"
    event.tags = tags
    event.send()
    assert only(receiver)["tags"] == stored


@pytest.mark.parametrize(("details", "stored"), [(None, {}), ("text", {"message": "text"})])
def test_details_that_are_not_an_object(receiver, details, stored):
    """Details become an object."""
    event = mozdef_client.MozDefEvent(receiver.url)
    event.summary = "hello"
    event.details = details
    event.send()
    assert only(receiver)["details"] == stored


@pytest.mark.parametrize("summary", [None, ""])
@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_an_event_needs_a_summary(summary, fire_and_forget):
    """Without a summary an event is not valid, and is not sent in either mode."""
    event = mozdef_client.MozDefEvent("http://127.0.0.1:9/events")
    event.summary = summary
    event.set_fire_and_forget(fire_and_forget)
    with pytest.raises(mozdef_client.MozDefError, match="message failed validation"):
        event.send()


def test_the_base_class_cannot_be_sent():
    """A message of the base class raises an error that says what is missing."""
    message = mozdef_client.MozDefMessage("url")
    with pytest.raises(mozdef_client.MozDefError, match=r"must override construct\(\)"):
        message.send()


def test_subclasses_of_programs(receiver):
    """A subclass can construct its own document and validate it."""

    class Login(mozdef_client.MozDefEvent):
        def construct(self):
            super().construct()
            self._sendlog["customendpoint"] = True

        def validate_log(self):
            return "user" in self._sendlog["details"]

    event = Login(receiver.url)
    event.summary = "login"
    with pytest.raises(mozdef_client.MozDefError, match="post construct validation"):
        event.send()
    event.details = {"user": "kang"}
    event.send()
    assert only(receiver)["customendpoint"] is True


def test_compliance(receiver):
    """A compliance item is an event of the category "complianceitems"."""
    item = mozdef_client.MozDefCompliance(receiver.url)
    item.summary = "compliance item"
    item.details = COMPLIANCE
    item.send()
    stored = only(receiver)
    assert (stored["category"], stored["details"]) == ("complianceitems", COMPLIANCE)


@pytest.mark.parametrize(
    "path",
    [[name] for name in COMPLIANCE if name != "tags"]
    + [["policy", name] for name in COMPLIANCE["policy"]]
    + [["check", name] for name in ("test", "location", "name", "description")]
    + [["check", "test", name] for name in ("type", "value")],
    ids=".".join,
)
def test_compliance_is_validated(path):
    """A compliance item without a required key is not sent."""
    item = mozdef_client.MozDefCompliance("http://127.0.0.1:9/events")
    item.summary = "compliance item"
    item.details = without(COMPLIANCE, path)
    with pytest.raises(mozdef_client.MozDefError, match="post construct validation"):
        item.send()


@pytest.mark.parametrize(
    "details", [None, {}, {**COMPLIANCE, "policy": None}, {**COMPLIANCE, "check": {"test": 1}}]
)
def test_compliance_of_odd_types(details):
    """A compliance item whose parts are not objects is invalid, not a crash."""
    item = mozdef_client.MozDefCompliance("url")
    item.details = details
    item.construct()
    assert item.validate_log() is False


def test_vulnerability_is_sent_as_it_is(receiver):
    """The document of a vulnerability arrives unchanged, and nothing is added."""
    vulnerability = mozdef_client.MozDefVulnerability(f"{receiver.base}/custom/vulnerability")
    vulnerability.log = VULNERABILITY
    vulnerability.send()
    assert (sent(receiver), receiver.accepted[0].path) == (
        [VULNERABILITY],
        "/custom/vulnerability",
    )


def test_large_vulnerability_is_sent_as_it_is(receiver):
    """A document of 60 kB arrives unchanged."""
    document = {**VULNERABILITY, "success": "perhaps", "more": ["CVE-2013-1900"] * 4000}
    vulnerability = mozdef_client.MozDefVulnerability(receiver.url)
    vulnerability.log = document
    vulnerability.send()
    assert sent(receiver) == [document]


@pytest.mark.parametrize("log", [None, "text", [], {**VULNERABILITY, "asset": None}])
def test_vulnerability_of_odd_types(log):
    """A value that is not a vulnerability's document is invalid, not a crash."""
    vulnerability = mozdef_client.MozDefVulnerability("http://127.0.0.1:9/events")
    vulnerability.log = log
    with pytest.raises(mozdef_client.MozDefError, match="post construct validation"):
        vulnerability.send()


def test_a_document_that_is_too_large_says_what_is_missing(receiver):
    """A document of 200 kB is truncated, and says so at top level."""
    vulnerability = mozdef_client.MozDefVulnerability(f"{receiver.base}/custom/vulnerability")
    vulnerability.log = {**VULNERABILITY, "truncated": "mine", "more": ["CVE-2013-1900"] * 13_000}
    vulnerability.send()
    ((stored,), (request,)) = (sent(receiver), receiver.accepted)
    assert len(request.body) < 100_000
    assert (stored["vuln"], stored["truncated_2"]) == (VULNERABILITY["vuln"], "mine")
    assert stored["truncated"]["fields"] == ["more"]


@pytest.mark.parametrize(
    "path",
    [[name] for name in VULNERABILITY]
    + [[part, name] for part in ("asset", "vuln") for name in VULNERABILITY[part]],
    ids=".".join,
)
def test_vulnerability_is_validated(path):
    """A vulnerability without a required key is not sent."""
    vulnerability = mozdef_client.MozDefVulnerability("http://127.0.0.1:9/events")
    vulnerability.log = without(VULNERABILITY, path)
    with pytest.raises(mozdef_client.MozDefError, match="post construct validation"):
        vulnerability.send()


def test_vulnerability_is_a_copy():
    """Constructing copies the program's document."""
    vulnerability = mozdef_client.MozDefVulnerability("url")
    vulnerability.log = dict(VULNERABILITY)
    vulnerability.construct()
    vulnerability._sendlog["x"] = 1
    assert vulnerability.log == VULNERABILITY


def test_asset_hint(receiver):
    """An asset hint needs details, and has its own category."""
    hint = mozdef_client.MozDefAssetHint(receiver.url)
    hint.summary = "an asset hint event"
    assert hint.validate() is False
    hint.details = {"hostname": "test"}
    hint.send()
    assert only(receiver)["category"] == "asset_hint"


def test_rra(receiver):
    """An assessment needs details, and sets its category itself."""
    rra = mozdef_client.MozDefRRA(receiver.url)
    rra.summary = "an RRA event"
    assert rra.validate() is False
    rra.details = {"metadata": {"service": "test"}}
    rra.send()
    assert only(receiver)["category"] == "rra_data"
    rra.category = "event"
    assert rra.validate() is False
