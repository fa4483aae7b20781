"""Adding to ``details`` so that a clash of names loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from structlog_mozdef.text import text_of


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


def merge_details(details: MutableMapping[str, Any], given: object) -> None:
    """Merge ``details=...`` of a log call into its other keyword arguments."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            add_detail(details, name if isinstance(name, str) else text_of(name), value)
    elif given is not None:
        # MozDef does the same with details that are no object.
        add_detail(details, "message", given)


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # numpy arrays and hostile __eq__ have no single answer
        return False
