"""JSON encoding that never fails.

orjson does the work, but only on exact types of JSON, and not too many of them. It would run the
methods of other objects while it walks; one that changes the list it walks over (or lets another
thread do that) makes it read freed memory. A few lists within each other can stand for more values
than there is memory, and a fragment is written unseen. `repair` rebuilds an event that orjson
refuses, or that MozDef or Elasticsearch would (an empty key, great depth, great size): the event
that a sane program logs never pays for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from structlog_mozdef.rendering.convert import (
    DEPTH_LIMIT,
    EVENT_LIMIT_BYTES,
    STRING_LIMIT_BYTES,
    to_jsonable,
)
from structlog_mozdef.rendering.repair import repair

# STRICT_INTEGER refuses what may be beyond the signed 64 bits of Elasticsearch, at no cost for the
# rest. The newline is asked for so that cutting it off makes a copy of the right size: orjson's
# own result keeps 4 kB for 450 bytes, which a buffer of waiting events would have to pay for.
_OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_APPEND_NEWLINE
_SCALARS = frozenset({str, int, float, bool, type(None)})
# An event of more values is too large anyway.
_VALUES_LIMIT = STRING_LIMIT_BYTES // 2
_FLAT_LIMIT = 100
# What a conversion takes, in values of JSON.
_CONVERSION_COST = 5


def encode(event: dict[str, Any]) -> bytes:
    """One line of JSON for a MozDef event whose values may be anything. Never raises.

    Args:
        event: the ten top-level fields; ``details`` is a dict.
    """
    try:
        details = event["details"]
        candidate = event
        for value in details.values():
            if type(value) not in _SCALARS and not _is_flat(value):
                candidate = {**event, "details": _plain_details(details)}
                break
        if "" not in details:
            encoded = orjson.dumps(candidate, None, _OPTIONS)
            size = len(encoded)
            if size <= STRING_LIMIT_BYTES or (
                size <= EVENT_LIMIT_BYTES and not _has_long_text(candidate)
            ):
                return encoded[:-1]
    except Exception:
        pass  # whatever it was, the repair finds it again
    return repair(event)


def _is_flat(value: Any) -> bool:
    """Whether *value* is one small object or array of scalars, the usual kind."""
    kind = type(value)
    if kind is dict:
        return len(value) < _FLAT_LIMIT and "" not in value and _are_scalars(value.values())
    return (kind is list or kind is tuple) and len(value) < _FLAT_LIMIT and _are_scalars(value)


def _are_scalars(items: Iterable[Any]) -> bool:
    return _SCALARS.issuperset(map(type, items))


def _has_long_text(value: Any) -> bool:
    """Whether a text in *value*, which is plain JSON, may be too long."""
    kind = type(value)
    if kind is str:
        # A character takes at most four bytes.
        return len(value) * (1 if value.isascii() else 4) >= STRING_LIMIT_BYTES
    if kind is dict:
        return any(map(_has_long_text, value)) or any(map(_has_long_text, list(value.values())))
    return (kind is list or kind is tuple) and any(map(_has_long_text, value))


def _plain_details(details: Any) -> dict[str, Any]:
    """*details* with the odd ones converted; raises as `_plain` does."""
    if type(details) is not dict:
        raise TypeError
    budget = [_VALUES_LIMIT]
    return {
        name: value if type(value) in _SCALARS else _plain(value, 3, budget)
        for name, value in list(details.items())
    }


def _plain(value: Any, depth: int, budget: list[int]) -> Any:
    """*value* in exact types of JSON; itself where it is that already.

    Raises:
        Exception: where the event needs repair, or the methods of a value fail.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        items: Any = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        # One level deeper, so that conversions into ever new objects end as well.
        budget[0] -= _CONVERSION_COST
        return _plain(to_jsonable(value), depth + 1, budget)
    budget[0] -= len(value) + 1
    if budget[0] < 0 or depth > DEPTH_LIMIT or (kind is dict and "" in value):
        raise ValueError
    if _are_scalars(items):
        return value
    depth += 1
    if kind is dict:
        # Copied in one step: another thread may be changing it.
        return {name: _plain(item, depth, budget) for name, item in list(value.items())}
    return [_plain(item, depth, budget) for item in list(items)]
