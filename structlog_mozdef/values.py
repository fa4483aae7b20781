"""What stands in an event for a value of a type that JSON does not know."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice
from typing import Any
from uuid import UUID

from structlog_mozdef.limits import EVENT_LIMIT_BYTES
from structlog_mozdef.text import DECODED_LIMIT_BYTES, text_of, text_of_bytes
from structlog_mozdef.timestamps import iso_of_datetime

# More cannot fit into an event, and an iterator with methods of its own may never end.
_ITEMS_LIMIT = EVENT_LIMIT_BYTES // 2 + 1


def plain(value: Any) -> Any:
    """*value* in terms that are nearer to JSON; its text where there are none.

    The result may need another look: the value of an enumeration can be anything. Iterators are
    never consumed.

    Raises:
        Exception: whatever the methods of *value* raise.
    """
    kind = type(value)
    exact = _FREQUENT.get(kind)
    if exact is not None:
        return exact(value)
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value)
    if hasattr(kind, "__structlog__"):
        return value.__structlog__()
    for fields in ("__dataclass_fields__", "__attrs_attrs__"):
        if hasattr(kind, fields):
            return _shown_fields(value, getattr(kind, fields))
    return _plain_numpy(value) if "numpy" in sys.modules else text_of(value)


def _shown_fields(value: Any, fields: Any) -> dict[str, Any]:
    """The fields of a dataclass or attrs instance that its author lets a repr show."""
    definitions = fields.values() if isinstance(fields, dict) else fields
    return {
        definition.name: getattr(value, definition.name)
        for definition in definitions
        if definition.repr and hasattr(value, definition.name)
    }


def _plain_numpy(value: Any) -> Any:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic):
        scalar = value.item()
        return repr(value) if isinstance(scalar, numpy.generic) else scalar
    # A larger array is cut anyway, and its repr is short.
    if isinstance(value, numpy.ndarray) and value.size <= DECODED_LIMIT_BYTES:
        return value.tolist()
    return text_of(value)


# Subclasses lose what they add to JSON's own types. The base's method is asked, since theirs can
# do anything; a proxy, which only says that it is one, is asked itself.


def _plain_text(value: Any) -> str:
    return str.__str__(value) if issubclass(type(value), str) else str(value)


def _plain_int(value: Any) -> int:
    return int.__index__(value) if issubclass(type(value), int) else int(value)


def _plain_float(value: Any) -> float:
    return float.__float__(value) if issubclass(type(value), float) else float(value)


def _plain_array(value: Any) -> list[Any]:
    for kind in (list, tuple, set, frozenset):
        if issubclass(type(value), kind):
            return list(islice(kind.__iter__(value), _ITEMS_LIMIT))
    return list(islice(value, _ITEMS_LIMIT))


def _plain_tuple(value: Any) -> Any:
    names = getattr(type(value), "_fields", None)
    if type(names) is not tuple:
        return _plain_array(value)
    return dict(zip(names, _plain_array(value), strict=False))


def _plain_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(islice(value.items(), _ITEMS_LIMIT))


# Spared the long way through the others.
_FREQUENT: dict[type, Any] = {
    bool: bool,
    datetime: iso_of_datetime,
    UUID: str,
    Decimal: str,
    bytes: text_of_bytes,
}

# The first that fits counts.
_CONVERSIONS: tuple[tuple[Any, Any], ...] = (
    (datetime, iso_of_datetime),
    (Enum, lambda value: value.value),
    (str, _plain_text),
    (int, _plain_int),
    (float, _plain_float),
    (tuple, _plain_tuple),
    ((list, set, frozenset, deque, KeysView, ValuesView, ItemsView), _plain_array),
    ((bytes, bytearray, memoryview), text_of_bytes),
    (Mapping, _plain_mapping),
    ((UUID, Decimal, IPv4Address, IPv6Address, IPv4Network, IPv6Network), str),
    (timedelta, timedelta.total_seconds),
    ((date, time), lambda value: value.isoformat()),
    (os.PathLike, os.fspath),
)
