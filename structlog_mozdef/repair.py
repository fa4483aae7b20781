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

from structlog_mozdef.details import claim_detail, free_name
from structlog_mozdef.limits import DEPTH_LIMIT, EVENT_LIMIT_BYTES, STRING_LIMIT_BYTES
from structlog_mozdef.text import cut, text_of, without_surrogates
from structlog_mozdef.values import plain

_KEY_LIMIT_BYTES = 500
_EMPTY_KEY = "empty_key"
# Enough for an event of the greatest size; more would only take the caller's time.
_VALUES_LIMIT = EVENT_LIMIT_BYTES // 2
_REPORTED_FIELDS = 20
# Room for details.truncated itself: its fields are cut keys below each other.
_REPORT_BYTES = 8_000
_CYCLE = "<cycle>"
_TOO_DEEP = f"<more than {DEPTH_LIMIT} levels>"
_INT64 = range(-(2**63), 2**63)


def repair(event: dict[str, Any]) -> bytes:
    """The JSON of a repaired copy of *event*, on one line and below the limits. Never raises."""
    try:
        report = Truncation()
        repaired = _Repair(report).mapping(event, (), 1)
        encoded = orjson.dumps(repaired)
        if len(encoded) + _REPORT_BYTES >= EVENT_LIMIT_BYTES:
            repaired = fit(repaired, EVENT_LIMIT_BYTES - _REPORT_BYTES, (), report)
        if report.fields:
            claim_detail(repaired["details"], "truncated", report.as_detail())
        return orjson.dumps(repaired)
    except Exception as error:
        return _last_resort(event, error)


def _last_resort(event: dict[str, Any], error: Exception) -> bytes:
    """What can be said of an event that not even `repair` could encode."""
    kept = {
        name: without_surrogates(cut(value, 1_000)) if isinstance(value, str) else value
        for name, value in event.items()
        if isinstance(value, str) or (name == "processid" and type(value) is int)
    }
    reason = f"the event could not be encoded: {type(error).__name__}"
    return orjson.dumps({**kept, "tags": [], "details": {"error": True, "encoding": reason}})


class Truncation:
    """Which fields were left out or cut, and how many bytes of them."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.bytes = 0

    def add(self, path: tuple[str, ...], n_bytes: int) -> None:
        self.bytes += n_bytes
        field = cut(".".join(path), 300)
        if len(self.fields) < _REPORTED_FIELDS and field not in self.fields:
            self.fields.append(field)

    def as_detail(self) -> dict[str, Any]:
        return {"fields": self.fields, "bytes": self.bytes}


class _Repair:
    """One walk over one event."""

    def __init__(self, report: Truncation) -> None:
        self._report = report
        self._ancestors: set[int] = set()
        self._values_left = _VALUES_LIMIT

    def value(  # noqa: PLR0911 - one for each kind
        self, value: Any, path: tuple[str, ...], depth: int
    ) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._text(value, path)
        if kind is int:
            # In hexadecimal: Python refuses to write very long integers in decimal.
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
            if isinstance(value, dict):
                return self.mapping(value, path, depth)
            if kind in (list, tuple):
                return self._array(value, path, depth)
            return self._other(value, path, depth)
        finally:
            self._ancestors.discard(id(value))

    def mapping(self, value: dict[Any, Any], path: tuple[str, ...], depth: int) -> dict[str, Any]:
        repaired: dict[str, Any] = {}
        # Copied in one step: another thread may be changing it.
        for key, item in list(dict.items(value)):
            name = free_name(repaired, _key(key))
            if not self._take((*path, name)):
                break
            repaired[name] = self.value(item, (*path, name), depth + 1)
        return repaired

    def _array(self, value: Any, path: tuple[str, ...], depth: int) -> list[Any]:
        repaired = []
        for item in list(value):
            if not self._take(path):
                break
            repaired.append(self.value(item, path, depth + 1))
        return repaired

    def _take(self, path: tuple[str, ...]) -> bool:
        self._values_left -= 1
        if self._values_left < 0:
            self._report.add(path, 0)
            return False
        return True

    def _other(self, value: Any, path: tuple[str, ...], depth: int) -> Any:
        try:
            converted = plain(value)
        except Exception:
            converted = text_of(value)
        # One level deeper, so that conversions into ever new objects end as well.
        return self.value(converted, path, depth + 1)

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        if not text.isascii():
            text = without_surrogates(text)
        # Three quarters of the limit in characters can be above it in bytes.
        if len(text) * 4 < STRING_LIMIT_BYTES:
            return text
        size = len(text) if text.isascii() else len(text.encode("utf-8"))
        if size < STRING_LIMIT_BYTES:
            return text
        self._report.add(path, size - STRING_LIMIT_BYTES)
        return cut(text, STRING_LIMIT_BYTES - 1)


def _text_of_int(value: int) -> str:
    return str(value) if value.bit_length() < 10_000 else hex(value)


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        text = {None: "null", True: "true", False: "false"}[key]
    elif isinstance(key, Enum):
        return _key(key.value)
    elif isinstance(key, (str, int, float, bytes)):
        text = text_of(key)
    else:
        try:
            converted = plain(key)
        except Exception:
            converted = text_of(key)
        text = text_of(converted)
    return without_surrogates(cut(without_surrogates(text), _KEY_LIMIT_BYTES)) or _EMPTY_KEY


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
        kept = cut(kept, min(len(kept) - 1, len(kept) * limit_bytes // size))
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
                return kept
            break
        kept.append(item)
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
    fitted = {}
    for name, item in value.items():
        overhead = len(orjson.dumps(name)) + 2
        if name in kept:
            fitted[name] = item
        elif share > overhead + 2 and isinstance(item, (str, list, dict)):
            fitted[name] = fit(item, share - overhead, (*path, name), report)
        else:
            report.add((*path, name), sizes[name])
    return fitted
