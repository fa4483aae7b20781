"""The canonical form is what the documents say, made by the standard library alone."""

from __future__ import annotations

import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from structlog_mozdef.rendering.fields import FIELDS
from structlog_mozdef.rendering.sealing.canonical import canonical_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def whole(value):
    """*value* with integers in place of floats without a fraction."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_the_form_is_plain_json(details):
    """Names in order, no spaces, and each number and string as `json` writes it."""
    event = {
        **dict.fromkeys(FIELDS, "x"),
        "timestamp": "2026-01-02T03:04:05.000006+00:00",
        "details": details,
    }
    expected = json.dumps(whole(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_of(event, frozenset()) == canonical_of(orjson.loads(orjson.dumps(event)))
    names = {"seal", "sequence", "stream_id"}
    if names.isdisjoint(details):
        assert canonical_of(event).decode() == expected
