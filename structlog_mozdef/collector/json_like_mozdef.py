"""JSON as MozDef reads it: Python's own ``json`` in behaviour, orjson in speed.

The two differ: Python's accepts NaN, Infinity, lone surrogates and integers of any size; orjson
raises for the first three, and reads large integers as floats. So orjson reads what both read in
the same way, and Python's reads the rest.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import orjson

# MozDef reads 950 levels and fails at 990; what is between was not tried, and counts as a failure.
MAX_DEPTH = 950

# Every digit becomes a zero, so that a plain search of bytes finds a run of digits: ten times as
# fast as a regular expression.
_ZEROS = bytes.maketrans(b"123456789", b"000000000")

# Integers that orjson reads as floats. A nanosecond timestamp has 19 digits and is not one.
_HUGE = re.compile(rb"-[0-9]{19}|[0-9]{20}")


def loads(raw: bytes) -> Any:
    """Read one JSON value.

    Args:
        raw: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: if MozDef's reader fails: bad JSON, bytes that are not UTF-8, anything after the
            value, or more than ``MAX_DEPTH`` levels.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = _loads_leniently(raw)
    else:
        if has_long_number(raw) and _HUGE.search(raw):
            value = _loads_leniently(raw)
    # There are no more levels than brackets, which are far cheaper to count.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")
    return value


def has_long_number(raw: bytes) -> bool:
    """Return whether there are 19 digits in a row, as in every integer beyond signed 64 bits."""
    return b"0" * 19 in raw.translate(_ZEROS)


def dumps(value: Any) -> str:
    """Write a value that Elasticsearch accepts, as compact JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson writes up to 254 levels
        return json.dumps(value)


def dumps_exactly(value: Any) -> str:
    """Write any value that ``loads`` returns, including NaN and (escaped) lone surrogates."""
    return json.dumps(value)


def to_text(raw: bytes) -> str:
    """Decode a body for people to read; bytes that are not UTF-8 become escapes."""
    return raw.decode("utf-8", "backslashreplace")


def _bounded_int(digits: str) -> int:
    # Python raises for more than 4,300 digits, and MozDef's older Python did not. What matters is
    # only that the integer is too large for Elasticsearch.
    return int(digits[:400])


_LENIENT = json.JSONDecoder(parse_int=_bounded_int)


def _loads_leniently(raw: bytes) -> Any:
    try:
        # MozDef's reader accepts encoded surrogates, which are not UTF-8, strictly speaking.
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")
        return _LENIENT.decode(text)
    except RecursionError as error:
        raise ValueError("too many levels") from error


def _depth(value: Any) -> int:
    """Count the levels without recursion."""
    deepest = 0
    containers = [(value, 1)] if isinstance(value, (dict, list)) else []
    while containers:
        container, level = containers.pop()
        deepest = max(deepest, level)
        children = container.values() if isinstance(container, dict) else container
        containers.extend(
            (child, level + 1) for child in children if isinstance(child, (dict, list))
        )
    return deepest
