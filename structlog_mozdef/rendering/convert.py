"""Any object as JSON's own types, or as a string: bounded in size, whatever its methods do.

`to_jsonable` converts a value of a type that JSON does not know; `safe_str` gives any object as a
string, and never raises. The limits of an event are defined here as well.
"""

from __future__ import annotations

import os
import reprlib
import sys
from collections import deque
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import islice
from typing import Any, cast
from uuid import UUID

from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.rendering.timestamps import iso_of_datetime

# Limits

#: Every string is shorter: Elasticsearch rejects a keyword of more than 32,766 bytes.
STRING_LIMIT_BYTES = 32_000
#: Every event is smaller: less than half of what Amazon SQS accepts, and the other destinations
#: accept more (syslog shortens messages itself).
EVENT_LIMIT_BYTES = 100_000
#: Objects and arrays within each other, the event itself included: more than an index accepts.
DEPTH_LIMIT = 50
#: The same in a rendered event: MozDef's index rejects deeper ones.
INDEX_DEPTH_LIMIT = 19
#: Names in the details of an event, at any depth, unless the program says otherwise: MozDef's index
#: accepts 1,000, which all events share.
NAMES_LIMIT = 200
#: No event can have more: the index has names of its own, and so has MozDef.
NAMES_MAXIMUM = 900
#: No more of a binary value is decoded: the rest is cut later anyway, and it may be a gigabyte.
DECODED_LIMIT_BYTES = 100_000
#: No more items fit into an event, and an iterator with methods of its own may never end.
ITEMS_LIMIT = EVENT_LIMIT_BYTES // 2 + 1


# Strings

_CONTAINERS = (list, tuple, dict, set, frozenset)
# A few lists within each other can have a repr that is longer than memory.
_REPR_LEVELS = 5
_BOUNDED = reprlib.Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxdict = 30
_BOUNDED.maxset = _BOUNDED.maxfrozenset = _BOUNDED.maxdeque = 30
_BOUNDED.maxstring = _BOUNDED.maxother = _BOUNDED.maxlong = 500


def safe_str(value: Any) -> str:
    """Return *value* as a string. Never raises, whatever the methods of *value* do."""
    kind = type(value)  # which no ``__class__`` can deny
    if kind is str:
        return cast("str", value)
    try:
        if issubclass(kind, str):
            return str.__str__(value)
        if issubclass(kind, (bytes, bytearray, memoryview)):
            return decode_bytes(value)
        if issubclass(kind, Enum):
            return safe_str(value.value)
        return str.__str__(_repr(value, kind))
    except Exception as error:
        pass_on(error)
        return f"<{name_of_type(kind)} whose repr raised {name_of_type(type(error))}>"


def _repr(value: Any, kind: type) -> str:
    for base in _CONTAINERS:
        if issubclass(kind, base) and kind.__repr__ is base.__repr__:
            bounded: str = getattr(_BOUNDED, f"repr_{base.__name__}")(value, _REPR_LEVELS)
            return bounded
    return repr(value)


def name_of_type(kind: type) -> str:
    """Return the name of a class, even if its metaclass hides it."""
    return str.__str__(type.__dict__["__name__"].__get__(kind))


def decode_bytes(value: bytes | bytearray | memoryview) -> str:
    r"""Decode *value* as UTF-8; bytes that are not UTF-8 become ``\x..``."""
    return bytes(value[:DECODED_LIMIT_BYTES]).decode("utf-8", "backslashreplace")


def without_surrogates(text: str) -> str:
    r"""Return *text* with each lone surrogate, which UTF-8 cannot encode, written as ``\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def truncate(text: str, limit_bytes: int) -> str:
    """Return the beginning of *text* that has at most *limit_bytes* in UTF-8."""
    # A character has at least one byte: characters beyond the limit need not be encoded.
    return text[:limit_bytes].encode("utf-8")[:limit_bytes].decode("utf-8", "ignore")


def without_middle(text: str, limit_bytes: int) -> str:
    """Return the beginning and the end of *text*, which together have at most *limit_bytes*.

    A stack says at its end where it failed, and at its beginning how the program came there.
    """
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= limit_bytes:
        return encoded.decode("utf-8")
    left_out = f"\n... {count_of(len(encoded) - limit_bytes, 'byte')} left out ...\n"
    kept = limit_bytes - len(left_out)
    if kept < 2:
        return truncate(encoded.decode("utf-8"), limit_bytes)
    beginning = encoded[: kept // 2].decode("utf-8", "ignore")
    return beginning + left_out + encoded[-(kept // 2) :].decode("utf-8", "ignore")


# JSON's own types


def to_jsonable(value: Any, naive_zone: tzinfo | None = None) -> Any:
    """Convert *value* one step towards JSON's own types; to a string if its type is unknown.

    The result may need another conversion: the value of an enumeration can be anything. Iterators
    are never consumed.

    Args:
        value: of any type but JSON's own.
        naive_zone: the time zone of naive datetimes. Default: local time.

    Raises:
        Exception: whatever the methods of *value* raise.
    """
    kind = type(value)
    if naive_zone is not None and issubclass(kind, datetime):
        return iso_of_datetime(value, naive_zone)
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
    return _jsonable_numpy(value) if "numpy" in sys.modules else safe_str(value)


def _shown_fields(value: Any, fields: Any) -> dict[str, Any]:
    """Return the fields of a dataclass or attrs instance that its author lets a repr show."""
    definitions = fields.values() if isinstance(fields, dict) else fields
    return {
        definition.name: getattr(value, definition.name)
        for definition in definitions
        if definition.repr and hasattr(value, definition.name)
    }


def _jsonable_numpy(value: Any) -> Any:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic):
        scalar = value.item()
        return repr(value) if isinstance(scalar, numpy.generic) else scalar
    # A larger array is cut anyway, and its repr is short.
    if isinstance(value, numpy.ndarray) and value.size <= DECODED_LIMIT_BYTES:
        return value.tolist()
    return safe_str(value)


# Subclasses lose what they add to JSON's own types. The base's method is called, since theirs can
# do anything; a proxy, which only claims the type, is converted by its own.


def _jsonable_str(value: Any) -> str:
    return str.__str__(value) if issubclass(type(value), str) else str(value)


def _jsonable_int(value: Any) -> int:
    return int.__index__(value) if issubclass(type(value), int) else int(value)


def _jsonable_float(value: Any) -> float:
    return float.__float__(value) if issubclass(type(value), float) else float(value)


def _jsonable_array(value: Any) -> list[Any]:
    for kind in (list, tuple, set, frozenset):
        if issubclass(type(value), kind):
            return list(islice(kind.__iter__(value), ITEMS_LIMIT))
    return list(islice(value, ITEMS_LIMIT))


def _jsonable_tuple(value: Any) -> Any:
    names = getattr(type(value), "_fields", None)
    if type(names) is not tuple:
        return _jsonable_array(value)
    return dict(zip(names, _jsonable_array(value), strict=False))


def _jsonable_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(islice(value.items(), ITEMS_LIMIT))


# Found at once, without a walk through the other conversions.
_FREQUENT: dict[type, Any] = {
    bool: bool,
    datetime: iso_of_datetime,
    UUID: str,
    Decimal: str,
    bytes: decode_bytes,
}

# The first that fits is used.
_CONVERSIONS: tuple[tuple[Any, Any], ...] = (
    (datetime, iso_of_datetime),
    (Enum, lambda value: value.value),
    (str, _jsonable_str),
    (int, _jsonable_int),
    (float, _jsonable_float),
    (tuple, _jsonable_tuple),
    ((list, set, frozenset, deque, KeysView, ValuesView, ItemsView), _jsonable_array),
    ((bytes, bytearray, memoryview), decode_bytes),
    (Mapping, _jsonable_mapping),
    ((UUID, Decimal, IPv4Address, IPv6Address, IPv4Network, IPv6Network), str),
    (timedelta, timedelta.total_seconds),
    ((date, time), lambda value: value.isoformat()),
    (os.PathLike, os.fspath),
)
