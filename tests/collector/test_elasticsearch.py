"""Which documents Elasticsearch refuses; tests/elasticsearch compares it with real servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.collecting import EVENT, differences_of, outcome_of, stored

from structlog_mozdef.collector.elasticsearch import find_refusal

SERVERS = ("Elasticsearch 6.8", "Elasticsearch 7.17", "OpenSearch 2.19")


def nested(levels, leaf):
    for _ in range(levels):
        leaf = {"a": leaf}
    return leaf


def in_arrays(levels, leaf):
    for _ in range(levels):
        leaf = [leaf]
    return leaf


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"x": float("nan")}, "details.x"),
        ({"x": [1, float("inf")]}, "details.x"),
        ({"x": "a" * 32_767}, "details.x"),
        ({"x": "\xe9" * 16_384}, "details.x"),
        ({"": 1}, "details."),
        ({"x": [{"": 1}]}, "details.x."),
        ({"x": {"": None}}, "details.x."),
        ({" ": 1}, "details. "),
        ({"\u2003": {}}, "details.\u2003"),
        ({".": None}, "details.."),
        ({"a..b": None}, "details.a..b"),
        ({".htaccess": 1}, "details..htaccess"),
        ({"a. .b": None}, "details.a. .b"),
        ({"x": [1, True]}, "details.x"),
        ({"x": ["2026-01-01", "a"]}, "details.x"),
        ({"x": [{}, 1]}, "details.x"),
        ({"x": [{"y": 1}, {"y": True}]}, "details.x.y"),
        ({"x": 1, "x.y": 2}, "details.x"),
        ({"x.y": 2, "x": 1}, "details.x"),
        ({"x": "2026/02/30"}, "details.x"),
        (nested(19, {}), "details" + ".a" * 19),
        (nested(20, None), "details" + ".a" * 19),
        ({".".join("a" * 20): 1}, "details" + ".a" * 19),
        ({f"x{number}": 1 for number in range(1000)}, "details.x973"),
        ({"sourceipaddress": "kang"}, "details.sourceipaddress"),
        ({"sourceipaddress": ""}, "details.sourceipaddress"),
        ({"sourceipaddress": 1}, "details.sourceipaddress"),
        ({"sourceipaddress": ["10.0.0.7", "10.0.0"]}, "details.sourceipaddress"),
        ({"destinationipaddress": {}}, "details.destinationipaddress"),
        ({"sourceport": {}}, "details.sourceport"),
        ({"sourceport.x": 1}, "details.sourceport"),
        ({"success": "yes"}, "details.success"),
        ({"success": 1}, "details.success"),
        ({"success": {}}, "details.success"),
        ({"apiversion": "v1"}, "details.apiversion"),
        ({"requestparameters": [{}, 1]}, "details.requestparameters"),
        ({"sourceipgeopoint": "kang"}, "details.sourceipgeopoint"),
        ({"sourceipgeopoint": [181, 1]}, "details.sourceipgeopoint"),
        ({"sourceipgeopoint": {"lat": 1}}, "details.sourceipgeopoint"),
    ],
)
def test_elasticsearch_refuses(details, field):
    """What Elasticsearch refuses is not stored, and the field is named."""
    document = {**EVENT, "details": details}
    assert outcome_of(document).document is None
    assert differences_of(document, "refused", field)


@pytest.mark.parametrize(
    "details",
    [
        {"x": 2**63 - 1, "y": -(2**63), "z": 1e300},
        {"x": "a" * 32_766, "y": "\xe9" * 16_383},
        {"x": "\U0001f600", "y": None, "z": [[], {}]},
        {"x": "\ud800"},
        {"x.": 1, " ": None, "\u2003": [], "\xa0": 1},
        {"x": [1, "a", 1.5, None], "y": ["2026-01-01", "2026-01-02T00:00:00Z"]},
        {"x": {"y": 1}, "x.y": "a"},
        {"x": None, "x.y": 1},
        nested(19, 1),
        {"x": in_arrays(900, 1)},
        {f"x{number}": 1 for number in range(971)},
        {f"x{number}": None for number in range(2000)},
        {"sourceipaddress": "10.0.0.7"},
        {"sourceipaddress": ["::1", None]},
        {"sourceport": [22, "ssh", True]},
        {"success": "true"},
        {"success": ""},
        {"success": [True, None]},
        {"apiversion": {"raw_value": 1}},
        {"sourceipgeopoint": [1, 2], "destinationipgeopoint": "1,2"},
    ],
)
def test_elasticsearch_accepts(details):
    """Values at the limits of what Elasticsearch accepts are stored as they are."""
    assert stored({**EVENT, "details": details})["details"] == details


@pytest.mark.parametrize(
    ("details", "refusing"),
    [
        ({"x": 2**63}, "6.8"),
        ({"x": 10**1000}, "6.8 2.19"),
        ({"sourceport": 2**63}, ""),
        ({"sourceipaddress": "fe80::1%eth0"}, "6.8"),
        ({"sourceipgeopoint": "POINT (1 2)"}, "6.8"),
        ({"sourceipgeopoint": {"type": "Point", "coordinates": [1, 2]}}, "6.8 7.17"),
        ({"x": in_arrays(21, 1)}, "2.19"),
        ({"x": ["2026-W01", "a"]}, "6.8"),
        ({"x": ["2026-01-01T10:00:00UTC", "a"]}, "7.17 2.19"),
        ({"x": "2026/02/30"}, "7.17 2.19"),
    ],
)
def test_versions_differ(details, refusing):
    """Where the versions of the index differ, the model knows each."""
    document = {"details": details}
    refused = [server for server in SERVERS if find_refusal(document, server) is not None]
    assert " ".join(server.split()[1] for server in refused) == refusing
    assert find_refusal(document) == find_refusal(document, "Elasticsearch 7.17")


@pytest.mark.parametrize("document", [{"_type": 1}, {"utctimestamp": "a"}, {"details": "a"}])
def test_custom_documents_can_be_refused_at_the_top(document):
    """A custom event is not normalized, and its own names can be what the index refuses."""
    assert outcome_of(document, "custom/x").differences[-1].kind == "refused"


def test_huge_names_are_not_copied_for_each_field():
    """What is below a name of a megabyte costs no megabyte each."""
    details = {"x" * 1_000_000: {f"y{number}": [{"z": 1}] for number in range(100_000)}}
    refusal = find_refusal({"details": details})
    assert "1,000 fields" in refusal.reason


SCALARS = (
    st.sampled_from(
        [None, True, 0, 1.5, 2**63, "", "a", "2026-01-01", "2026/02/30", "::1", "1,2", "a" * 32_767]
    )
    | st.floats()
)
NAMES = st.sampled_from(
    ["", " ", "a", "a.", "a.b", ".a", "success", "sourceipaddress", "sourceport", "apiversion"]
)
VALUES = st.recursive(
    SCALARS, lambda children: st.lists(children, max_size=2) | st.dictionaries(NAMES, children)
)


@given(st.dictionaries(st.sampled_from(["summary", "tags", "details", "utctimestamp"]), VALUES))
def test_short_cut_for_common_events_is_right(document):
    """Names without a value change no verdict; so many of them make the whole model decide."""
    document["details"] = document.get("details", {"a": 1})
    many = {**document, **{f"empty{number}": None for number in range(100)}}
    assert find_refusal(document) == find_refusal(many)
