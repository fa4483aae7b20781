"""Any object as text, without an exception and without lone surrogates."""

from __future__ import annotations

import reprlib
from enum import Enum
from typing import Any, cast

#: No more of a binary value is decoded: all beyond is cut later, and it may be a gigabyte.
DECODED_LIMIT_BYTES = 100_000

_CONTAINERS = (list, tuple, dict, set, frozenset)
# A few lists within each other can have a repr that is longer than memory.
_LEVELS = 5
_BOUNDED = reprlib.Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxdict = 30
_BOUNDED.maxset = _BOUNDED.maxfrozenset = _BOUNDED.maxdeque = 30
_BOUNDED.maxstring = _BOUNDED.maxother = _BOUNDED.maxlong = 500


def text_of(value: Any) -> str:
    """*value* as text, whatever its methods do."""
    kind = type(value)  # which no ``__class__`` can deny
    if kind is str:
        return cast("str", value)
    try:
        if issubclass(kind, str):
            return str.__str__(value)
        if issubclass(kind, (bytes, bytearray, memoryview)):
            return text_of_bytes(value)
        if issubclass(kind, Enum):
            return text_of(value.value)
        return str.__str__(_repr(value, kind))
    except Exception as error:
        return f"<{name_of_type(kind)} whose repr raised {name_of_type(type(error))}>"


def _repr(value: Any, kind: type) -> str:
    for base in _CONTAINERS:
        if issubclass(kind, base) and kind.__repr__ is base.__repr__:
            bounded: str = getattr(_BOUNDED, f"repr_{base.__name__}")(value, _LEVELS)
            return bounded
    return repr(value)


def name_of_type(kind: type) -> str:
    """The name of a class, also of one whose metaclass hides it."""
    return str.__str__(type.__dict__["__name__"].__get__(kind))


def text_of_bytes(value: bytes | bytearray | memoryview) -> str:
    r"""*value* read as UTF-8; other bytes become ``\x..``."""
    return bytes(value[:DECODED_LIMIT_BYTES]).decode("utf-8", "backslashreplace")


def without_surrogates(text: str) -> str:
    r"""*text* with each lone surrogate, which UTF-8 does not know, written as ``\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def cut(text: str, limit_bytes: int) -> str:
    """The beginning of *text* that takes at most *limit_bytes* in UTF-8."""
    # A character takes at least one byte: no need to encode what cannot fit.
    return text[:limit_bytes].encode("utf-8")[:limit_bytes].decode("utf-8", "ignore")
