"""MozDef's index stores each event: names, types and depth that it would reject are repaired.

What it rejects was tried on real servers; ``tests/elasticsearch`` does it again.
"""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile

import structlog_mozdef as mozdef
from structlog_mozdef import MozDefRenderer
from structlog_mozdef.collector.elasticsearch import find_refusal
from structlog_mozdef.collector.index_fields import Server


def event_of(event_dict):
    return orjson.loads(MozDefRenderer()(None, "info", event_dict))


def details_of(event_dict):
    return event_of(event_dict)["details"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "__/__/etc/passwd"),
        (".htaccess", "_htaccess"),
        ("a..b", "a__b"),
        (".", "_"),
        ("a.", "a_"),
        ("a. .b", "a_ _b"),
        (" \t", "empty_key"),
        ("\u2003", "empty_key"),
        ("success.x", "success_x"),
        ("apiversion.raw_value.x", "apiversion_raw_value_x"),
        ("http.method", "http.method"),
        ("a b", "a b"),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_name_is_one_that_an_index_accepts(name, expected, times):
    """Empty parts between dots are repaired, also in an event whose names were seen before."""
    for _ in range(times):
        details = details_of({"before": 1, name: "x"})
    assert details == {"before": 1, expected: "x"}


@pytest.mark.parametrize(
    "value", [{"a..b": 1}, [{"a..b": 1}], {"x": {"y": [{"a..b": 1}]}}, {"x": [1, [{"a..b": 1}]]}]
)
def test_name_at_any_depth(value):
    """Names in objects and arrays are repaired as well."""
    encoded = MozDefRenderer()(None, "info", {"value": value})
    assert (b"a..b" in encoded, b"a__b" in encoded) == (False, True)


def test_repaired_names_do_not_clash():
    """Two names that become the same one are both kept."""
    assert details_of({"a..b": 1, "a__b": 2, "a_.b": 3}) == {"a__b": 1, "a__b_2": 2, "a_.b": 3}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": 1, "a.b": 2}, {"a": 1, "a_b": 2}),
        ({"a.b": 2, "a": 1, "a_b": 3}, {"a_b_2": 2, "a": 1, "a_b": 3}),
        ({"a": {"c": 1}, "a.b": 2}, {"a": {"c": 1}, "a.b": 2}),
        ({"a.b": 1, "a.b.c": 2}, {"a.b": 1, "a_b_c": 2}),
        ({"a": {"b": 1}, "a.b": True}, {"a": {"b": 1}, "a.b": "true"}),
        ({"o": [{"a": 1}, {"a.b": 2}]}, {"o": [{"a": 1}, {"a_b": 2}]}),
        ({"success.x": [{"a": 1}, {"a.b": 2}]}, {"success_x": [{"a": 1}, {"a_b": 2}]}),
        (
            {"o": [{"a": 1, "a.b": {"c.d": 1}}, {"a_b": {"c": 5}}]},
            {"o": [{"a": 1, "a_b": {"c_d": 1}}, {"a_b": {"c": 5}}]},
        ),
    ],
)
def test_name_with_dots_beside_its_prefix(given, expected):
    """``a.b`` is an object with the name ``a`` to an index: there can be no number as well."""
    assert details_of(given) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, True], [1, "true"]),
        ([True, None], [True, None]),
        ([1, "x", None, 1.5], [1, "x", None, 1.5]),
        ([1, {"a": 1}], [1, '{"a":1}']),
        ([{"a": 1}, {"a": True}, {"b": 1}], [{"a": 1}, {"a": "true"}, {"b": 1}]),
        ([{"a": {"b": 1}}, {"a": "x"}], [{"a": '{"b":1}'}, {"a": "x"}]),
        ([[1, 2], [3, [True]]], [[1, 2], [3, ["true"]]]),
        (["2026-01-02", "x"], ["date:2026-01-02", "x"]),
        (["x", "2026-01"], ["x", "date:2026-01"]),
        ([5, "2026T10"], [5, "date:2026T10"]),
        (["2026/01/02", "2026-01-02"], ["date:2026/01/02", "date:2026-01-02"]),
        (["2026-W01", "2026-001"], ["date:2026-W01", "date:2026-001"]),
        (["2026-01-02", "2026-01-03T10:11:12Z"], ["2026-01-02", "2026-01-03T10:11:12Z"]),
        (["2026-01-02", "2026-02-30"], ["date:2026-01-02", "date:2026-02-30"]),
        (["2026-01-02T10:11:12UTC", "x"], ["date:2026-01-02T10:11:12UTC", "x"]),
        (["2026-01-02T10:11:12Europe/Paris", 5], ["date:2026-01-02T10:11:12Europe/Paris", 5]),
        (["2026-01-02T10+01:00:30", "x"], ["date:2026-01-02T10+01:00:30", "x"]),
        (["-123456-01-02", "x"], ["date:-123456-01-02", "x"]),
        (["2026", "1024-65535", "10.0.0.1"], ["2026", "1024-65535", "10.0.0.1"]),
        (["12345678-1234-1234-1234-1234567890ab", "x"],) * 2,
        ([{"day": "2026-01-02"}, {"day": "x"}], [{"day": "date:2026-01-02"}, {"day": "x"}]),
    ],
)
def test_one_name_has_one_type(value, expected):
    """What is under one name has one type, as an index wants it: other values become strings."""
    assert details_of({"value": value, "after": 1}) == {"value": expected, "after": 1}


@pytest.mark.parametrize(
    "date",
    [
        *("2026/02/30", "2026/13/45 10:00:00", "2026/00/01", "2026/02/29"),
        *("2024-25", "-2026-00", "2026-13T10:00:00"),
    ],
)
def test_date_that_does_not_exist(date):
    """It is no date any more: an index that takes it for one would reject the whole event."""
    assert details_of({"a": date}) == {"a": f"date:{date}"}
    assert details_of({"a": {"b": date}, "c": [date]}) == {
        "a": {"b": f"date:{date}"},
        "c": [f"date:{date}"],
    }
    assert details_of({"a": {"b": [date]}}) == {"a": {"b": [f"date:{date}"]}}
    assert details_of({"a": [{"b": {"c": date}}]}) == {"a": [{"b": {"c": f"date:{date}"}}]}


@pytest.mark.parametrize(
    "text",
    ["2026/02/28", "2028/02/29 10:00:00", "2026-12T10", "2026-13-01", "/a/02/30", "1.1.1/32"],
)
def test_other_text(text):
    """What exists, or is no date for an index either, stays as it is."""
    assert details_of({"a": text, "b": {"c": text}}) == {"a": text, "b": {"c": text}}


NUMBERS = st.sampled_from([0, 1, 2, 9, 10, 12, 13, 28, 29, 30, 31, 32, 53, 99, 366])
DATES = st.builds(
    "{}{:04}{}{}{}".format,
    st.sampled_from(["", "", "-", "+", "1"]),
    st.sampled_from([0, 1, 1900, 2024, 2026, 9999]),
    st.builds("-{:02}-{:02}".format, NUMBERS, NUMBERS)
    | st.builds("/{:02}/{:02}".format, NUMBERS, NUMBERS)
    | st.builds("-{:02}".format, NUMBERS)
    | st.builds("-W{:02}-{}".format, NUMBERS, st.integers(0, 8))
    | st.builds("-{:03}".format, NUMBERS)
    | st.just(""),
    st.sampled_from(
        ["", "", "T", "T10", "T10:20:30", "t10:20:30.5", "T24:00", " 10:20:30", " 1:2"]
    ),
    st.sampled_from(["", "", "Z", "z", "+01", "-0130", "+01:30", "-01:30:15", "UTC", "Asia/Tokyo"]),
)


def detected(server, document):
    refusal = find_refusal({"details": document}, server)
    return None if refusal is None else refusal.reason


@settings(max_examples=2_000, deadline=None)
@given(DATES)
def test_whatever_looks_like_a_date(date):
    """Alone and beside other text, an index of each version accepts what is made of it."""
    details = details_of({"alone": date, "o": {"alone": date}, "beside": [date, "x"]})
    details["objects"] = details_of({"l": [{"a": [{"b": date}]}, {"a": [{"b": "x"}]}]})
    assert [detected(server, details) for server in get_args(Server)] == [None] * 3


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["x", "2026-01-02"], ["x", "date:2026-01-02"]),
        ("2026-01-02", ["date:2026-01-02"]),
        (["2026", "v2026-01-02"], ["2026", "v2026-01-02"]),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_tags_are_no_dates(tags, expected, times):
    """A tag that looks like a date would have the index reject each other tag."""
    for _ in range(times):
        found = event_of({"tags": tags})["tags"]
    assert found == expected


POINT = {"lat": 1.5, "lon": 2}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("destinationipaddress", "10.0.0.7", "10.0.0.7"),
        ("destinationipaddress", "none", None),
        ("destinationipaddress", "fe80::1%eth0", None),
        ("destinationport", 443, 443),
        ("sourceport", [443, "80"], [443, "80"]),
        ("sourceport", {"a": 1}, None),
        ("destinationport", [{"a": 1}], None),
        ("sourceipv4address", "anything", "anything"),
        ("sourceipv4address", {}, None),
        ("sourceipgeopoint", POINT, POINT),
        ("sourceipgeopoint", "1.5,2", "1.5,2"),
        ("sourceipgeopoint", [2, 1.5], [2, 1.5]),
        ("destinationipgeopoint", "Berlin", None),
        ("destinationipgeopoint", {"lat": 91, "lon": 2}, None),
        ("apiversion", {"raw_value": "2012-10-17"}, {"raw_value": "2012-10-17"}),
        ("apiversion", "2012-10-17", None),
        ("apiversion", {"raw_value": {"a": 1}}, None),
        ("requestparameters", {"a": 1}, {"a": 1}),
        ("requestparameters", "a=1", None),
        ("requestparameters", {"logstreamname": "x"}, None),
        ("error", True, True),
        ("error", "true", True),
        ("error", "connection refused", None),
        ("error", {"code": 1}, None),
    ],
)
def test_typed_detail_has_its_type(name, value, expected):
    """A value that does not fit the type of an index moves to ``NAME_text``, as a string."""
    details = details_of({name: value, "after": 1})
    if expected is None:
        assert (details.keys(), type(details[f"{name}_text"])) == ({f"{name}_text", "after"}, str)
    else:
        assert details == {name: expected, "after": 1}


def test_exception_beside_an_error_of_the_program():
    """``error`` is a boolean in every event, whatever the program calls so."""
    details = details_of({"error": "text", "exc_info": ValueError("x")})
    assert (details["error"], details["error_2"]) == (True, "text")


@pytest.mark.parametrize("name", ["http_x_forwarded_for", "sourceipaddress"])
def test_none_that_a_plugin_of_mozdef_cannot_bear(name):
    """MozDef's plugins drop an event for it, or make it 0.0.0.0: it is left out."""
    assert details_of({name: None, "username": None}) == {"username": None}


@pytest.mark.parametrize("name", ["value", "a.b.c.d"])
@pytest.mark.parametrize("kind", [list, dict])
def test_too_deep_becomes_text(name, kind):
    """What is deeper than an index accepts is kept as a string."""

    def depth(value):
        items = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, items), default=0) if isinstance(value, (dict, list)) else 0

    details = details_of({name: hostile.deep(25, kind)})
    assert (depth(details) < 19, b"k" in orjson.dumps(details)) == (True, kind is dict)


@pytest.mark.parametrize(
    "given",
    [
        {f"name{number}": number for number in range(3_000)},
        {"o": {f"name{number}": {"a": [number]} for number in range(3_000)}},
        {"o": [{f"name{number}": number} for number in range(3_000)]},
        {".".join(["a", str(number), "b", "c"]): number for number in range(1_000)},
    ],
)
@pytest.mark.parametrize("max_names", [None, 50, 900])
def test_too_many_names(max_names, given):
    """An event with more names than it may have has fewer, says so, and keeps the others."""
    options = {} if max_names is None else {"max_names": max_names}
    given = {**given, "user": {"name": "kang"}}
    details = orjson.loads(MozDefRenderer(**options)(None, "info", given))["details"]
    max_names = max_names or 200

    def names(value):
        if isinstance(value, list):
            return {path for item in value for path in names(item)}
        if not isinstance(value, dict):
            return set()
        found = set()
        for name, item in value.items():
            parts = name.split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            found |= {f"{name}.{path}" for path in names(item)}
        return found

    truncated = details["truncated"]
    of_truncated = 3
    assert max_names - 5 <= len(names(details)) <= max_names + of_truncated
    assert truncated["fields"][0].startswith("details")


def test_many_names_keep_small_entries():
    """An object with too many names costs those beside it nothing."""
    wide = {f"name{number}": number for number in range(3_000)}
    details = details_of({"wide": wide, "user": {"name": "kang"}})
    assert details["user"] == {"name": "kang"}
    assert details["wide"]["more_names"].startswith('{"name')


@pytest.mark.parametrize("max_names", [9, 901, 50.0, True, None])
def test_numbers_of_names_that_cannot_work(max_names):
    """They are an error at once."""
    with pytest.raises(ValueError, match="max_names"):
        MozDefRenderer(max_names=max_names)


@pytest.mark.parametrize(
    "given",
    [
        {f"name{number}": number for number in range(199)},
        {"rows": [{"a": number, "b": 1.5, "c": "x.y", "d": None} for number in range(300)]},
        {"o": {f"name{number}": number for number in range(198)}},
    ],
)
def test_not_too_many_names(given):
    """Names count once, and what looks like one in a string does not."""
    given = {**given, "text": '"a":' * 300}
    assert details_of(given) == given


def test_names_with_dots_count_for_each_part():
    """``a.b`` is two names to an index."""
    given = {f"n{number}.b.c.d.e": number for number in range(41)}
    assert "truncated" in details_of(given)


class Headers:
    """The headers of a request as some libraries have them: no mapping, and a name can repeat."""

    def items(self):
        return iter([("Host", "example.com"), ("Cookie", "a=1"), ("Cookie", "b=2")])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a.b": "x", "n": 5}, [("a.b", "x"), ("n", "5")]),
        ({"2026-01-02": "2024-25"}, [("date:2026-01-02", "date:2024-25")]),
        ({"t": True, "n": None, 1: 1.5}, [("t", "true"), ("n", None), ("1", "1.5")]),
        ({"several": ["x", 2]}, [("several", ["x", "2"])]),
        ({"o": {"a": 1}}, [("o", "{'a': 1}")]),
        ([(b"host", b"example.com")], [("host", "example.com")]),
        (Headers(), [("Host", "example.com"), ("Cookie", "a=1"), ("Cookie", "b=2")]),
        (MappingProxyType({"a": "x"}), [("a", "x")]),
        ({}, []),
    ],
)
def test_listed_names(value, expected):
    """Names that anybody can invent become values, and all values text."""
    renderer = MozDefRenderer(listed_names=["headers"])
    for event_dict in ({"headers": value}, {"details": {"headers": value}}):
        details = orjson.loads(renderer(None, "info", event_dict))["details"]
        assert details == {"headers": [{"name": name, "value": item} for name, item in expected]}


@pytest.mark.parametrize("value", ["x", 5, [1, 2], [("a", 1, 2)], {1, 2}])
def test_listed_value_that_has_no_names(value):
    """It moves to another name: the index knows the first as an object."""
    renderer = MozDefRenderer(listed_names=["form"])
    assert list(orjson.loads(renderer(None, "info", {"form": value}))["details"]) == ["form_text"]


@pytest.mark.parametrize("listed_names", ["headers", [5], ["sourceipaddress"], ["status"], None])
def test_names_that_cannot_be_listed(listed_names):
    """What is no list of names, or has a type, is an error at once."""
    with pytest.raises(ValueError, match="listed_names"):
        MozDefRenderer(typed_names={"status": str}, listed_names=listed_names)


def test_listed_names_are_an_option_of_configure(tmp_path):
    """All ends of a chain know the options."""
    for make in (mozdef.configure, mozdef.MozDefTee, mozdef.MozDefHandler):
        with pytest.raises(ValueError, match="max_names"):
            make(f"file://{tmp_path}/events", listed_names=["form"], max_names=5)


def test_datetimes_in_one_array_are_dates():
    """A list of datetimes stays one of dates."""
    value = [datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)]
    expected = [moment.isoformat(timespec="microseconds") for moment in value]
    assert details_of({"value": value}) == {"value": expected}


TYPES = {"status": str, "retried": bool, "size": int, "seconds": float}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": 200}, {"status": "200"}),
        ({"status": True}, {"status": "true"}),
        ({"status": "2026-01-02"}, {"status": "date:2026-01-02"}),
        ({"status": [200, None, "x"]}, {"status": ["200", "x"]}),
        ({"status": None}, {"status": None}),
        ({"retried": 1}, {"retried": True}),
        ({"retried": "false"}, {"retried": False}),
        ({"retried": "twice"}, {"retried_text": "twice"}),
        ({"retried": [True, "twice"]}, {"retried_text": "[True, 'twice']"}),
        ({"size": 5}, {"size": 5}),
        ({"size": "5 kB"}, {"size_text": "5 kB"}),
        ({"size": True}, {"size_text": "True"}),
        ({"seconds": 1}, {"seconds": 1.0}),
        ({"seconds": hostile.Repr()}, None),
        ({"other": 1}, {"other": 1}),
    ],
)
def test_names_that_the_program_gives_a_type(given, expected):
    """`typed_names` keeps a detail at one type from event to event."""
    encoded = MozDefRenderer(typed_names=TYPES)(None, "info", dict(given))
    details = orjson.loads(encoded)["details"]
    assert details == expected if expected else list(details) == ["seconds_text"]


@pytest.mark.parametrize("typed_names", [{"status": list}, {5: str}, {"status": "list"}])
def test_types_that_do_not_exist(typed_names):
    """A name or a type that cannot work is an error at once."""
    with pytest.raises(ValueError, match="typed_names"):
        MozDefRenderer(typed_names=typed_names)
