"""Adding to ``details`` so that a clash of names loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from structlog_mozdef.text import text_of
from structlog_mozdef.values import plain

_COMPARED = frozenset({str, int, float, bool, bytes})


def free_name(taken: Mapping[str, Any], name: str) -> str:
    """*name*, or ``name_2``, ``name_3``, ... where it is taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def add_detail(details: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Put *value* under *name*, or under a free name where another value stands there."""
    if not (name in details and _same(details[name], value)):
        details[free_name(details, name)] = value


def claim_detail(details: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Put *value* under *name* itself; another value that stood there moves to a free name."""
    if name not in details:
        details[name] = value
        return
    displaced = details[name]
    details[name] = value
    add_detail(details, name, displaced)


def merge_details(details: MutableMapping[str, Any], given: Any) -> None:
    """Merge ``details=...`` of a log call into its other keyword arguments."""
    if given is None:
        return
    if not issubclass(type(given), dict):
        try:
            if isinstance(given, Mapping):
                given = plain(given)
        except Exception:  # its own methods fail
            given = text_of(given)
    if issubclass(type(given), dict):
        # A list: another thread may be changing it. Keys that are no texts are repaired later.
        for name, value in list(dict.items(given)):
            add_detail(details, name, value)
    else:
        # MozDef does the same with details that are no object.
        add_detail(details, "message", given)


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    # Comparing others can take any time, have no single answer (numpy's arrays), or raise.
    kind = type(one)
    return kind is type(other) and kind in _COMPARED and bool(one == other)
