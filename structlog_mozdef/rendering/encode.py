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
from datetime import date, tzinfo
from itertools import chain
from typing import Any, Protocol

import orjson

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import (
    EVENT_LIMIT_BYTES,
    INDEX_DEPTH_LIMIT,
    NAMES_LIMIT,
    STRING_LIMIT_BYTES,
    to_jsonable,
)
from structlog_mozdef.rendering.detection import (
    AFTER_DIGITS,
    PARTS_LIMIT,
    are_indexable,
    are_known_names,
    is_impossible_date,
    may_be_date,
    may_have_dates,
    may_have_impossible_dates,
)
from structlog_mozdef.rendering.indexable import n_names
from structlog_mozdef.rendering.repair import repair

#: Of orjson. STRICT_INTEGER rejects integers beyond the signed 64 bits of Elasticsearch, at no cost
#: for the rest. A newline is appended so that cutting it off makes a copy of the right size:
#: orjson's own result keeps 4 kB for 450 bytes, which a buffer of waiting events would have to pay.
OPTIONS = orjson.OPT_STRICT_INTEGER | orjson.OPT_APPEND_NEWLINE
_SCALARS = frozenset({str, int, float, bool, type(None)})
# An event of more values is too large anyway.
_VALUES_LIMIT = STRING_LIMIT_BYTES // 2
_FLAT_LIMIT = 100
# What a name takes at least, as in "a.b.c.d.e":1, which are five; and the other fields of an event.
_NAME_BYTES = 3
_OTHER_FIELDS_BYTES = 130
# The types that an array may have together: numbers become keywords, as strings do.
_STRINGS = frozenset({str})
_NUMBERS = frozenset({int, float, type(None)})
_BOOLEANS = frozenset({bool, type(None)})
# The cost of a conversion, in values of JSON.
_CONVERSION_COST = 5


class EventRedactor(Protocol):
    """Replaces secrets in events: `structlog_mozdef.Redactor`."""

    def may_have_secret(
        self, event: dict[str, Any], nested: list[Any], line: bytes, are_flat: bool
    ) -> bool:
        """Return whether *event*, which was rendered as *line*, can have a secret.

        All its values have JSON's own types. Those of its details that are objects or arrays are in
        *nested*; *are_flat* says that they have no others in them.
        """

    def redact(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return *event* without its secrets."""


def encode(  # noqa: PLR0917 - by position a log call passes them faster
    event: dict[str, Any],
    naive_zone: tzinfo | None = None,
    are_usual: bool = False,
    max_names: int = NAMES_LIMIT,
    redactor: EventRedactor | None = None,
    options: int = OPTIONS,
    end: int | None = -1,
) -> bytes:
    """Encode a MozDef event whose values may be anything as one line of JSON. Never raises.

    Args:
        event: the ten top-level fields; ``details`` is a dict.
        naive_zone: the time zone of naive datetimes. Default: local time.
        are_usual: whether the names of the details are known to be good.
        max_names: how many names the details may have.
        redactor: replaces the secrets in the event.
        options: of orjson, for an event that needs no `repair`.
        end: where such an event is cut: before its newline.
    """
    try:
        details = event["details"]
        candidate = event
        nested = []
        is_impossible = False
        for value in details.values():
            kind = type(value)
            if kind is str:
                if value < AFTER_DIGITS and is_impossible_date(value):
                    is_impossible = True
                    break
            elif kind not in _SCALARS:
                nested.append(value)
                if not _is_flat(value):
                    converted = _jsonable_details(details, naive_zone)
                    candidate = {**event, "details": converted}
                    nested = [item for item in converted.values() if type(item) not in _SCALARS]
                    break
        if not is_impossible and (are_usual or are_indexable(details)):
            encoded = orjson.dumps(candidate, None, options)
            size = len(encoded)
            are_flat = candidate is event or not nested
            if (
                size <= max_names * _NAME_BYTES + _OTHER_FIELDS_BYTES
                or (
                    (
                        (are_flat and _are_few(details, nested, max_names))
                        or _has_few_names(candidate["details"], encoded, max_names)
                    )
                    and (
                        size <= STRING_LIMIT_BYTES
                        or (size <= EVENT_LIMIT_BYTES and not _has_long_string(candidate))
                    )
                )
            ) and not (
                # Flat values were looked at, unless that ended early.
                (candidate is not event and may_have_impossible_dates(encoded))
                or (
                    redactor is not None
                    and redactor.may_have_secret(candidate, nested, encoded, are_flat)
                )
            ):
                return encoded[:end]
    except Exception as error:
        pass_on(error)  # whatever it was, `repair` finds it again
    if redactor is not None:
        return encode(redactor.redact(event), naive_zone, max_names=max_names)
    return repair(event, naive_zone, max_names)


def _are_few(details: dict[str, Any], nested: list[Any], max_names: int) -> bool:
    """Return whether *details*, with those that are flat in *nested*, surely have few names."""
    return (len(details) + sum(map(len, nested))) * PARTS_LIMIT <= max_names


def _has_few_names(details: dict[str, Any], encoded: bytes, max_names: int) -> bool:
    # Each name has a colon behind it. Strings have some as well, and may look like names, and
    # objects in an array have the same ones: so each look costs more than the one before it.
    dots = encoded.count(b".")
    return (
        encoded.count(b":") + dots <= max_names
        or encoded.count(b'":') + dots <= max_names
        or n_names(details) <= max_names
    )


def _is_flat(value: Any) -> bool:
    """Return whether *value* is one small object or array of scalars, the usual kind.

    False as well if a string in it is an impossible date.
    """
    kind = type(value)
    if kind is not dict:
        return (kind is list or kind is tuple) and len(value) < _FLAT_LIMIT and _has_one_type(value)
    if len(value) >= _FLAT_LIMIT:
        return False
    for item in value.values():
        kind = type(item)
        if kind is str:
            if item < AFTER_DIGITS and is_impossible_date(item):
                return False
        elif kind not in _SCALARS:
            return False
    return are_known_names(value) or are_indexable(value)


def _has_one_type(items: Any) -> bool:
    """Return whether *items* are scalars for which the index detects one type."""
    kinds = set(map(type, items))
    if str not in kinds:
        return kinds <= _NUMBERS or kinds <= _BOOLEANS
    return kinds == _STRINGS and not (
        is_impossible_date(items[0]) if len(items) == 1 else may_have_dates(items)
    )


def _are_scalars(items: Iterable[Any]) -> bool:
    return _SCALARS.issuperset(map(type, items))


def _has_long_string(value: Any) -> bool:
    """Return whether a string in *value*, which is of JSON's own types, may be too long."""
    items = chain(value, value.values()) if type(value) is dict else value
    for item in items:
        kind = type(item)
        if kind is str:
            # A character has at most four bytes.
            if len(item) * 4 >= STRING_LIMIT_BYTES and (
                len(item) >= STRING_LIMIT_BYTES or not item.isascii()
            ):
                return True
        elif kind not in _SCALARS and _has_long_string(item):
            return True
    return False


def _jsonable_details(details: Any, naive_zone: tzinfo | None) -> dict[str, Any]:
    """Return *details* in JSON's own types; raises as `_jsonable` does."""
    if type(details) is not dict:
        raise TypeError
    budget = [_VALUES_LIMIT]
    converted = {
        name: value if type(value) in _SCALARS else _jsonable(value, 3, budget, naive_zone)
        for name, value in list(details.items())
    }
    for name, value in converted.items():
        if type(value) not in _SCALARS and not _agree((value,), {}, name):
            raise ValueError
    return converted


def _agree(items: Iterable[Any], types: dict[str, type], path: str) -> bool:
    """Return whether the index detects one type for each name in *items*, the values of *path*.

    *types* has those of the paths seen before; an array has no type of its own.
    """
    for item in items:
        kind = type(item)
        if item is None:
            continue
        if kind is list or kind is tuple:
            if not _agree(item, types, path):
                return False
            continue
        if kind is str and may_be_date(item):
            if path in types:
                return False
            kind = date
        elif kind is not dict and kind is not bool:
            kind = str
        if types.setdefault(path, kind) is not kind:
            return False
        if kind is dict and not all(
            _agree((value,), types, f"{path}.{name}") for name, value in item.items()
        ):
            return False
    return True


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
    if budget[0] < 0 or depth > INDEX_DEPTH_LIMIT or (kind is dict and not _are_plain(value)):
        raise ValueError
    if _are_scalars(items):
        return value
    depth += 1
    if kind is dict:
        # Copied in one step: another thread may be changing it.
        return {
            name: _jsonable(item, depth, budget, naive_zone) for name, item in list(value.items())
        }
    return [_jsonable(item, depth, budget, naive_zone) for item in list(items)]


def _are_plain(names: Any) -> bool:
    """Return whether *names* are good ones without dots, which add to the depth."""
    return are_known_names(names) or (
        not any("." in name for name in names) and are_indexable(names)
    )
