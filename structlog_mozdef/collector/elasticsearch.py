"""What Elasticsearch refuses of the documents that MozDef hands to it.

MozDef answers the sender long before this happens, so nobody but MozDef's own log is told.
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

# Longest term that Lucene indexes, in bytes of UTF-8. MozDef does not say which of its fields are
# keywords; every string is held to it, because one that passes here is then safe in all of them.
_TERM_MAX_BYTES = 32_766

_BOOLEANS = ("true", "false", "")


def find_refusal(document: dict[str, Any]) -> Difference | None:
    """Say why Elasticsearch would not index ``document``, or return None where it would."""
    fault = None if _is_plain(document) else _find_bad_value(document)
    return fault or _find_mapping_conflict(document.get("details"))


def _is_plain(document: dict[str, Any]) -> bool:
    """Tell in a few microseconds that no single value is bad, as with nearly every event.

    False decides nothing: it sends the document to the slow search.
    """
    try:
        # It fails for lone surrogates, integers over 64 bits and deep nesting.
        text = orjson.dumps(document)
    except TypeError:
        return False
    return (
        len(text) <= _TERM_MAX_BYTES
        and b'"":' not in text
        and b"null" not in text  # orjson's word for NaN and Infinity as well
        and not has_long_number(text)
    )


def _find_bad_value(document: dict[str, Any]) -> Difference | None:
    # With a stack of its own, so that no nesting exhausts Python's.
    containers: list[tuple[str, Any]] = [("", document)]
    while containers:
        path, container = containers.pop()
        if isinstance(container, dict):
            for key, value in container.items():
                fault = _key_fault(key) or _value_fault(value)
                if fault is not None:
                    return _refused(f"{path}{key}", fault)
                if isinstance(value, (dict, list)):
                    containers.append((f"{path}{key}.", value))
        else:
            for value in container:
                fault = _value_fault(value)
                if fault is not None:
                    return _refused(path[:-1], fault)
                if isinstance(value, (dict, list)):
                    containers.append((path, value))
    return None


def _refused(field: str, fault: str) -> Difference:
    return Difference("refused", field, f"Elasticsearch refuses {fault}.")


def _key_fault(key: object) -> str | None:
    if not isinstance(key, str):
        return "a field name that is no string"
    if not key:
        return "an empty field name"
    return _text_fault(key)


def _value_fault(value: object) -> str | None:
    if isinstance(value, str):
        return _text_fault(value)
    if value is None or isinstance(value, (bool, dict, list)):
        return None
    if isinstance(value, int):
        return None if _LONG_MIN <= value <= _LONG_MAX else "an integer beyond signed 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else "NaN and Infinity"
    return "a value that is not JSON"


def _text_fault(text: str) -> str | None:
    if text.isascii():  # nearly every string, and it costs no encoding
        size = len(text)
    else:
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return "a lone surrogate"
    return None if size <= _TERM_MAX_BYTES else "a string over 32,766 bytes"


def _find_mapping_conflict(details: object) -> Difference | None:
    """Check the two fields that MozDef's index template gives a type of their own."""
    if not isinstance(details, dict):
        return None
    if not _each(details.get("sourceipaddress"), _is_ip_address):
        return _refused("details.sourceipaddress", "a sourceipaddress that is no IP address")
    if not _each(details.get("success"), _is_boolean):
        return _refused("details.success", 'a success that is not true, false, "true" or "false"')
    return None


def _each(value: object, is_valid: Callable[[object], bool]) -> bool:
    """Test a value, or each value of an array: Elasticsearch's fields take one or many."""
    values = [value]
    while values:
        value = values.pop()
        if isinstance(value, list):
            values.extend(value)
        elif value is not None and not is_valid(value):
            return False
    return True


def _is_ip_address(value: object) -> bool:
    # Python also takes an integer, and the zone of fe80::1%eth0; Elasticsearch takes neither.
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
