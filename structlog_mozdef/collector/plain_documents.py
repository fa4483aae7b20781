"""Documents that an index surely accepts: nearly all, found within microseconds.

The model of the index (`elasticsearch`) decides about the others.
"""

from __future__ import annotations

from typing import Any

from structlog_mozdef.collector.index_dates import may_be_impossible_date
from structlog_mozdef.collector.index_fields import TEMPLATE, Server, find_fault

#: The integers that an index stores.
LONG_MIN = -(2**63)
LONG_MAX = 2**63 - 1

_PLAIN_KINDS = ("keyword", "text")
_PLAIN_LENGTH = 8_000  # in characters: short in bytes as well


def is_surely_valid(document: dict[str, Any], server: Server) -> bool:
    """Return True, within microseconds, if no value can be refused, as with nearly every event.

    False decides nothing: the whole model does.
    """
    return _are_plain(document, TEMPLATE, server, objects=True)


def _are_plain(
    values: dict[str, Any], known: dict[str, Any], server: Server, *, objects: bool
) -> bool:
    return len(values) <= 50 and all(
        (name in known or _is_plain_name(name))
        and _is_plain(value, known.get(name), server, objects=objects)
        for name, value in values.items()
    )


def _is_plain_name(name: object) -> bool:
    return isinstance(name, str) and name[:1].isalpha() and "." not in name


def _is_plain(value: object, kind: Any, server: Server, *, objects: bool) -> bool:
    if isinstance(value, str):
        if kind is None or kind in _PLAIN_KINDS:
            return len(value) <= _PLAIN_LENGTH and not may_be_impossible_date(value)
        return isinstance(kind, str) and find_fault(kind, value, server) is None
    if isinstance(value, int):  # a bool is one as well
        is_typed = kind == "boolean" and isinstance(value, bool)
        is_keyword = kind is None or kind in _PLAIN_KINDS
        return is_typed or (is_keyword and LONG_MIN <= value <= LONG_MAX)
    if isinstance(value, dict):
        is_object = kind is None or isinstance(kind, dict)
        return objects and is_object and _are_plain(value, kind or {}, server, objects=False)
    if isinstance(value, list):
        return kind is None and all(map(_is_word, value))
    return value is None


def _is_word(value: object) -> bool:
    """Return whether it is a short text that is no date, as tags are."""
    return isinstance(value, str) and value[:1].isalpha() and len(value) <= _PLAIN_LENGTH
