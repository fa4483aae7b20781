"""The slow path of encoding: rebuild an event that JSON, MozDef or Elasticsearch would refuse.

What is repaired: numbers that are none or beyond 64 bits, lone surrogates, keys that are empty or
no text, cycles, depth, objects that JSON does not know or whose own methods fail, and size. What
is left out is told in ``details.truncated``: ``{"fields": [...], "bytes": N}``.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import orjson

from structlog_mozdef.rendering.convert import (
    DECODED_LIMIT_BYTES,
    DEPTH_LIMIT,
    EVENT_LIMIT_BYTES,
    STRING_LIMIT_BYTES,
    name_of_type,
    safe_str,
    to_jsonable,
    truncate,
    without_surrogates,
)
from structlog_mozdef.rendering.fields import claim_detail, repair_typed_details

_KEY_LIMIT_BYTES = 500
_EMPTY_KEY = "empty_key"
# How much of an event is looked at, in bytes of JSON: more than fits into an event, so that what is
# kept can be chosen, and little enough to take no more than a tenth of a second. The time that a
# value costs is that of so many bytes.
_BUDGET = 40 * EVENT_LIMIT_BYTES
_VALUE_COST = 80
_CONVERSION_COST = 400
_LEAST_SHARE_BYTES = 200
_REPORTED_FIELDS = 20
_REPORTED_FIELD_BYTES = 300
# Room for details.truncated itself.
_REPORT_BYTES = 8_000
_CYCLE = "<cycle>"
_TOO_DEEP = f"<more than {DEPTH_LIMIT} levels>"
_INT64 = range(-(2**63), 2**63)
# Python refuses to write longer ones in decimal (by default from 4,300 digits on).
_DECIMAL_BITS = 2_000


def repair(event: dict[str, Any]) -> bytes:
    """The JSON of a repaired copy of *event*, on one line and below the limits. Never raises."""
    try:
        report = Truncation()
        repaired = {name: _Repair(report).value(value, (name,), 2) for name, value in event.items()}
        details = repaired["details"]
        if type(details) is not dict:
            details = repaired["details"] = {"message": details}
        repair_typed_details(details)  # again: a key or value may only now be what it means
        encoded = orjson.dumps(repaired)
        if len(encoded) + _REPORT_BYTES >= EVENT_LIMIT_BYTES:
            repaired = fit(repaired, EVENT_LIMIT_BYTES - _REPORT_BYTES, (), report)
            encoded = orjson.dumps(repaired)
        if not report.fields:
            return encoded
        claim_detail(repaired["details"], "truncated", report.as_detail())
        return orjson.dumps(repaired)
    except Exception as error:
        return _last_resort(event, error)


def _last_resort(event: dict[str, Any], error: Exception) -> bytes:
    """What can be said of an event that not even `repair` could encode."""
    kept = {
        name: truncate(without_surrogates(value[:1_000]), 1_000) if type(value) is str else value
        for name, value in event.items()
        if type(value) is str or (name == "processid" and type(value) is int)
    }
    reason = f"the event could not be encoded: {name_of_type(type(error))}"
    return orjson.dumps({**kept, "tags": [], "details": {"error": True, "encoding": reason}})


class Truncation:
    """Which fields were left out or cut, and how many bytes of them."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.bytes = 0

    def add(self, path: tuple[str, ...], n_bytes: int) -> None:
        self.bytes += n_bytes
        if len(self.fields) < _REPORTED_FIELDS:
            field = _fit_text(
                truncate(".".join(path), _REPORTED_FIELD_BYTES), _REPORTED_FIELD_BYTES
            )
            if field not in self.fields:
                self.fields.append(field)

    def as_detail(self) -> dict[str, Any]:
        return {"fields": self.fields, "bytes": self.bytes}


class _Repair:
    """One walk over one field of an event."""

    def __init__(self, report: Truncation) -> None:
        self._report = report
        self._ancestors: set[int] = set()
        self._left = _BUDGET

    def value(  # noqa: PLR0911 - one for each kind
        self, value: Any, path: tuple[str, ...], depth: int
    ) -> Any:
        self._left -= _VALUE_COST
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._text(value, path)
        if kind is int:
            return value if value in _INT64 else self._text(_text_of_int(value), path)
        if kind is float:
            return value if math.isfinite(value) else None
        if id(value) in self._ancestors:
            return _CYCLE
        if depth > DEPTH_LIMIT:
            self._report.add(path, 0)
            return _TOO_DEEP
        self._ancestors.add(id(value))
        try:
            if issubclass(kind, dict):
                return self._mapping(value, path, depth)
            if kind is list or kind is tuple:
                return self._array(value, path, depth)
            return self.value(self._converted(value, path), path, depth + 1)
        finally:
            self._ancestors.discard(id(value))

    def _mapping(self, value: dict[Any, Any], path: tuple[str, ...], depth: int) -> dict[str, Any]:
        repaired: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        # Copied in one step: another thread may be changing it.
        entries = list(dict.items(value))
        waiting = min(len(entries), max(self._left, 0) // _VALUE_COST)
        if waiting < len(entries):
            self._report.add(path, 0)
        for key, item in entries[:waiting]:
            name = _key(key)
            if name in repaired:
                name = _numbered(name, repaired, numbers)
            if self._left <= 0:
                self._report.add((*path, name), 0)
                break
            # Each entry may take its share of what is left, so that a large one leaves room for
            # those after it.
            rest = self._left - self._left // waiting
            self._left -= rest
            repaired[name] = self.value(item, (*path, name), depth + 1)
            self._left += rest
            waiting -= 1
        return repaired

    def _array(self, value: Any, path: tuple[str, ...], depth: int) -> list[Any]:
        repaired = []
        n_items = len(value)
        for item in value[: max(self._left, 0) // _VALUE_COST]:
            if self._left <= 0:
                break
            repaired.append(self.value(item, path, depth + 1))
        if len(repaired) < n_items:
            self._report.add(path, 0)
        return repaired

    def _converted(self, value: Any, path: tuple[str, ...]) -> Any:
        self._left -= _CONVERSION_COST
        kind = type(value)
        if kind in (bytes, bytearray) and len(value) > DECODED_LIMIT_BYTES:
            self._report.add(path, len(value) - DECODED_LIMIT_BYTES)
        try:
            return to_jsonable(value)
        except Exception:
            return safe_str(value)

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        # A character takes at most four bytes, and six once a surrogate is written out.
        if len(text) * 6 < STRING_LIMIT_BYTES:
            self._left -= len(text)
            return text if text.isascii() else without_surrogates(text)
        self._left -= min(len(text), STRING_LIMIT_BYTES)
        is_ascii = text.isascii()
        if not is_ascii and len(text) < STRING_LIMIT_BYTES:
            text = without_surrogates(text)
        size = len(text) if is_ascii else len(text.encode("utf-8", "surrogatepass"))
        if size < STRING_LIMIT_BYTES:
            return text
        self._report.add(path, size - STRING_LIMIT_BYTES)
        kept = text[: STRING_LIMIT_BYTES - 1]
        return kept if is_ascii else truncate(without_surrogates(kept), STRING_LIMIT_BYTES - 1)


def _text_of_int(value: int) -> str:
    return str(value) if value.bit_length() < _DECIMAL_BITS else hex(value)


def _key(key: Any) -> str:
    kind = type(key)
    try:
        if key is None or kind is bool:
            text = {None: "null", True: "true", False: "false"}[key]
        elif kind in (str, int, float):
            text = safe_str(key)
        elif issubclass(kind, Enum):
            return _key(key.value)
        else:
            text = safe_str(to_jsonable(key))
    except Exception:
        text = safe_str(key)
    return truncate(without_surrogates(text[:_KEY_LIMIT_BYTES]), _KEY_LIMIT_BYTES) or _EMPTY_KEY


def _numbered(name: str, taken: dict[str, Any], numbers: dict[str, int]) -> str:
    """A free name for an entry whose key becomes the same text as that of another."""
    # The number goes on from the last one: looking from 2 on would take hours for 50,000 of them.
    number = numbers.get(name, 2)
    while (free := f"{name}_{number}") in taken:
        number += 1
    numbers[name] = number + 1
    return free


def fit(value: Any, limit_bytes: int, path: tuple[str, ...], report: Truncation) -> Any:
    """*value* (plain JSON) cut so that its encoding takes about *limit_bytes* at most.

    What is small is kept whole; the room that is left is shared by what is large. Texts keep
    their beginning, arrays their first items, and types stay what they were, since Elasticsearch
    refuses a field that changes its type.
    """
    size = len(orjson.dumps(value))
    if size <= limit_bytes:
        return value
    if isinstance(value, str):
        kept = _fit_text(value, limit_bytes)
        report.add(path, len(value.encode("utf-8")) - len(kept.encode("utf-8")))
        return kept
    if isinstance(value, dict):
        return _fit_mapping(value, limit_bytes, path, report)
    if isinstance(value, list):
        return _fit_array(value, limit_bytes, path, report)
    return value  # a number


def _fit_text(text: str, limit_bytes: int) -> str:
    kept = text
    # Escapes make a character up to six bytes long: cut in proportion until it fits.
    while (size := len(orjson.dumps(kept))) > max(limit_bytes, 2):
        kept = truncate(kept, min(len(kept) - 1, len(kept) * limit_bytes // size))
    return kept


def _fit_array(
    value: list[Any], limit_bytes: int, path: tuple[str, ...], report: Truncation
) -> list[Any]:
    kept: list[Any] = []
    left = limit_bytes - 2
    for item in value:
        left -= len(orjson.dumps(item)) + 1
        if left < 0:
            if not kept and isinstance(item, (str, list, dict)):
                kept.append(fit(item, limit_bytes - 3, path, report))
            break
        kept.append(item)
    if len(kept) < len(value):
        report.add(path, len(orjson.dumps(value[len(kept) :])))
    return kept


def _fit_mapping(
    value: dict[str, Any], limit_bytes: int, path: tuple[str, ...], report: Truncation
) -> dict[str, Any]:
    sizes = {name: len(orjson.dumps({name: item})) for name, item in value.items()}
    left, waiting = limit_bytes - 2, len(sizes)
    kept = set()
    share = 0
    for name in sorted(sizes, key=sizes.__getitem__):
        share = left // waiting
        if sizes[name] > share:
            break
        kept.add(name)
        left -= sizes[name]
        waiting -= 1
    # What is still too large is cut to its share. Shares too small to be of use are not made:
    # the first entries are kept whole then, as long as there is room.
    shares = {
        name: share - len(orjson.dumps(name)) - 2
        for name, item in value.items()
        if name not in kept and isinstance(item, (str, list, dict))
    }
    shares = {name: room for name, room in shares.items() if room > _LEAST_SHARE_BYTES}
    spare = left - share * len(shares)
    fitted = {}
    for name, item in value.items():
        if name in kept:
            fitted[name] = item
        elif name in shares:
            fitted[name] = fit(item, shares[name], (*path, name), report)
        elif sizes[name] <= spare:
            fitted[name] = item
            spare -= sizes[name]
        else:
            report.add((*path, name), sizes[name])
    return fitted
