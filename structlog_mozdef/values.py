"""What stands in an event for a value of a type that JSON does not know."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

from structlog_mozdef.text import DECODED_LIMIT_BYTES, text_of, text_of_bytes
from structlog_mozdef.timestamps import iso_of_datetime


def plain(value: Any) -> Any:
    """*value* in terms that are nearer to JSON; its text where there are none.

    The result may need another look: the value of an enumeration can be anything. Iterators are
    never consumed.
    """
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value)
    kind = type(value)
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


def _plain_tuple(value: tuple[Any, ...]) -> Any:
    names = getattr(value, "_fields", None)
    return dict(zip(names, value, strict=False)) if names else list(value)


# The first that fits counts. Subclasses of JSON's own types lose what they add to them.
_CONVERSIONS: tuple[tuple[Any, Any], ...] = (
    (datetime, iso_of_datetime),
    (Enum, lambda value: value.value),
    (str, str.__str__),
    (int, int.__index__),
    (float, float.__float__),
    (tuple, _plain_tuple),
    (list, list),
    ((set, frozenset), list),
    ((bytes, bytearray, memoryview), text_of_bytes),
    (Mapping, dict),
    ((UUID, Decimal, IPv4Address, IPv6Address, IPv4Network, IPv6Network), str),
    (timedelta, timedelta.total_seconds),
    ((date, time), lambda value: value.isoformat()),
    (os.PathLike, os.fspath),
)
