"""An event dict becomes one JSON object with MozDef's ten top-level keys, and loses nothing."""

import collections
import enum
import logging
import uuid

import numpy as np
import orjson
import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import hostile

from structlog_mozdef import SEVERITIES, MozDefRenderer

KEYS = {"category", "details", "hostname", "processid", "processname"}
KEYS |= {"severity", "source", "summary", "tags", "timestamp"}

FIELDS = ["category", "hostname", "level", "logger", "processid", "processname", "severity"]
FIELDS += ["source", "tags", "timestamp", "details", "exc_info", "exception", "stack_info"]
FIELDS += ["success", "sourceipaddress", "_record"]


def event_of(event_dict=None, /, method="info", logger=None, renderer=None, **fields):
    encoded = (renderer or MozDefRenderer())(logger, method, {**(event_dict or {}), **fields})
    assert type(encoded) is bytes
    assert b"\n" not in encoded
    return orjson.loads(encoded)


class Named:
    name = "its.name"


def test_every_field_finds_its_place():
    """The fields that MozDef knows go to the top, all others under details."""
    event = event_of(
        event="User logged in",
        level="warning",
        category="authentication",
        source="ldap",
        tags=["a"],
        hostname="h.example.com",
        processid=7,
        processname="sshd",
        timestamp="2026-01-02T03:04:05.000006+00:00",
        username="kang",
        summary="mine",
    )
    assert event == {
        "category": "authentication",
        "details": {"username": "kang", "summary": "mine"},
        "hostname": "h.example.com",
        "processid": 7,
        "processname": "sshd",
        "severity": "WARNING",
        "source": "ldap",
        "summary": "User logged in",
        "tags": ["a"],
        "timestamp": "2026-01-02T03:04:05.000006+00:00",
    }


def test_empty_event_is_complete():
    """An event dict without anything becomes an event with all ten fields."""
    assert set(event_of()) == KEYS


@pytest.mark.parametrize("key", ["index", "tag", "pid", "host", "Summary", "@timestamp", "payload"])
def test_alias_is_no_top_level_key(key):
    """A name that MozDef would read as another field stays a detail."""
    event = event_of({key: "x"})
    assert (set(event), event["details"]) == (KEYS, {key: "x"})


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*sorted(KEYS), "event", "level", *FIELDS, "_from_structlog", "error", ""])
        | st.text(st.characters(), max_size=4),
        hostile.ANYTHING,
        max_size=8,
    )
)
@example({"level": []})
@example({"tags": hostile.Named("list subclass")})
@example({"success": hostile.Named("everything raises"), "event": "kept"})
def test_any_event_dict_has_the_form(event_dict):
    """Whatever an event dict holds, there are ten top-level keys, and no exception."""
    assert set(event_of(hostile.made(event_dict))) == KEYS


@pytest.mark.parametrize("name", hostile.VALUES)
@pytest.mark.parametrize("field", FIELDS)
def test_hostile_field_keeps_the_others(field, name):
    """A hostile value in any known field costs neither the summary nor the details."""
    event = event_of({field: hostile.VALUES[name]()}, event="summary", username="kang")
    assert (event["summary"], event["details"]["username"]) == ("summary", "kang")


@pytest.mark.parametrize("event_dict", [None, "text", b"bytes", 5, [1]])
def test_event_dict_that_is_none(event_dict):
    """The result of a wrong processor becomes an event, even if it is not an event dict."""
    assert set(orjson.loads(MozDefRenderer()(None, "info", event_dict))) == KEYS


def test_event_dict_of_another_kind():
    """Another context class than dict works as well."""
    mapping = collections.UserDict({"event": "summary", "a": uuid.UUID(int=1)})
    event = orjson.loads(MozDefRenderer()(None, "info", mapping))
    assert (event["summary"], event["details"]) == ("summary", {"a": str(uuid.UUID(int=1))})


class Custom(enum.Enum):
    HIGH = "error"


@pytest.mark.parametrize("level", [*SEVERITIES, *(name.lower() for name in SEVERITIES)])
def test_level_is_the_severity(level):
    """Each severity is understood in upper and lower case, and the level is not a detail."""
    event = event_of(level=level)
    assert (event["severity"], event["details"]) == (level.upper(), {})


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("warn", "WARNING"),
        ("fatal", "CRITICAL"),
        ("exception", "ERROR"),
        ("emerg", "EMERGENCY"),
        ("trace", "DEBUG"),
        (" Error ", "ERROR"),
        (logging.ERROR, "ERROR"),
        (np.int64(30), "WARNING"),
        (Custom.HIGH, "ERROR"),
    ],
)
def test_aliases_of_severities(level, severity):
    """Other names of a severity, and the standard library's numbers, are understood."""
    event = event_of(severity=level)
    assert (event["severity"], event["details"]) == (severity, {})


@pytest.mark.parametrize("field", ["level", "severity"])
@pytest.mark.parametrize("value", ["audit", 25, True, ["error"], ""])
def test_unknown_severity_is_kept(field, value):
    """A severity that MozDef does not know becomes INFO and stays among the details."""
    event = event_of({field: value}, method="error")
    assert (event["severity"], event["details"]) == ("INFO", {field: value})


def test_severity_counts_before_level():
    """A severity that is given beats the level, which beats the method."""
    assert event_of(method="debug", level="info", severity="alert")["severity"] == "ALERT"


def test_level_counts_before_method():
    """The level of the event beats the name of the method."""
    assert event_of(method="debug", level="error")["severity"] == "ERROR"


@pytest.mark.parametrize(
    ("method", "severity"),
    [
        ("exception", "ERROR"),
        ("warn", "WARNING"),
        ("fatal", "CRITICAL"),
        ("msg", "INFO"),
        ("notice", "NOTICE"),
        ("unheard_of", "INFO"),
    ],
)
def test_method_is_the_severity(method, severity):
    """Without a level the method's name counts."""
    assert event_of(method=method)["severity"] == severity


def test_logger_name_is_the_source():
    """The name of the logger is the source where none is given."""
    event = event_of(logger=Named(), renderer=MozDefRenderer())
    assert event["source"] == "its.name"


def test_logger_field_is_the_source():
    """The field "logger" counts before the logger's own name, and is not a detail."""
    event = event_of({"logger": "field"}, logger=Named())
    assert (event["source"], event["details"]) == ("field", {})


def test_configured_source_keeps_the_logger():
    """With a source of its own, the renderer leaves the name of the logger among the details."""
    event = event_of({"logger": "field"}, renderer=MozDefRenderer(source="mine"))
    assert (event["source"], event["details"]) == ("mine", {"logger": "field"})


def test_given_details_are_merged():
    """``details={...}`` and keyword arguments stand side by side."""
    assert event_of(a=1, details={"b": 2})["details"] == {"a": 1, "b": 2}


def test_clash_of_names_loses_nothing():
    """Two values of one name are both kept."""
    assert event_of(a=1, details={"a": 2, 1: 3})["details"] == {"a": 1, "a_2": 2, "1": 3}


def test_same_value_twice_is_there_once():
    """The same value twice is kept once."""
    assert event_of(a=1, details={"a": 1})["details"] == {"a": 1}


def test_details_named_like_fields_stay_details():
    """A name within details= is a detail, whatever it is."""
    event = event_of(details={"severity": "x", "hostname": "y"})
    assert event["details"] == {"severity": "x", "hostname": "y"}


@pytest.mark.parametrize("value", ["text", 5, [1]])
def test_details_that_are_no_object(value):
    """Details that are not an object become details.message, as in MozDef itself."""
    assert event_of(details=value)["details"] == {"message": value}


def test_given_details_are_not_changed():
    """The caller's own details are as before."""
    given = {"b": 2}
    event_of(a=1, details=given, sourceipaddress="no address")
    assert given == {"b": 2}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("one", ["one"]),
        (("a", 5, None), ["a", "5"]),
        ({"a"}, ["a"]),
        (None, []),
        (5, ["5"]),
        pytest.param([hostile.Text("x")], ["x"], id="str subclass"),
    ],
)
def test_tags_are_texts(tags, expected):
    """Tags are always a list of strings: MozDef drops the event for a number."""
    assert event_of(tags=tags)["tags"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [("7", 7), (np.int64(7), 7), ("unit-7", "unit-7"), (True, "True"), (2**70, str(2**70))],
)
def test_process_id_is_a_number(given, expected):
    """A process id is a number where it can be one."""
    assert event_of(processid=given)["processid"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, {"success": True}),
        (1, {"success": True}),
        (0.0, {"success": False}),
        (np.True_, {"success": True}),
        ("true", {"success": "true"}),
        ("yes", {"success_text": "yes"}),
        ([True], {"success_text": "[True]"}),
        (np.array([1, 2]), {"success_text": "array([1, 2])"}),
        (None, {"success": None}),
    ],
)
def test_success_is_a_boolean(given, expected):
    """Elasticsearch rejects an event whose success is not a boolean: other values are renamed."""
    assert event_of(success=given)["details"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("10.0.0.7", {"sourceipaddress": "10.0.0.7"}),
        ("::1", {"sourceipaddress": "::1"}),
        ("fe80::1%eth0", {"sourceipaddress_text": "fe80::1%eth0"}),
        ("unknown", {"sourceipaddress_text": "unknown"}),
        (5, {"sourceipaddress_text": "5"}),
        pytest.param(hostile.Text("::1"), {"sourceipaddress": "::1"}, id="str subclass"),
        (["::1", "10.0.0.7"], {"sourceipaddress": ["::1", "10.0.0.7"]}),
        (["::1", "x"], {"sourceipaddress_text": "['::1', 'x']"}),
    ],
)
def test_address_is_an_address(given, expected):
    """Elasticsearch rejects an event whose address is invalid: other values are renamed."""
    assert event_of(sourceipaddress=given)["details"] == expected


def test_typed_detail_under_an_odd_key():
    """A field that gets the name of a typed one only by repair is checked as well."""
    assert event_of({b"success": "maybe"})["details"] == {"success_text": "maybe"}


@pytest.mark.parametrize("name", ["message", "msg", "summary"])
def test_renamed_event_is_the_summary(name):
    """If another processor has renamed "event", its value is the summary all the same."""
    assert event_of({name: "text"})["summary"] == "text"


def test_newlines_stay_in_one_line():
    """A string of several lines is written in one."""
    assert event_of(event="a\nb", c="d\r\ne")["details"] == {"c": "d\r\ne"}


@pytest.mark.parametrize("option", ["category", "source"])
@pytest.mark.parametrize("value", ["", 5, b"x", []])
def test_bad_option_is_named(option, value):
    """An option that cannot work is rejected in a sentence that names its value."""
    with pytest.raises(ValueError, match=f"{option} is .*; it must be"):
        MozDefRenderer(**{option: value})


def test_fields_of_other_processors_are_kept():
    """Each field that structlog's own processors add is either understood or a detail."""
    processors = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_log_level_number,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.CallsiteParameterAdder(
            {structlog.processors.CallsiteParameter.FUNC_NAME}
        ),
    ]
    event_dict = {"event": "x"}
    for processor in processors:
        event_dict = processor(None, "warning", event_dict)
    moment = event_dict["timestamp"]
    event = event_of(event_dict)
    assert (event["severity"], event["details"].keys(), event["timestamp"][:26]) == (
        "WARNING",
        {"level_number", "func_name"},
        moment[:26],
    )
