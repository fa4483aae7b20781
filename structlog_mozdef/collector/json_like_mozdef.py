"""JSON as MozDef reads it: Python's own ``json`` in behaviour, orjson in speed.

The two differ: Python's accepts NaN, Infinity, lone surrogates and integers of any size; orjson
raises for the first three, and reads large integers as floats. So orjson reads what both read in
the same way, and Python's reads the rest.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

# MozDef reads 970 levels and fails at 990; what is between was not tried, and counts as a failure.
MAX_DEPTH = 970

# Every digit becomes a zero, so that a plain search of bytes finds a run of digits: ten times as
# fast as a regular expression.
_ZEROS = bytes.maketrans(b"123456789", b"000000000")

# Integers that orjson reads as floats. A nanosecond timestamp has 19 digits and is not one.
_HUGE = re.compile(rb"-[0-9]{19}|[0-9]{20}")


def loads(raw: bytes) -> Any:
    """Read one JSON value.

    Args:
        raw: UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        ValueError: if MozDef's reader fails: bad JSON, bytes of another encoding, anything after
            the value, or more than ``MAX_DEPTH`` levels.
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
        return dumps_exactly(value)


def dumps_exactly(value: Any) -> str:
    """Write any value that ``loads`` returns, including NaN and (escaped) lone surrogates."""
    try:
        return json.dumps(value)
    except RecursionError:  # Python 3.11 counts levels together with the calls of the program
        return _dumps_without_recursion(value)


def to_text(raw: bytes) -> str:
    """Decode a body for people to read; bytes that are not Unicode become escapes."""
    return raw.decode(json.detect_encoding(raw), "backslashreplace")


# Python raises for more digits, and MozDef's older Python did not. So large a number is cut.
_DIGITS_MAX = 4_300


def _bounded_int(digits: str) -> int:
    return int(digits[:_DIGITS_MAX])


_LENIENT = json.JSONDecoder(parse_int=_bounded_int)


def _loads_leniently(raw: bytes) -> Any:
    try:
        # MozDef's reader accepts encoded surrogates, which are not UTF-8, strictly speaking.
        return _LENIENT.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except RecursionError as error:
        raise ValueError("too many levels") from error


def _dumps_without_recursion(value: Any) -> str:
    pieces: list[str] = []
    pending: list[tuple[bool, Any]] = [(False, value)]
    while pending:
        is_written, item = pending.pop()
        if is_written:
            pieces.append(item)
        elif isinstance(item, (dict, list)) and item:
            is_object = isinstance(item, dict)
            parts: list[tuple[bool, Any]] = []
            for number, child in enumerate(item):
                comma = ", " if number else ""
                name = f"{json.dumps(child)}: " if is_object else ""
                parts += [(True, comma + name), (False, item[child] if is_object else child)]
            opening, closing = "{}" if is_object else "[]"
            pending += [(True, closing), *reversed(parts), (True, opening)]
        else:
            pieces.append(json.dumps(item))
    return "".join(pieces)


def _depth(value: Any) -> int:
    """Count the levels without recursion: all values of one level at a time."""
    depth = 0
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        depth += 1
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
    return depth
