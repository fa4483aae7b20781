"""Which of MozDef's documents Elasticsearch refuses to index.

MozDef answers the sender long before this happens: only MozDef's own log shows the error.
"""

from __future__ import annotations

import functools
import ipaddress
import math
from typing import TYPE_CHECKING, Any

import orjson

from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.json_like_mozdef import has_long_number

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG_MIN = -(2**63)
_LONG_MAX = 2**63 - 1

# The maximum length of a term in Lucene, in bytes of UTF-8. MozDef does not document which of its
# fields are keywords: every string is checked, so that one that passes is safe in any field.
_TERM_MAX_BYTES = 32_766

_BOOLEANS = ("true", "false", "")


def find_refusal(document: dict[str, Any]) -> Difference | None:
    """Return why Elasticsearch would refuse ``document``, or None if it would index it."""
    fault = None if _is_surely_valid(document) else _find_bad_value(document)
    return fault or _find_mapping_conflict(document.get("details"))


def _is_surely_valid(document: dict[str, Any]) -> bool:
    """Return True, within microseconds, if no value can be refused, as with nearly every event.

    False decides nothing: the slow search does.
    """
    try:
        # It fails for lone surrogates, integers over 64 bits and deep nesting.
        encoded = orjson.dumps(document)
    except TypeError:
        return False
    return (
        len(encoded) <= _TERM_MAX_BYTES
        and b'"":' not in encoded
        and b"null" not in encoded  # which orjson writes for NaN and Infinity as well
        and not has_long_number(encoded)
    )


def _find_bad_value(document: dict[str, Any]) -> Difference | None:
    # With an explicit stack, so that deep nesting does not exhaust Python's.
    containers: list[tuple[str, Any]] = [("", document)]
    while containers:
        path, container = containers.pop()
        if isinstance(container, dict):
            for key, value in container.items():
                fault = _key_fault(key) or _value_fault(value)
                if fault is not None:
                    return _refusal(f"{path}{key}", fault)
                if isinstance(value, (dict, list)):
                    containers.append((f"{path}{key}.", value))
        else:
            for value in container:
                fault = _value_fault(value)
                if fault is not None:
                    return _refusal(path[:-1], fault)
                if isinstance(value, (dict, list)):
                    containers.append((path, value))
    return None


def _refusal(field: str, fault: str) -> Difference:
    return Difference("refused", field, f"Elasticsearch refuses {fault}.")


def _key_fault(key: object) -> str | None:
    if not isinstance(key, str):
        return "a field name that is not a string"
    if not key:
        return "an empty field name"
    return _string_fault(key)


def _value_fault(value: object) -> str | None:
    if isinstance(value, str):
        return _string_fault(value)
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    if isinstance(value, int):
        return None if _LONG_MIN <= value <= _LONG_MAX else "an integer beyond signed 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "NaN and Infinity"
    return "a value that is not JSON"


def _string_fault(string: str) -> str | None:
    if string.isascii():  # nearly every string, and it need not be encoded
        size = len(string)
    else:
        try:
            size = len(string.encode())
        except UnicodeEncodeError:
            return "a lone surrogate"
    return None if size <= _TERM_MAX_BYTES else "a string over 32,766 bytes"


def _find_mapping_conflict(details: object) -> Difference | None:
    """Check the two fields that MozDef's index template gives a type of their own."""
    if not isinstance(details, dict):
        return None
    if not _each(details.get("sourceipaddress"), _is_ip_address):
        return _refusal("details.sourceipaddress", "a sourceipaddress that is not an IP address")
    if not _each(details.get("success"), _is_boolean):
        return _refusal("details.success", 'a success that is not true, false, "true" or "false"')
    return None


def _each(value: object, is_valid: Callable[[object], bool]) -> bool:
    """Test a value, or each value of an array: a field of Elasticsearch may have one or many."""
    values = [value]
    while values:
        value = values.pop()
        if isinstance(value, list):
            values.extend(value)
        elif value is not None and not is_valid(value):
            return False
    return True


def _is_ip_address(value: object) -> bool:
    # Python also accepts an integer, and the zone of fe80::1%eth0; Elasticsearch refuses both.
    return isinstance(value, str) and "%" not in value and _is_parsed(value)


@functools.lru_cache(maxsize=1024)
def _is_parsed(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value in _BOOLEANS)
