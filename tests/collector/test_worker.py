"""What MozDef's worker makes of an event."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.collecting import (
    EVENT,
    RECEIVED,
    differences_of,
    outcome_of,
    stored,
    without,
)

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference


def test_documented_event_is_stored():
    """MozDef's documented example is stored, with its process id as a string and added fields."""
    assert stored(EVENT) == {
        **EVENT,
        "processid": "14619",
        "type": "event",
        "receivedtimestamp": "2026-03-04T05:06:07+00:00",
        "utctimestamp": "2014-03-18T23:20:31.013344+00:00",
        "mozdefhostname": "mozdef.example.com",
        "mozdef": {"plugins": []},
    }


def test_documented_event_has_no_differences():
    """A valid event has no differences."""
    assert outcome_of(EVENT).differences == ()


def test_document_is_not_changed():
    """The worker does not change the document that it is given."""
    document = {**copy.deepcopy(EVENT), "fields": {"a": 1}, "tag": ["x"], "details.b": "2"}
    before = copy.deepcopy(document)
    outcome_of(document)
    assert document == before


@pytest.mark.parametrize("key", ["username", "index", "eventsource", "receivedtimestamp", "taggs"])
def test_unknown_top_level_key_is_dropped(key):
    """An unknown top-level key is not stored, and is reported."""
    document = {**EVENT, key: "value"}
    assert "value" not in stored(document).values()
    assert differences_of(document, "dropped", key)


@pytest.mark.parametrize("key", ["Summary", "@summary", "SUM@MARY"])
def test_top_level_names_are_lower_cased_and_lose_the_at_sign(key):
    """Case and @ do not matter in top-level names."""
    document = {**without("summary"), key: "text"}
    assert stored(document)["summary"] == "text"
    assert differences_of(document, "renamed", key)


def test_names_inside_details_are_kept():
    """Case and @ stay in the names inside details."""
    details = {"UserName": 1, "@x": 2, "a.b": {"C": 3}}
    assert stored({**EVENT, "details": details})["details"] == details


@pytest.mark.parametrize(
    "key", ["t", "a", "g", "s", "ta", "ag", "gs", "tag", "ags", "", "@", "Tag"]
)
def test_any_substring_of_tags_becomes_a_tag(key):
    """A top-level key that is a substring of tags adds a tag."""
    document = {**EVENT, key: "extra"}
    assert stored(document)["tags"] == ["bro", "auth", "extra"]
    assert differences_of(document, "renamed", key)


@pytest.mark.parametrize("key", ["tags", "t", ""])
@pytest.mark.parametrize("value", [None, 0, 7, True, False, 1.5])
def test_tags_of_a_scalar_type_drop_the_event(key, value):
    """A number, a bool or None as tags makes MozDef drop the event."""
    document = {**without("tags"), key: value}
    assert outcome_of(document).document is None
    assert differences_of(document, "dropped", key)


@pytest.mark.parametrize(("value", "tags"), [("one", ["one"]), ("", []), ({}, []), ([1], [1])])
def test_tags_become_a_list(value, tags):
    """One tag becomes a list of one, an empty value none; a list stays."""
    assert stored({**EVENT, "tags": value})["tags"] == tags


@pytest.mark.parametrize("key", ["payload", "p", "y", "load", "pay", "ayl", "", "a", "PAY"])
def test_any_substring_of_payload_goes_to_details(key):
    """If there is a summary, a substring of payload is stored in details.payload."""
    document = {**EVENT, key: "text"}
    assert stored(document)["details"]["payload"] == "text"
    assert stored(document)["summary"] == EVENT["summary"]
    assert differences_of(document, "renamed", key)


def test_payload_without_a_summary_is_the_summary():
    """A substring of payload is the summary if there is none, or only an alias of it."""
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
    assert differences_of(document, "mangled", first)


@pytest.mark.parametrize(("value", "text"), [("info", "INFO"), (None, "NONE"), (6, "6")])
def test_severity_is_an_upper_cased_string(value, text):
    """The severity is upper-cased, whatever its type."""
    assert stored({**EVENT, "severity": value})["severity"] == text


@pytest.mark.parametrize("key", ["pid", "processid"])
def test_process_id_becomes_a_string(key):
    """The process id is stored as a string."""
    assert stored({**without("processid"), key: 14619})["processid"] == "14619"


def test_string_field_of_another_type_is_reported():
    """A string field of another type is stored as Python converts it, and reported."""
    document = {**EVENT, "summary": {"a": None}}
    assert stored(document)["summary"] == "{'a': None}"
    assert differences_of(document, "mangled", "summary")


@pytest.mark.parametrize("value", ["text", 7, None, ["a"], True])
def test_details_that_are_not_an_object_become_a_message(value):
    """A value of details that is not an object is stored in details.message."""
    document = {**EVENT, "details": value}
    assert stored(document)["details"] == {"message": value}
    assert differences_of(document, "mangled", "details")


def test_fields_are_merged_into_details():
    """The object called fields joins details."""
    document = {**EVENT, "fields": {"uid": 1, "shell": "zsh"}}
    assert stored(document)["details"] == {"uid": 1, "username": "kang", "shell": "zsh"}
    assert differences_of(document, "renamed", "fields")


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
    """A value that cannot be cast makes MozDef drop the event."""
    document = {**EVENT, "details.foo_int": value}
    assert outcome_of(document).document is None
    assert differences_of(document, "dropped", "details.foo_int")


@pytest.mark.parametrize(
    "field",
    ["category", "hostname", "processid", "processname", "severity", "source", "summary"],
)
def test_missing_field_becomes_unknown(field):
    """A missing mandatory field is stored as UNKNOWN, and reported."""
    assert stored(without(field))[field] == "UNKNOWN"
    assert differences_of(without(field), "mangled", field)


def test_empty_event_is_stored():
    """An empty object becomes a document of defaults."""
    document = stored({})
    assert document["timestamp"] == document["receivedtimestamp"] == RECEIVED.isoformat()
    assert (document["tags"], document["details"], document["type"]) == ([], {}, "event")


@pytest.mark.parametrize("endpoint", ["events", "cef", "_bulk"])
def test_endpoint_is_never_stored(endpoint):
    """The path that an event came by is not stored, and not reported as a field of the sender."""
    assert "endpoint" not in stored(EVENT, endpoint)
    assert outcome_of(EVENT, endpoint).differences == ()


def test_endpoint_of_the_sender_is_dropped():
    """A sender's own endpoint is an unknown name like any other."""
    assert "endpoint" not in stored({**EVENT, "endpoint": "x"})
    assert differences_of({**EVENT, "endpoint": "x"}, "dropped", "endpoint")


def test_custom_endpoint_is_not_normalized():
    """A document of /custom/NAME keeps its keys and values, and gains NAME, a type and plugins."""
    document = {"Anything": 1, "tags": 7, "timestamp": "yesterday"}
    result = stored(document, "custom/vulnerabilities")
    assert {**result, **document} == result
    assert result["endpoint"] == "vulnerabilities"
    assert result["type"] == "event"
    assert result["mozdef"] == {"plugins": []}


def test_custom_endpoint_can_be_forged():
    """The worker takes any event with the mark of a custom one for a custom one."""
    result = stored({"Anything": 1, "customendpoint": "x"}, "events")
    assert (result["Anything"], result["endpoint"]) == (1, "events")


@pytest.mark.parametrize("name", ["_source", "mozdef"])
def test_source_and_mozdef_are_unknown_names(name):
    """In an event that is normalized, both are dropped like any unknown name."""
    assert stored({**EVENT, name: 1}) == stored(EVENT)
    assert differences_of({**EVENT, name: 1}, "dropped", name)


def test_source_replaces_a_custom_event():
    """MozDef stores the object under _source instead of the event, and adds what is missing."""
    document = {"summary": "outer", "_source": {"summary": "inner"}}
    result = stored(document, "custom/x")
    assert (result["summary"], result["type"]) == ("inner", "event")
    assert "endpoint" not in result


@pytest.mark.parametrize("name", ["_source", "mozdef"])
@pytest.mark.parametrize("value", [None, 1, "text", ["a"], True])
def test_source_or_mozdef_that_is_no_object_drops_a_custom_event(name, value):
    """Anything but an object under these names drops a custom event."""
    result = outcome_of({name: value}, "custom/x")
    assert result.document is None
    assert [(entry.kind, entry.field) for entry in result.differences] == [("dropped", name)]


def test_mozdef_of_a_custom_event_gains_plugins():
    """An object under mozdef is kept, and gains the plugins that ran: none."""
    assert stored({"mozdef": {"a": 1}}, "custom/x")["mozdef"] == {"plugins": [], "a": 1}


@pytest.mark.parametrize(
    ("endpoint", "name", "value"), [("_bulk", "last@key", "x"), ("events", "endpoint", "events")]
)
def test_last_key_of_nxlog_is_copied(endpoint, name, value):
    """MozDef copies the last key of an event of Windows into details, and drops the others."""
    windows = {"Domain": "D", "SourceModuleType": "im_msvistalog", "Last@Key": "x"}
    details = stored({**EVENT, **windows}, endpoint)["details"]
    assert details == {**EVENT["details"], name.replace("@", ""): value}


@pytest.mark.parametrize("name", ["Domain", "SourceModuleType"])
def test_one_key_of_nxlog_is_not_enough(name):
    """Only both names together mark an event of Windows."""
    assert stored({**EVENT, name: "x"})["details"] == EVENT["details"]


@pytest.mark.parametrize("document", [None, 1, "text", [EVENT], True])
def test_what_is_not_an_object_is_dropped(document):
    """Only JSON objects are events."""
    assert outcome_of(document).document is None
    assert outcome_of(document).differences[0].kind == "dropped"


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
    [
        *EVENT,
        *("t", "p", "", "@", "level", "date", "fields", "details.x_int", "fields.y_float"),
        *("customendpoint", "mozdef", "_source", "Domain", "SourceModuleType"),
    ]
) | st.text(max_size=12)


HOSTILE = JSON | st.dictionaries(KEYS, JSON)


@given(HOSTILE, st.sampled_from(["events", "_bulk", "custom/x"]))
def test_no_document_makes_the_worker_raise(document, endpoint):
    """For any input the worker returns a document, or the reason why there is none."""
    result = outcome_of(document, endpoint)
    lost = [entry for entry in result.differences if entry.kind in ("dropped", "refused")]
    assert result.document is not None or lost


@given(HOSTILE)
def test_what_is_stored_is_strict_json(document):
    """For any input the stored document is strict JSON."""
    result = outcome_of(document)
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
def test_no_python_object_makes_the_worker_raise(document):
    """The worker does not raise for objects that JSON does not have either."""
    assert outcome_of(document).differences


def test_deepest_document_is_stored():
    """A document of 970 levels is stored and can be written."""
    document = json_like_mozdef.loads(b'{"details": {"x": ' + b"[" * 968 + b"]" * 968 + b"}}")
    text = json_like_mozdef.dumps(stored(document))
    # Comparing the values would exhaust the stack of Python 3.11.
    assert json_like_mozdef.dumps(json_like_mozdef.loads(text.encode())) == text


def test_deepest_json_is_written_from_deep_within_a_program():
    """Values of 970 levels are written as they were, however many calls the program is in."""
    value = {"x": [[], {}, None, "\ud800", {"a": 1, "b": 2.5}]}
    for _ in range(484):
        value = {"o": [value]}

    def write(calls):
        return write(calls - 1) if calls else json_like_mozdef.dumps_exactly(value)

    text = write(200)
    while isinstance(value, dict) and "o" in value:
        (value,) = value["o"]
    assert json.dumps(value) in text
    assert text == '{"o": [' * 484 + json.dumps(value) + "]}" * 484


def test_deep_value_of_a_string_field_does_not_raise():
    """A value that is nested too deeply for a string drops the event, and raises nothing."""
    value = []
    for _ in range(100_000):
        value = [value]
    result = outcome_of({**EVENT, "summary": value})
    assert result.document is None
    # The innermost lists are freed first: freeing the outermost one would recurse.
    while value:
        value = value.pop()


def test_differences_are_frozen():
    """A difference cannot be changed."""
    with pytest.raises(AttributeError):
        Difference("dropped", "x", "y").kind = "renamed"
