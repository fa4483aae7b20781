"""What the collector says of a document is what real indices say of it."""

from __future__ import annotations

import json

import pytest
from support.index_servers import SERVERS
from support.mozdef_template import put_template

from structlog_mozdef.collector.elasticsearch import find_refusal


def nested(depth, leaf):
    for _ in range(depth):
        leaf = {"x": leaf}
    return leaf


def in_arrays(depth, leaf):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


LEAVES = (1, None, {}, [])

NAMES = [
    *("x.", "x..", "x.b", "x b", "x. b", "x.b.", "x.\u00a0"),
    *(".x", "x..b", "x. .b", "x. ", "x.\u2003", "x.\t", " .x"),
    *("", ".", "..", "...", " .", " ", "\t", "\n", "\x1c", "\x1f", "\u2003", "\u3000", "\u2028"),
    *("\u00a0", "\u2007", "\u202f", "\x85", "\u200b", "\ufeff", "\x00", "\ud800"),
    "x" * 33_000,
]

VALUES = [
    *([1, True], [1, "a"], [1, 1.5], [True, "true"], ["a", True], [None, {}], [[1], {}]),
    *([{}, 1], [1, {}], [{"b": 1}, 1], [1, {"b": 1}], [1, [True]], [[], True], [{}, []]),
    *([{"b": 1}, {"b": "a"}], [{"b": 1}, {"b": {}}], [{"b": 1}, {"b": True}], [{"b": None}, {}]),
    *(float("nan"), float("inf"), [float("-inf"), "a"], 1e300, 5e-324, 2**63 - 1, -(2**63)),
    *(2**63, -(2**63) - 1, [2**64, "a"], [2**64, True], 10**1000 - 1, 10**1000, 10**4000),
    *("\ud800", ["\udfff", 1], "", "a" * 32_766, "a" * 32_767, "\xe9" * 16_383, "\xe9" * 16_384),
    *("2026/02/30", "2026/13/01", "2026/99/99", "2026/02/30 10:00:00", "2026/01/01", "0000/00/00"),
    *("2026/01/01 25:00:00", "2026/02/30 ", "2026-02-30", "2026/02/30 10:00", "2028/02/29"),
    *("2026-13T", "2026-00T10", "-2026-99T10:20:30.5Z", "2026-13T10:00UTC", "2026-13T10:00PST"),
    *(
        "2026-13",
        "2026-13T25",
        "2026-13T10:00:00+01:00",
        "2026-02-30T10:00",
        "2026T25",
        "+2026-13T",
    ),
    *(["2026-01-01", 1], ["2026-01-01", True], ["2026-01-01", "2026-01-02"], ["2026", 1]),
    *(["2026/01/01", "2026/01/01 10:00:00"], ["2026-01-01", "2026/01/01"]),
    *(in_arrays(levels, leaf) for levels in (1, 20, 21, 22, 960) for leaf in (1, [], {"b": 1})),
    [[{"b": [{"c": 1}]}]],
    in_arrays(10, {"b": in_arrays(15, 1)}),
    in_arrays(10, {"b": in_arrays(10, 1)}),
]

# Each beside a text, which is no date: an index refuses them together where it sees a date.
DATES = [
    *("2026-01", "2026-01-01", "2026-01-01T", "2026T", "2026T10:00", "2026-01T10:00", "2026"),
    *("-2026-01-02", "+2026-01-02", "12026-01-01", "026-01-01", "0000-01-01", "-0001-01-01"),
    *("0001-W53-1T", "2026-W29t+013015", "2026T-01:30:15", "2026-001T-18:30", "2026-01T+01:30"),
    *("2026-01-01T10:00:00SystemV/PST8", "2026-W01TZ", "2026-001Tz", "2026-01T-01:00"),
    *("2026-W01", "2026-W54", "2026-W53-7", "2026-001", "2026-366", "2024-366", "2026W01"),
    *("2026-13-01", "2026-00-01", "2026-01-00", "2026-01-32", "2026-1-1", "2026-", "1-01-01"),
    *("2024-02-29", "2026-02-29", "1900-02-29", "2000-02-29", "2026-06-31", "9999-12-31"),
    *("2026-01-01T10", "2026-01-01T10:00", "2026-01-01T1:00", "2026-01-01T10:0"),
    *("2026-01-01T10:00:00.5", "2026-01-01T10:00:00,5", "2026-01-01T10:00:00.5,5"),
    *("2026-01-01T10:00,5", "2026-01-01T10,5", "2026-01-01T10:00:00."),
    *("2026-01-01T10:00:00.123456789", "2026-01-01T10:00:00.1234567890"),
    *("2026-01-01T24:00", "2026-01-01T10:60", "2026-01-01T10:00:60", "2026-01-01t10:00"),
    *("2026-01-01Z", "2026-01-01TZ", "2026-01-01T10Z", "2026-01-01T10:00Z", "2026-01-01T10:00z"),
    *(
        f"2026-01-01T10:00:00{offset}"
        for offset in ("+01", "+0100", "+01:00", "+01:00:00", "-00:00")
    ),
    *(f"2026-01-01T10:00:00{offset}" for offset in ("+1", "+1:00", "+01:60", "+010000", " +01:00")),
    *(f"2026-01-01T10:00:00{offset}" for offset in ("+18:00", "+18:01", "-18:30", "+25:00")),
    *(
        f"2026-01-01T10:00:00{zone}"
        for zone in ("UTC", "UT", "GMT", "CET", "EST", "Etc/UTC", "utc")
    ),
    *(f"2026-01-01T10:00:00{zone}" for zone in ("Europe/Paris", "US/Eastern", "europe/paris")),
    *(f"2026-01-01T10:00:00{zone}" for zone in ("UTC+1", "UTC+01:00", "Z+1", "[Europe/Paris]")),
    *(
        "2026/1/1",
        "2026/01",
        "026/01/01",
        "-2026/01/01",
        "2026/01/01 10:00:00",
        "2026/01/01 1:00:00",
    ),
    *("2026/01/01 24:00:00", "2026/01/01T10:00:00", "2026/01/01 Z", "2026/01/01 10:00:00 Z"),
    *("10:00", "T10:00", "NaN", "1e5", "1d", " 2026-01-01", "2026-01-01 ", "\uff12026-01-01"),
]

ADDRESSES = [
    *("10.0.0.1", "", "1.2.3", "010.0.0.1", "0.0.0.00", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4"),
    *(
        "1.2.3.4/24",
        "1.2.3.4.",
        "1.1.1.1\n",
        "[::1]",
        "::",
        "::1",
        "::FFFF",
        "::00001",
        "::1.2.3.4",
    ),
    *("::ffff:1.2.3.4", "1::2::3", "1:2:3:4:5:6:7::", "fe80::1%eth0", "::1%1", "::1%", "%eth0"),
    *("10.0.0.1%eth0", 1, 1.5, True, None, {}, [], ["::1", None], [["::1"]], [{}], [["kang"]]),
]

BOOLEANS = [
    *(True, "true", "false", "", "True", "TRUE", "yes", "on", 0, 1, 1.0, None, {}, {"a": 1}),
    *([], [True, "false"], [[True]], [{}], [True, 1], "a" * 40_000),
]

KEYWORDS = [
    *(1, 1.5, True, "a", None, 2**64, "2026-01-01", "2026/02/30", "a" * 32_766, "a" * 32_767),
    *({}, {"a": 1}, [], [1, "a", True], [{}], [["a"]], in_arrays(21, 1), float("nan")),
]

OBJECTS = [
    *(1, True, "a", "", None, {}, {"x": 1}, [], [1], [{}], [[{}]], [None], [{}, 1], [{}, "a"]),
]

VERSIONS = [
    *({"raw_value": 1}, {"raw_value": {}}, {"raw_value": {"x": 1}}),
    [{"raw_value": True}, {"raw_value": "2026-01-01"}],
]

PARAMETERS = [{"logstreamname": value} for value in (1, None, {}, *VERSIONS)]

POINTS = [
    *("1,2", "1, 2", " 1,2", "1,2,3", "1,2,3,4", "91,0", "-91,0", "0,181", "1.5,-2.5", "1e1,2"),
    *(
        "+1,2",
        "1,a",
        "NaN,1",
        "1,",
        ",",
        "1;2",
        "",
        "ezs42",
        "kang",
        "U4",
        "u4 ",
        "1",
        "a",
        "u4" * 9,
    ),
    *("POINT (1 2)", "POINT(1 2)", "POINT (1 2 3)", "point (1 2)", "POINT (181 2)", "POINT (1)"),
    *("POINT EMPTY", "POLYGON ((0 0, 1 1, 2 2, 0 0))", 5, 5.5, True, None),
    *({"lat": 1, "lon": 2}, {"lon": 2, "lat": 1}, {"lat": "1", "lon": "2"}, {"lat": 91, "lon": 0}),
    *({"lat": 1}, {}, {"a": 1}, {"lat": 1, "lon": 2, "a": 1}, {"lat": 1, "lon": 2, "a": None}),
    *({"lat": None, "lon": 1}, {"lat": "a", "lon": 1}, {"lat": True, "lon": 1}),
    *({"lat": [1], "lon": 1}, {"geohash": "u4"}, {"lat": 1, "lon": 2, "geohash": "u4"}),
    *({"type": kind, "coordinates": [1, 2]} for kind in ("Point", "point", "LineString")),
    *({"type": "Point", "coordinates": [181, 2]}, {"type": "Point"}),
    *([1, 2], [1.5, 2], [1, 2, 3], [1, "2"], [181, 1], [1, 91], [1], [1, 2, 3, 4], [1, None]),
    *([], [None], ["1", "2"], ["1,2", "3,4"], [[1, 2], [3, 4]], [[1, 2], None], [[]], [[[1, 2]]]),
    *([{"lat": 1, "lon": 2}, "1,2"], ["1,2", None], [1, 2, "a"]),
]

LENIENT_DATES = [
    *("2026-01-01T10:00:00+00:00", "2026-1-1", "2026", "-2026", "12026-01-01", "2026-01-01T1:2:3"),
    *("2026-01-01T", "2026T10", "a", "", "10:00", "T10:00", "2026-01-01 10:00:00", "2026/01/01"),
    *("2026-W01", "2026-001", "+2026-01-02", " 2026-01-01", "2026-02-30", "2026-01-01T24:00:00Z"),
    *("1395184831013", "2026-01-01T10:00:00.1234567890", "2026-01-01T10:00:00+1"),
    *("2026-01-01T10:00:00UTC", "2026-01-01T10:00:00z", "2026-01-01t10:00:00"),
    *(1395184831, 1.5, 2026.0, True, -5, 12_345, 99_999, None, {}, [], ["2026-01-01", "a"]),
]

DETAILS = [
    *(
        {"x": 1, "x.b": 2},
        {"x.b": 2, "x": 1},
        {"x": {"b": 1}, "x.b": True},
        {"x": {"b": 1}, "x.b": 2},
    ),
    *({"x": 1, "x.": True}, {"x": 1, "x.": 2}, {"x": None, "x.b": 1}, {"x": [], "x.b": 1}),
    *({"x": {}, "x.b": 1}, {"x": {"b": None}, "x.": 1}, {"x": 1, "x.b": None}, {"x": 1, "x.b": []}),
    *({"success.a": 1}, {"success.a": None}, {"success.a": []}, {"sourceport.a": {}}),
    *({"sourceipgeopoint.lat": 1}, {"sourceipgeopoint.lat": None}),
    *({"apiversion.raw_value": {}}, {"apiversion.raw_value": 1}, {"apiversion.x": {}}),
    *(
        {"success": {"a": None}},
        {"success.": "yes"},
        {"success.": "true"},
        {"_id": 1, "_source": 1},
    ),
    *(
        nested(names - 1, leaf)
        for names in (18, 19, 20, 21)
        for leaf in (1, None, {}, [], [{}], [1])
    ),
    *({".".join("x" * (names - 1)): leaf} for names in (19, 20, 21) for leaf in (1, None, {}, [])),
]

WHOLE = [
    *({name: value} for name in ("type", "summary") for value in KEYWORDS),
    *({"details": value} for value in (1, "a", "", True, None, [], [{}], [1], [{"x": 1}])),
    *({"tags": value} for value in (["a", "2026-01-01"], [1, "a"], [1, True], ["2026-01-01"])),
    *({name: 1} for name in ("_id", "_index", "_routing", "_ignored", "_seq_no", "_version")),
    *({name: 1} for name in ("_field_names", "_source", "_type", "_size", "_uid", "_x")),
    *({name: 1} for name in ("_nested_path", "_data_stream_timestamp", "_tier")),
    *({"details.sourceipaddress": "a"}, {"details.success": "true"}, {"type.a": 1}),
    {"details.x": 1, "details": {"x": True}},
    *({"summary": "a" * 40_000}, {"category": "a" * 40_000}, {"tags": ["a" * 40_000]}),
    *({name: value} for name in ("utctimestamp", "receivedtimestamp") for value in LENIENT_DATES),
]

DOCUMENTS = [
    *({"details": {"x": {name: leaf}}} for name in NAMES for leaf in LEAVES),
    *({"details": {"x": value}} for value in VALUES),
    *({"details": {"x": [date, "a"]}} for date in DATES),
    *({"details": {"sourceipaddress": value}} for value in ADDRESSES),
    *({"details": {"destinationipaddress": value}} for value in ("::1", "kang", 1, {}, None)),
    *({"details": {"success": value}} for value in BOOLEANS),
    *({"details": {"sourceport": value}} for value in KEYWORDS),
    *({"details": {"destinationport": value}} for value in (1, True, "2026-01-01", {})),
    *({"details": {"sourceipv4address": value}} for value in ("kang", 1, {})),
    *({"details": {"apiversion": value}} for value in (*OBJECTS, *VERSIONS)),
    *({"details": {"requestparameters": value}} for value in (*OBJECTS, *PARAMETERS)),
    *({"details": {"sourceipgeopoint": value}} for value in POINTS),
    *({"details": {"destinationipgeopoint": value}} for value in ("1,2", [1, 2], "kang")),
    *({"details": details} for details in DETAILS),
    *WHOLE,
]

# 1,000 fields, the template's 25 included, and their objects count as well.
LARGE = [
    *({"details": {f"f{number}": 1 for number in range(count)}} for count in (975, 976)),
    *({"details": {f"f{number}": {} for number in range(count)}} for count in (975, 976)),
    *({"details": {f"a.f{number}": 1 for number in range(count)}} for count in (974, 975)),
    {"details": {f"f{number}": leaf for number in range(1500) for leaf in (None, [])}},
    {"details": {"a": [{f"f{number}": value for number in range(974)} for value in (1, 2)]}},
]


def own_names(number, document):
    """Give a document names of its own, so that it can share an index: each x begins one."""
    return json.loads(json.dumps(document).replace('"x', f'"x{number}'))


def refusals(server, documents):
    """Return, for each pair of an index and a document, whether the server refuses the document."""
    action = {"_type": "_doc"} if server.name == "elasticsearch6" else {}
    items = []
    for start in range(0, len(documents), 100):
        lines = []
        for index, document in documents[start : start + 100]:
            lines += [{"index": {"_index": f"events-model-{index}", **action}}, document]
        body = "".join(f"{json.dumps(entry)}\n" for entry in lines)
        status, answer = server.request("POST", "/_bulk", body)
        assert status == 200, answer
        items += answer["items"]
    server.request("DELETE", "/events-model-*")
    return ["error" in item["index"] for item in items]


@pytest.mark.parametrize("name", ["documents", "large"])
def test_model_and_index_agree(server, name):
    """The collector refuses what the index of each version refuses, and nothing else."""
    put_template(server)
    if name == "large":
        documents = list(enumerate(LARGE))
    else:
        # Few documents share an index, far below its limit of fields.
        documents = [
            (f"alone-{number}" if "tags" in document else number // 60, own_names(number, document))
            for number, document in enumerate(DOCUMENTS)
        ]
    index = refusals(server, documents)
    wrong = []
    for (_, document), is_refused in zip(documents, index, strict=True):
        refusal = find_refusal(document, SERVERS[server.name])
        if (refusal is not None) != is_refused:
            wrong.append((f"refused: {is_refused}", ascii(document)[:100], refusal))
    assert wrong == []
