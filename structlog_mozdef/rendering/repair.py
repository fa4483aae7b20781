"""The slow path of encoding: rebuild an event that JSON, MozDef or Elasticsearch would reject.

Repaired are: NaN, infinity and integers beyond 64 bits, lone surrogates, keys that are empty, not
strings or rejected by the index, names whose values have several types, cycles, depth, objects that
JSON does not know or whose own methods fail, and size.
``details.truncated`` says what was left out: ``{"fields": [...], "bytes": N}``.
"""

from __future__ import annotations

import math
from datetime import tzinfo
from enum import Enum
from typing import Any

import orjson

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import (
    DECODED_LIMIT_BYTES,
    EVENT_LIMIT_BYTES,
    INDEX_DEPTH_LIMIT,
    NAMES_LIMIT,
    STRING_LIMIT_BYTES,
    name_of_type,
    safe_str,
    to_jsonable,
    truncate,
    without_middle,
    without_surrogates,
)
from structlog_mozdef.rendering.detection import no_date
from structlog_mozdef.rendering.fields import claim_detail
from structlog_mozdef.rendering.fit import STACK, Truncation, fit
from structlog_mozdef.rendering.indexable import indexable_name, make_indexable
from structlog_mozdef.rendering.typed_details import repair_typed_details

_KEY_LIMIT_BYTES = 500
_EMPTY_KEY = "empty_key"
# How much of a field is examined, in bytes of JSON: more than fits into an event, so that there is
# a choice of what to keep, and little enough to take no more than a tenth of a second. A value and
# a conversion cost as much time as so many bytes.
_BUDGET = 40 * EVENT_LIMIT_BYTES
_VALUE_COST = 80
_CONVERSION_COST = 400
# Kept free for details.truncated itself.
_REPORT_BYTES = 8_000
_CYCLE = "<cycle>"
_INT64 = range(-(2**63), 2**63)
# Python rejects longer ones when it writes decimals (by default from 4,300 digits on).
_DECIMAL_BITS = 2_000


def repair(
    event: dict[str, Any], naive_zone: tzinfo | None = None, max_names: int = NAMES_LIMIT
) -> bytes:
    """Encode a repaired copy of *event*, on one line and within the limits. Never raises.

    Args:
        event: is not changed.
        naive_zone: the time zone of naive datetimes. Default: local time.
        max_names: how many names the details may have.
    """
    try:
        report = Truncation()
        repaired = {
            name: _Repair(report, naive_zone).value(value, (name,), 2)
            for name, value in event.items()
        }
        details = repaired["details"]
        if type(details) is not dict:
            details = repaired["details"] = {"message": details}
        if type(repaired.get("tags")) is list:
            repaired["tags"] = [no_date(safe_str(tag)) for tag in repaired["tags"]]
        repair_typed_details(details)  # again: only now a key or value may be what it means
        repaired["details"] = make_indexable(details, report, max_names)
        encoded = orjson.dumps(repaired)
        if not report.fields and len(encoded) < EVENT_LIMIT_BYTES:
            return encoded
        if len(encoded) + _REPORT_BYTES >= EVENT_LIMIT_BYTES:
            repaired = fit(repaired, EVENT_LIMIT_BYTES - _REPORT_BYTES, (), report)
        claim_detail(repaired["details"], "truncated", report.as_detail())
        return orjson.dumps(repaired)
    except Exception as error:
        pass_on(error)
        return _last_resort(event, error)


def _last_resort(event: dict[str, Any], error: Exception) -> bytes:
    """Encode what is certain of an event that not even `repair` could encode."""
    kept = {
        name: truncate(without_surrogates(value[:1_000]), 1_000) if type(value) is str else value
        for name, value in event.items()
        if type(value) is str or (name == "processid" and type(value) is int)
    }
    reason = f"the event could not be encoded: {name_of_type(type(error))}"
    return orjson.dumps({**kept, "tags": [], "details": {"error": True, "encoding": reason}})


class _Repair:
    """A single walk over a field of an event."""

    def __init__(self, report: Truncation, naive_zone: tzinfo | None) -> None:
        self._report = report
        self._naive_zone = naive_zone
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
            return self._string(value, path)
        if kind is int:
            return value if value in _INT64 else self._string(_str_of_int(value), path)
        if kind is float:
            return value if math.isfinite(value) else None
        if id(value) in self._ancestors:
            return _CYCLE
        if depth > INDEX_DEPTH_LIMIT:
            self._report.add(path, 0)
            return self._string(safe_str(value), path)
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
            name = self._key(key)
            if name in repaired:
                name = _numbered(name, repaired, numbers)
            if self._left <= 0:
                self._report.add((*path, name), 0)
                break
            # Each entry may use its share of the rest, so that a large one leaves something for
            # the entries after it.
            reserved = self._left - self._left // waiting
            self._left -= reserved
            repaired[name] = self.value(item, (*path, name), depth + 1)
            self._left += reserved
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
            return to_jsonable(value, self._naive_zone)
        except Exception as error:
            pass_on(error)
            return safe_str(value)

    def _string(self, text: str, path: tuple[str, ...]) -> str:
        # A character has at most four bytes, and six once a surrogate is written out.
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
        if path[-1] == STACK:
            return without_middle(text, STRING_LIMIT_BYTES - 1)
        kept = text[: STRING_LIMIT_BYTES - 1]
        return kept if is_ascii else truncate(without_surrogates(kept), STRING_LIMIT_BYTES - 1)

    def _key(self, key: Any) -> str:
        kind = type(key)
        try:
            if key is None or kind is bool:
                text = {None: "null", True: "true", False: "false"}[key]
            elif kind in (str, int, float):
                text = safe_str(key)
            elif issubclass(kind, Enum):
                return self._key(key.value)
            else:
                text = safe_str(to_jsonable(key, self._naive_zone))
        except Exception as error:
            pass_on(error)
            text = safe_str(key)
        name = truncate(without_surrogates(text[:_KEY_LIMIT_BYTES]), _KEY_LIMIT_BYTES)
        return indexable_name(name) or _EMPTY_KEY


def _str_of_int(value: int) -> str:
    return str(value) if value.bit_length() < _DECIMAL_BITS else hex(value)


def _numbered(name: str, repaired: dict[str, Any], numbers: dict[str, int]) -> str:
    """Return a free name for an entry whose key becomes the same string as another key."""
    # Continues after the last number: searching from 2 on would take hours for 50,000 keys.
    number = numbers.get(name, 2)
    while (free := f"{name}_{number}") in repaired:
        number += 1
    numbers[name] = number + 1
    return free
