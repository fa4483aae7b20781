"""JSON encoding that never fails.

orjson does the work, but is given only the exact types of JSON, and not too many values. It would
call the methods of other objects while it walks: a method that changes the list being walked (or
lets another thread change it) makes orjson read freed memory. A few lists within each other can
stand for more values than fit into memory, and an `orjson.Fragment` is written without a check.

`repair` rebuilds an event that orjson rejects, or that MozDef or Elasticsearch would reject (an
empty key or one with dots, an array of several types, great depth, great
size). The events of a sane program never pay for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

import orjson

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import (
    EVENT_LIMIT_BYTES,
    FIELDS_LIMIT,
    INDEX_DEPTH_LIMIT,
    STRING_LIMIT_BYTES,
    to_jsonable,
)
from structlog_mozdef.rendering.fields import may_be_date
from structlog_mozdef.rendering.repair import repair

# STRICT_INTEGER rejects integers beyond the signed 64 bits of Elasticsearch, at no cost for the
# rest. A newline is appended so that cutting it off makes a copy of the right size: orjson's own
# result keeps 4 kB for 450 bytes, which a buffer of waiting events would have to pay for.
_OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_APPEND_NEWLINE
_SCALARS = frozenset({str, int, float, bool, type(None)})
# An event of more values is too large anyway.
_VALUES_LIMIT = STRING_LIMIT_BYTES // 2
_FLAT_LIMIT = 100
# A smaller event cannot have too many names: each takes five bytes, with its value and a comma.
_SMALL_BYTES = FIELDS_LIMIT * 5
# The types of an array that the index stores under one name. Strings are looked at one by one.
_NUMBERS = frozenset({int, float, type(None)})
_TEXTS = _NUMBERS | {str}
_BOOLEANS = frozenset({bool, type(None)})
# The cost of a conversion, in values of JSON.
_CONVERSION_COST = 5


def encode(event: dict[str, Any], naive_zone: tzinfo | None = None) -> bytes:
    """Encode a MozDef event whose values may be anything as one line of JSON. Never raises.

    Args:
        event: the ten top-level fields; ``details`` is a dict.
        naive_zone: the time zone of naive datetimes. Default: local time.
    """
    try:
        details = event["details"]
        candidate = event
        for value in details.values():
            if type(value) not in _SCALARS and not _is_flat(value):
                candidate = {**event, "details": _jsonable_details(details, naive_zone)}
                break
        # Nearly every event has names that are those of keyword arguments: nothing to look at.
        if "" not in details and ("".join(details).isidentifier() or _are_indexable(details)):
            encoded = orjson.dumps(candidate, None, _OPTIONS)
            size = len(encoded)
            if size <= _SMALL_BYTES or (
                encoded.count(b'":') <= FIELDS_LIMIT
                and (
                    size <= STRING_LIMIT_BYTES
                    or (size <= EVENT_LIMIT_BYTES and not _has_long_string(candidate))
                )
            ):
                return encoded[:-1]
    except Exception as error:
        pass_on(error)  # whatever it was, `repair` finds it again
    return repair(event, naive_zone)


def _is_flat(value: Any) -> bool:
    """Return whether *value* is one small object or array of scalars, the usual kind."""
    kind = type(value)
    if kind is dict:
        return len(value) < _FLAT_LIMIT and _are_scalars(value.values()) and _are_indexable(value)
    return (
        (kind is list or kind is tuple)
        and len(value) < _FLAT_LIMIT
        and _are_scalars(value)
        and _has_one_type(value)
    )


def _are_indexable(names: Any) -> bool:
    """Return whether no name among *names* needs a second look: has a dot, is empty or blank."""
    for name in names:  # noqa: SIM110 - half the time of `all`
        if not name or "." in name or name.isspace():
            return False
    return True


def _has_one_type(items: Any) -> bool:
    """Return whether the index detects one type for all of *items*, which are scalars."""
    kinds = set(map(type, items))
    if str not in kinds:
        return kinds <= _NUMBERS or kinds <= _BOOLEANS
    return kinds <= _TEXTS and (
        len(items) == 1 or not any(type(item) is str and may_be_date(item) for item in items)
    )


def _are_scalars(items: Iterable[Any]) -> bool:
    return _SCALARS.issuperset(map(type, items))


def _has_long_string(value: Any) -> bool:
    """Return whether a string in *value*, which has JSON's own types, may be too long."""
    kind = type(value)
    if kind is str:
        # A character has at most four bytes.
        return len(value) * (1 if value.isascii() else 4) >= STRING_LIMIT_BYTES
    if kind is dict:
        return any(map(_has_long_string, value)) or any(map(_has_long_string, list(value.values())))
    return (kind is list or kind is tuple) and any(map(_has_long_string, value))


def _jsonable_details(details: Any, naive_zone: tzinfo | None) -> dict[str, Any]:
    """Return *details* in JSON's own types; raises as `_jsonable` does."""
    if type(details) is not dict:
        raise TypeError
    budget = [_VALUES_LIMIT]
    return {
        name: value if type(value) in _SCALARS else _jsonable(value, 3, budget, naive_zone)
        for name, value in list(details.items())
    }


def _jsonable(value: Any, depth: int, budget: list[int], naive_zone: tzinfo | None) -> Any:
    """Return *value* itself if all of it has JSON's own types, else a copy that has.

    Raises:
        Exception: the event needs `repair`, or the methods of a value fail.
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
        return _jsonable(to_jsonable(value, naive_zone), depth + 1, budget, naive_zone)
    budget[0] -= len(value) + 1
    if budget[0] < 0 or depth > INDEX_DEPTH_LIMIT or (kind is dict and not _are_indexable(value)):
        raise ValueError
    if _are_scalars(items):
        if kind is not dict and not _has_one_type(value):
            raise ValueError
        return value
    depth += 1
    if kind is dict:
        # Copied in one step: another thread may be changing it.
        return {
            name: _jsonable(item, depth, budget, naive_zone) for name, item in list(value.items())
        }
    converted = [_jsonable(item, depth, budget, naive_zone) for item in list(items)]
    if not _are_scalars(converted) or not _has_one_type(converted):
        raise ValueError  # objects in an array share their names: `repair` compares their types
    return converted
