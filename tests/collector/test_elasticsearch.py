"""Which documents Elasticsearch refuses."""

import pytest
from support.collecting import EVENT, differences_of, outcome_of, stored


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
    assert outcome_of(document).document is None
    assert differences_of(document, "refused", field)


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
def test_elasticsearch_accepts(details):
    """Values at the limits of what Elasticsearch accepts are stored as they are."""
    assert stored({**EVENT, "details": details})["details"] == details
