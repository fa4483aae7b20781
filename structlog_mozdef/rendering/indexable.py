"""Details that MozDef's index accepts: one type for each name, and not too many names.

The index detects the type of each name that its template does not know, and rejects an event in
which a name has two: ``{"a": [1, True]}``, ``["2026-01-02", "x"]`` (a date and a string), or ``a``
as a string beside ``a.b``, which it reads as an object. The value that comes second, or the array
that has both, is kept as text under ``NAME_text``.
"""

from __future__ import annotations

from typing import Any

import orjson

from structlog_mozdef.rendering.convert import (
    FIELDS_LIMIT,
    INDEX_DEPTH_LIMIT,
    STRING_LIMIT_BYTES,
    truncate,
)
from structlog_mozdef.rendering.fields import TYPED_DETAILS, may_be_date
from structlog_mozdef.rendering.fit import Truncation

# Path of names -> what the index detects there.
_Types = dict[tuple[str, ...], str]


class _MixedTypesError(Exception):
    """A name has values of several types."""


def is_indexable_name(name: str) -> bool:
    """Return whether the index accepts *name*: no part between its dots is empty or blank."""
    return not any(not part or part.isspace() for part in name.split("."))


def indexable_name(name: str) -> str:
    """Return *name*, with underscores for dots if the index would reject it; empty if blank."""
    if is_indexable_name(name):
        return name
    return "" if name.isspace() else name.replace(".", "_")


def make_indexable(details: dict[str, Any], report: Truncation) -> dict[str, Any]:
    """Return a copy of *details*, which has JSON's own types, that the index accepts."""
    return _Walk(report).object(details, (), FIELDS_LIMIT)


class _Walk:
    """A single walk over the details of an event."""

    def __init__(self, report: Truncation) -> None:
        self._report = report
        # The objects among the typed details have names below them, the others have a type.
        self._types: _Types = {
            **{(name,): "typed" for name in TYPED_DETAILS},
            ("apiversion",): "object",
            ("apiversion", "raw_value"): "text",
            ("error",): "boolean",
            ("requestparameters",): "object",
            ("requestparameters", "logstreamname"): "object",
            ("requestparameters", "logstreamname", "raw_value"): "text",
        }

    def object(self, value: dict[str, Any], path: tuple[str, ...], limit: int) -> dict[str, Any]:
        """Return a copy of *value*, the object at *path*, with at most *limit* names."""
        limits = _limits(value, limit)
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if limits[name] < 1:
                self._report.add(("details", *path, name), len(orjson.dumps(item)))
            elif "." in name and not _has_room(name, path, value):
                free = _free_name(name.replace(".", "_"), kept, value)
                self._add(kept, free, item, path, limits[name])
            else:
                self._add(kept, name, item, path, limits[name])
        return kept

    def _add(
        self, kept: dict[str, Any], name: str, item: Any, path: tuple[str, ...], limit: int
    ) -> None:
        below = (*path, *name.split("."))
        if not path and self._types.get(below) == "typed":
            kept[name] = item
            return
        found: _Types = {}
        try:
            for end in range(len(path) + 1, len(below)):
                self._detect(below[:end], "object", found)
            if type(item) is dict:
                self._detect(below, "object", found)
                self._types.update(found)
                kept[name] = self.object(item, below, limit - len(found))
                return
            self._detect_all(item, below, found)
        except _MixedTypesError:
            found = {}
        if found and len(found) <= max(limit, 1):
            kept[name] = item
            self._types.update(found)
        else:
            free = _free_name(f"{name.replace('.', '_')}_text", kept, {})
            kept[free] = self._text(item, below)
            self._types[*path, free] = "text"

    def _text(self, item: Any, path: tuple[str, ...]) -> str:
        """Return *item* as a string that is no date: JSON, if it is not a string already."""
        text = item if type(item) is str else orjson.dumps(item).decode()
        if may_be_date(text):
            text = f"date:{text}"
        kept = truncate(text, STRING_LIMIT_BYTES - 1)
        if kept != text:
            self._report.add(("details", *path), len(text.encode()) - len(kept.encode()))
        return kept

    def _detect_all(self, value: Any, path: tuple[str, ...], found: _Types) -> None:
        if type(value) is dict:
            self._detect(path, "object", found)
            for name, item in value.items():
                below = (*path, *name.split("."))
                if len(below) > INDEX_DEPTH_LIMIT - 2:
                    raise _MixedTypesError
                for end in range(len(path) + 1, len(below)):
                    self._detect(below[:end], "object", found)
                self._detect_all(item, below, found)
        elif type(value) is list:
            found.setdefault(path, self._types.get(path, ""))
            for item in value:
                self._detect_all(item, path, found)
        elif value is not None:
            self._detect(path, _type_of(value), found)
        else:
            found.setdefault(path, self._types.get(path, ""))

    def _detect(self, path: tuple[str, ...], kind: str, found: _Types) -> None:
        # Null and an empty array have no type: an empty string here.
        known = self._types.get(path) or found.get(path)
        # Two formats of dates are two types, and not every string that may be a date is one.
        if known and (known != kind or kind == "date"):
            raise _MixedTypesError
        found[path] = kind


def _limits(value: dict[str, Any], limit: int) -> dict[str, int]:
    """Return how many names each entry of *value* may take: small ones leave more to large ones."""
    sizes = {name: name.count(".") + _count(item, limit) for name, item in value.items()}
    limits = {}
    left, waiting = limit, len(sizes)
    for name in sorted(sizes, key=sizes.__getitem__):
        limits[name] = min(sizes[name], left // waiting if left >= waiting else min(left, 1))
        left -= limits[name]
        waiting -= 1
    return limits


def _count(value: Any, limit: int) -> int:
    """Return how many names *value* takes, its own included; no more than *limit* + 1 or so."""
    paths: set[tuple[str, ...]] = set()
    pending: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while pending and len(paths) <= limit:
        path, item = pending.pop()
        paths.add(path)
        if type(item) is list:
            pending += [(path, each) for each in item]
        if type(item) is dict:
            for name, each in item.items():
                parts = name.split(".")
                paths.update((*path, *parts[:end]) for end in range(1, len(parts)))
                pending.append(((*path, *parts), each))
    return len(paths)


def _has_room(name: str, path: tuple[str, ...], beside: dict[str, Any]) -> bool:
    """Return whether the objects that the dots of *name* stand for can be there."""
    parts = name.split(".")
    if len(path) + len(parts) > INDEX_DEPTH_LIMIT - 2:
        return False
    prefixes = (".".join(parts[:end]) for end in range(1, len(parts)))
    return all(type(beside.get(prefix, {})) is dict for prefix in prefixes)


def _free_name(name: str, kept: dict[str, Any], beside: dict[str, Any]) -> str:
    free, number = name, 2
    while free in kept or free in beside:
        free, number = f"{name}_{number}", number + 1
    return free


def _type_of(value: Any) -> str:
    if type(value) is bool:
        return "boolean"
    # Numbers are keywords, as strings are.
    return "date" if type(value) is str and may_be_date(value) else "text"
