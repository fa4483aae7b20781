"""Values that JSON, MozDef or Elasticsearch would not accept as they are, given to MozDefMsg."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support import hostile
from support.compat_receivers import only, sent

import structlog_mozdef.compat as mozdef


def is_plain(kind):
    """Return whether *kind* is a class of `hostile` that needs no arguments."""
    if type(kind) is not type and type(kind) is not hostile.Meta:
        return False
    try:
        kind()
    except Exception:
        return False
    return not issubclass(kind, BaseException) and kind.__module__ == hostile.__name__


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
    """A severity can be in upper or lower case; an unknown one is sent unchanged."""
    mozdef.MozDefMsg(receiver.url).send("hello", severity=given)
    assert only(receiver)["severity"] == stored


def test_values_that_are_not_json(receiver):
    """Details for which the old clients raised, or sent invalid JSON, arrive repaired."""
    details = {"when": datetime(2014, 3, 18, tzinfo=UTC), "nan": float("nan"), "s": {"a"}}
    mozdef.MozDefMsg(receiver.url).send("lone \ud800", details=details)
    event = only(receiver)
    assert (event["summary"], event["details"]) == (
        "lone \\ud800",
        {"when": "2014-03-18T00:00:00.000000+00:00", "nan": None, "s": ["a"]},
    )


def test_details_that_the_index_would_refuse(receiver):
    """A string that is not an address is kept, under a name that MozDef's index has no type for."""
    mozdef.MozDefMsg(receiver.url).send("hello", details={"sourceipaddress": "unknown"})
    assert only(receiver)["details"] == {"sourceipaddress_text": "unknown"}


def test_custom_documents_are_not_changed(receiver):
    """An event with other keys at top level is sent unchanged to /custom, whatever the values."""
    msg = mozdef.MozDefMsg(f"{receiver.base}/custom/vulnerability")
    custom = {"asset": {"ipv4address": "1.2.3.4", "list": [1, [2, None]]}, "success": "perhaps"}
    msg.log.update(custom)
    msg.send("hello", details={"sourceipaddress": "unknown"})
    event = only(receiver)
    assert {name: event[name] for name in custom} == custom
    assert event["details"] == {"sourceipaddress": "unknown"}
    assert {request.path for request in receiver.accepted} == {"/custom/vulnerability"}


def test_own_fields_beside_custom_ones_are_repaired(receiver):
    """On /events an event with other keys is repaired as well: it would be lost."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["success"] = "perhaps"
    msg.send("hello", details={"sourceipaddress": "unknown"})
    event = only(receiver)
    assert (event["success"], event["details"]) == (
        "perhaps",
        {"sourceipaddress_text": "unknown"},
    )


def test_the_url_does_not_count_for_a_queue(capsys):
    """An event for SQS is repaired, whatever the unused URL is."""
    msg = mozdef.MozDefMsg("https://127.0.0.1/custom/thing")
    msg.sendToSqs = msg.debug = True
    msg.log["x"] = 1
    msg.send("hello", details={"sourceipaddress": "unknown"})
    assert json.loads(capsys.readouterr().out)["details"] == {"sourceipaddress_text": "unknown"}


@pytest.mark.parametrize("custom", [{}, {"x": 1}])
def test_objects_instead_of_strings(receiver, custom):
    """Fields whose type would make Elasticsearch refuse the event become strings."""
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


def test_large_custom_documents_are_truncated(receiver):
    """A document that is too large says at top level what was truncated; the rest is unchanged."""
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
    """`send` does not raise for objects whose methods raise, and the event arrives."""
    value = vars(hostile)[name]()
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log.update({"timestamp": value, "hostname": value, "x": [value]})
    msg.send(value, value, value, [value], {"d": value}, value)
    mozdef.MozDefMsg(receiver.url).send("plain", details={"d": value}, tags=[value])
    assert len(sent(receiver)) == 2


def test_custom_values_that_are_not_json(receiver):
    """Odd values at top level become valid JSON."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log.update({"nan": float("nan"), "set": {1}, "huge": 2**70, 5: None})
    msg.send("hello")
    event = only(receiver)
    assert [event[name] for name in ("nan", "set", "huge", "5")] == [None, [1], str(2**70), None]


def test_keys_are_sorted(receiver):
    """The keys are in the order of the old clients: the last of several aliases counts."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.log["priority"] = "LOW"
    msg.send("hello", severity="ERROR")
    event = only(receiver)
    assert list(event) == sorted(event)
