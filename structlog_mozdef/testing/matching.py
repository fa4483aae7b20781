"""Which events have the fields that a test asks for, and what stands in the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

# What MozDef stores at the top of a document; each other name that a test gives is a detail.
_TOP_LEVEL = frozenset(
    {
        "category",
        "details",
        "eventsource",
        "facility",
        "hostname",
        "mozdef",
        "mozdefhostname",
        "processid",
        "processname",
        "receivedtimestamp",
        "severity",
        "source",
        "summary",
        "tags",
        "timestamp",
        "type",
        "utctimestamp",
    }
)
_MISSING = object()


def mismatches(event: Mapping[str, Any], fields: Mapping[str, Any]) -> list[str]:
    """Return what of *fields* the *event* does not have, each in words; empty if it matches."""
    wrong = []
    for name, expected in fields.items():
        place = event if name in _TOP_LEVEL else event.get("details", {})
        actual = place.get(name, _MISSING)
        if actual is _MISSING:
            wrong.append(f"{name} is missing")
        elif not _matches(actual, expected):
            wrong.append(f"{name} is {actual!r}")
    return wrong


def _matches(actual: Any, expected: Any) -> bool:
    if isinstance(expected, re.Pattern):
        return isinstance(actual, str) and expected.search(actual) is not None
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return all(
            name in actual and _matches(actual[name], value) for name, value in expected.items()
        )
    if isinstance(expected, AbstractSet) and isinstance(actual, list):
        return all(item in actual for item in expected)
    # 1 and True are equal to Python, and neither to MozDef nor to who reads a test.
    if isinstance(actual, bool) is not isinstance(expected, bool) and _is_number(expected):
        return False
    return bool(actual == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float))
