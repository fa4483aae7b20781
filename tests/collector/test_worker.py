"""What MozDef's worker and Elasticsearch make of an event."""

import copy
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.worker import apply

RECEIVED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

EVENT = {
    "category": "authentication",
    "details": {"uid": 0, "username": "kang"},
    "hostname": "blah.private.scl3.mozilla.com",
    "processid": 14619,
    "processname": "./mozdef.py",
    "severity": "CRITICAL",
    "source": "ldap",
    "summary": "new test msg",
    "tags": ["bro", "auth"],
    "timestamp": "2014-03-18T23:20:31.013344+00:00",
}


def mapped(document, endpoint="_bulk", received=RECEIVED):
    return apply(document, endpoint, received, "mozdef.example.com")


def stored(document, endpoint="_bulk", received=RECEIVED):
    result = mapped(document, endpoint, received)
    assert result.document is not None, result.differences
    return result.document


def differences(document, kind, field):
    return [f for f in mapped(document).differences if (f.kind, f.field) == (kind, field)]


def without(*names):
    return {key: value for key, value in EVENT.items() if key not in names}


def test_documented_event_is_stored():
    """MozDef's documented example is stored as it is, the process id as a text, and added to."""
    assert stored(EVENT) == {
        **EVENT,
        "processid": "14619",
        "type": "event",
        "receivedtimestamp": "2026-03-04T05:06:07+00:00",
        "utctimestamp": "2014-03-18T23:20:31.013344+00:00",
        "mozdefhostname": "mozdef.example.com",
    }


def test_documented_event_has_no_findings():
    """A right event is met without a word."""
    assert mapped(EVENT).differences == ()


def test_document_is_not_changed():
    """The mapping leaves the document that it is given alone."""
    document = {**copy.deepcopy(EVENT), "fields": {"a": 1}, "tag": ["x"], "details.b": "2"}
    before = copy.deepcopy(document)
    mapped(document)
    assert document == before


@pytest.mark.parametrize("key", ["username", "index", "eventsource", "receivedtimestamp", "taggs"])
def test_unknown_top_level_key_vanishes(key):
    """An unknown top-level key is not stored, and is reported."""
    document = {**EVENT, key: "value"}
    assert "value" not in stored(document).values()
    assert differences(document, "dropped", key)


@pytest.mark.parametrize("key", ["Summary", "@summary", "SUM@MARY"])
def test_top_level_names_are_lower_cased_and_lose_the_at_sign(key):
    """Case and @ do not matter in top-level names."""
    document = {**without("summary"), key: "text"}
    assert stored(document)["summary"] == "text"
    assert differences(document, "renamed", key)


def test_names_inside_details_are_kept():
    """Case and @ stay in the names inside details."""
    details = {"UserName": 1, "@x": 2, "a.b": {"C": 3}}
    assert stored({**EVENT, "details": details})["details"] == details


@pytest.mark.parametrize(
    "key", ["t", "a", "g", "s", "ta", "ag", "gs", "tag", "ags", "", "@", "Tag"]
)
def test_any_part_of_the_word_tags_becomes_a_tag(key):
    """A top-level key that is part of the word tags adds a tag."""
    document = {**EVENT, key: "extra"}
    assert stored(document)["tags"] == ["bro", "auth", "extra"]
    assert differences(document, "renamed", key)


@pytest.mark.parametrize("key", ["tags", "t", ""])
@pytest.mark.parametrize("value", [None, 0, 7, True, False, 1.5])
def test_tags_of_a_scalar_type_drop_the_event(key, value):
    """A number, a bool or None where tags belong costs the whole event."""
    document = {**without("tags"), key: value}
    assert mapped(document).document is None
    assert differences(document, "dropped", key)


@pytest.mark.parametrize(("value", "tags"), [("one", ["one"]), ("", []), ({}, []), ([1], [1])])
def test_tags_become_a_list(value, tags):
    """One tag becomes a list of one, an empty value none; a list stays."""
    assert stored({**EVENT, "tags": value})["tags"] == tags


@pytest.mark.parametrize("key", ["payload", "p", "y", "load", "pay", "ayl", "", "a", "PAY"])
def test_any_part_of_the_word_payload_goes_to_details(key):
    """Beside a summary, a part of the word payload ends in details.payload."""
    document = {**EVENT, key: "text"}
    assert stored(document)["details"]["payload"] == "text"
    assert stored(document)["summary"] == EVENT["summary"]
    assert differences(document, "renamed", key)


def test_payload_without_a_summary_is_the_summary():
    """A part of the word payload is the summary where there is none, or only an alias of it."""
    assert stored({**without("summary"), "message": "m", "load": "text"})["summary"] == "text"


ALIASES = {
    "severity": ["level", "priority", "severity"],
    "category": ["type", "eventtype", "category"],
    "source": ["facility", "source"],
    "summary": ["message", "summary"],
    "hostname": ["host", "hostname"],
    "processid": ["pid", "processid"],
    "processname": ["pname", "sourcename", "program", "processname"],
    "eventsource": ["logger", "path", "file"],
}


@pytest.mark.parametrize(
    ("field", "alias"), [(field, alias) for field, names in ALIASES.items() for alias in names]
)
def test_alias_is_stored_under_its_field(field, alias):
    """Each documented alias ends in its field."""
    assert stored({**without(field), alias: "VALUE"})[field] == "VALUE"


@pytest.mark.parametrize("order", [("level", "severity"), ("severity", "level")])
def test_last_alias_wins(order):
    """Of two names for one field the last in key order wins, and the loser is reported."""
    first, last = order
    document = {**without("severity"), first: "FIRST", last: "LAST"}
    assert stored(document)["severity"] == "LAST"
    assert differences(document, "mangled", first)


@pytest.mark.parametrize(("value", "text"), [("info", "INFO"), (None, "NONE"), (6, "6")])
def test_severity_is_an_upper_cased_text(value, text):
    """The severity is upper-cased, whatever its type."""
    assert stored({**EVENT, "severity": value})["severity"] == text


@pytest.mark.parametrize("key", ["pid", "processid"])
def test_process_id_becomes_a_text(key):
    """The process id is stored as a text."""
    assert stored({**without("processid"), key: 14619})["processid"] == "14619"


def test_text_of_another_type_is_reported():
    """A text field of another type is stored as Python writes it, and reported."""
    document = {**EVENT, "summary": {"a": None}}
    assert stored(document)["summary"] == "{'a': None}"
    assert differences(document, "mangled", "summary")


@pytest.mark.parametrize("value", ["text", 7, None, ["a"], True])
def test_details_that_are_no_object_become_a_message(value):
    """Whatever details holds instead of an object is found in details.message."""
    document = {**EVENT, "details": value}
    assert stored(document)["details"] == {"message": value}
    assert differences(document, "mangled", "details")


def test_fields_are_merged_into_details():
    """The object called fields joins details."""
    document = {**EVENT, "fields": {"uid": 1, "shell": "zsh"}}
    assert stored(document)["details"] == {"uid": 1, "username": "kang", "shell": "zsh"}
    assert differences(document, "renamed", "fields")


@pytest.mark.parametrize(
    ("key", "value", "name", "result"),
    [
        ("details.foo_int", "12", "foo_int", 12),
        ("fields.foo_int", 3.9, "foo_int", 3),
        ("details.Foo_Float", "1.5", "foo_float", 1.5),
        ("details.foo", 5, "foo", "5"),
    ],
)
def test_dotted_key_is_cast(key, value, name, result):
    """A top-level key details.NAME is moved into details, with the type that its name asks for."""
    assert stored({**EVENT, key: value})["details"][name] == result


@pytest.mark.parametrize("value", ["twelve", None, [], float("inf")])
def test_failing_cast_drops_the_event(value):
    """A value that cannot be cast costs the whole event."""
    document = {**EVENT, "details.foo_int": value}
    assert mapped(document).document is None
    assert differences(document, "dropped", "details.foo_int")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2014-03-18T23:20:31.013344+00:00", "2014-03-18T23:20:31.013344+00:00"),
        ("2014-03-18T23:20:31Z", "2014-03-18T23:20:31+00:00"),
        ("2014-03-18 16:20:31.5-07:00", "2014-03-18T23:20:31.500000+00:00"),
        ("2014-03-19T00:20:31.123456789+0100", "2014-03-18T23:20:31.123456+00:00"),
        ("Tue, 18 Mar 2014 23:20:31 +0000", "2014-03-18T23:20:31+00:00"),
        (1395184831, "2014-03-18T23:20:31+00:00"),
        (1395184831.5, "2014-03-18T23:20:31.500000+00:00"),
        (1395184831013, "2014-03-18T23:20:31.013000+00:00"),
        (1395184831013344, "2014-03-18T23:20:31.013344+00:00"),
        (1395184831013344789, "2014-03-18T23:20:31.013344+00:00"),
        (1210045573680191989, "2008-05-06T03:46:13.680191+00:00"),  # a float would round it up
        (0, "1970-01-01T00:00:00+00:00"),
    ],
)
def test_right_timestamp_is_stored_in_utc(value, time):
    """ISO 8601 with an offset, a mail date and an epoch number of any unit are read right."""
    document = {**EVENT, "timestamp": value}
    assert (stored(document)["timestamp"], stored(document)["utctimestamp"]) == (time, time)
    assert mapped(document).differences == ()


@pytest.mark.parametrize("key", ["date", "eventtime", "utctimestamp", "timestamp"])
def test_timestamp_aliases_set_both_times(key):
    """Each name of the timestamp sets timestamp and utctimestamp."""
    document = stored({**without("timestamp"), key: "2020-01-02T03:04:05Z"})
    assert document["timestamp"] == document["utctimestamp"] == "2020-01-02T03:04:05+00:00"


def test_naive_timestamp_is_read_in_the_zone_of_the_worker():
    """A timestamp without an offset is taken for the worker's local time, and reported."""
    zone = timezone(timedelta(hours=-8))
    document = {**EVENT, "timestamp": "2014-03-18T15:20:31"}
    received = RECEIVED.astimezone(zone)
    assert stored(document, received=received)["timestamp"] == "2014-03-18T23:20:31+00:00"
    assert differences(document, "mangled", "timestamp")


@pytest.mark.parametrize(
    "value",
    [
        "1395184831",
        "0",
        "²",
        "",
        "  ",
        None,
        True,
        False,
        "yesterday",
        "nan",
        [],
        {},
        -5,
        10**19,
        10**400,
        float("nan"),
        float("inf"),
        "2014-02-30T00:00:00Z",
        "2014-03-18T25:00:00Z",
        "2014-03-18T23:20:31+99:99",
        "9999-12-31T23:59:59-23:00",
    ],
)
def test_unreadable_timestamp_drops_the_event(value):
    """A timestamp that MozDef cannot read costs the whole event."""
    document = {**EVENT, "timestamp": value}
    assert mapped(document).document is None
    assert differences(document, "dropped", "timestamp")


@pytest.mark.parametrize("value", ["attempt 3 failed", "-5", "1.5", -0.5])
def test_text_with_a_number_gets_a_wrong_date(value):
    """A text that holds a number is stored with some date, and reported."""
    document = {**EVENT, "timestamp": value}
    assert datetime.fromisoformat(stored(document)["timestamp"]).tzinfo is not None
    assert differences(document, "mangled", "timestamp")


@pytest.mark.parametrize(
    "field",
    ["category", "hostname", "processid", "processname", "severity", "source", "summary"],
)
def test_missing_field_becomes_unknown(field):
    """A missing mandatory field is stored as UNKNOWN, and reported."""
    assert stored(without(field))[field] == "UNKNOWN"
    assert differences(without(field), "mangled", field)


def test_empty_event_is_stored():
    """An empty object makes a whole document of defaults."""
    document = stored({})
    assert document["timestamp"] == document["receivedtimestamp"] == RECEIVED.isoformat()
    assert (document["tags"], document["details"], document["type"]) == ([], {}, "event")


@pytest.mark.parametrize(("endpoint", "expected"), [("events", "events"), ("_bulk", None)])
def test_events_gain_their_endpoint(endpoint, expected):
    """Events that came by /events say so; those of /_bulk do not."""
    assert stored(EVENT, endpoint).get("endpoint") == expected


def test_custom_endpoint_skips_the_mapping():
    """A document of /custom/NAME keeps its keys and values, and gains NAME."""
    document = {"Anything": 1, "tags": 7, "timestamp": "yesterday"}
    result = stored(document, "custom/vulnerabilities")
    assert {**result, **document} == result
    assert result["endpoint"] == "vulnerabilities"


@pytest.mark.parametrize("document", [None, 1, "text", [EVENT], True])
def test_what_is_no_object_is_dropped(document):
    """Only JSON objects are events."""
    assert mapped(document).document is None
    assert mapped(document).differences[0].kind == "dropped"


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"x": float("nan")}, "details.x"),
        ({"x": [1, float("inf")]}, "details.x"),
        ({"x": "\ud800"}, "details.x"),
        ({"x": {"\udfff": 1}}, "details.x.\udfff"),
        ({"x": 2**63}, "details.x"),
        ({"x": {"y": [-(2**63) - 1]}}, "details.x.y"),
        ({"x": "a" * 32_767}, "details.x"),
        ({"x": "é" * 16_384}, "details.x"),
        ({"": 1}, "details."),
        ({"x": [{"": 1}]}, "details.x."),
        ({"sourceipaddress": "kang"}, "details.sourceipaddress"),
        ({"sourceipaddress": ""}, "details.sourceipaddress"),
        ({"sourceipaddress": 1}, "details.sourceipaddress"),
        ({"sourceipaddress": ["10.0.0.7", "10.0.0"]}, "details.sourceipaddress"),
        ({"sourceipaddress": "fe80::1%eth0"}, "details.sourceipaddress"),
        ({"success": "yes"}, "details.success"),
        ({"success": 1}, "details.success"),
        ({"success": {}}, "details.success"),
    ],
)
def test_elasticsearch_refuses(details, field):
    """What Elasticsearch refuses is not stored, and the field is named."""
    document = {**EVENT, "details": details}
    assert mapped(document).document is None
    assert differences(document, "refused", field)


@pytest.mark.parametrize(
    "details",
    [
        {"x": 2**63 - 1, "y": -(2**63), "z": 1e300},
        {"x": "a" * 32_766, "y": "é" * 16_383},
        {"x": "😀", "y": None, "z": [[], {}]},
        {"sourceipaddress": "10.0.0.7"},
        {"sourceipaddress": ["::1", None]},
        {"success": "true"},
        {"success": ""},
        {"success": [True, None]},
        {"x": '"":null'},
    ],
)
def test_elasticsearch_takes(details):
    """Values at the edge of what Elasticsearch takes are stored as they are."""
    assert stored({**EVENT, "details": details})["details"] == details


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=12),
    lambda children: st.lists(children) | st.dictionaries(st.text(max_size=5), children),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [*EVENT, "t", "p", "", "@", "level", "date", "fields", "details.x_int", "fields.y_float"]
) | st.text(max_size=12)
HOSTILE = JSON | st.dictionaries(KEYS, JSON)


@given(HOSTILE, st.sampled_from(["events", "_bulk", "custom/x"]))
def test_no_document_makes_the_mapping_raise(document, endpoint):
    """Whatever is sent, the mapping answers with a document, or with the reason for none."""
    result = mapped(document, endpoint)
    lost = [finding for finding in result.differences if finding.kind in ("dropped", "refused")]
    assert result.document is not None or lost


@given(HOSTILE)
def test_what_is_stored_is_strict_json(document):
    """Whatever is sent, what is stored can be written as JSON that everybody reads."""
    result = mapped(document)
    if result.document is not None:
        text = json.dumps(result.document, allow_nan=False)
        assert json.loads(text) == result.document


@pytest.mark.parametrize(
    "document",
    [
        {"summary": None, "customendpoint": 1, 5: 6},
        {5: 6},
        {"details": {"x": object()}},
        {"summary": object()},
    ],
)
def test_no_python_object_makes_the_mapping_raise(document):
    """Objects that JSON does not know are no reason to raise either."""
    assert mapped(document).differences


def test_deepest_document_is_stored():
    """A document of 950 levels is stored and can be written."""
    document = json_like_mozdef.loads(b'{"details": {"x": ' + b"[" * 948 + b"]" * 948 + b"}}")
    assert json_like_mozdef.loads(json_like_mozdef.dumps(stored(document)).encode()) == stored(
        document
    )


def test_text_of_a_deep_value_does_not_raise():
    """A value nested too deeply for a text drops the event instead of raising."""
    value = []
    for _ in range(100_000):
        value = [value]
    result = mapped({**EVENT, "summary": value})
    assert result.document is None
    # The innermost lists are freed first: freeing the outermost one would recurse.
    while value:
        value = value.pop()


def test_findings_are_frozen():
    """A finding cannot be changed by whoever reads it."""
    with pytest.raises(AttributeError):
        Difference("dropped", "x", "y").kind = "renamed"
