"""Details that the index accepts: one type for each name, not too deep, and not too many names.

The index rejects an event in which a name has values of two types: ``[1, True]``, a date beside
another string, or ``a`` as a number beside ``a.b``, which it reads as an object; and one with a
date that does not exist. Such values become strings, and objects beside them JSON; a name with dots
that is in the way of another gets underscores. Names beyond the limit are kept as JSON under
``more_names``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from structlog_mozdef.rendering.convert import (
    INDEX_DEPTH_LIMIT,
    STRING_LIMIT_BYTES,
    truncate,
)
from structlog_mozdef.rendering.detection import (
    TYPED_LEAVES,
    TYPED_OBJECTS,
    has_no_blank,
    is_date,
    is_impossible_date,
    may_be_date,
    no_date,
)
from structlog_mozdef.rendering.fit import Truncation

_Path = tuple[str, ...]
_MORE_NAMES = "more_names"
# A new name may be in the way of another in a different object of the same array. What is not
# settled after so many attempts loses all its dots.
_ATTEMPTS = 3

# The kinds of values that an index tells apart, where its template says nothing. Numbers are
# keywords, as strings are.
_OBJECT, _BOOLEAN, _DATE, _PERHAPS_DATE, _KEYWORD = "object", "boolean", "date", "date?", "keyword"
_IMPOSSIBLE_DATE = "impossible date"
# What the template says. Other values have been moved from these names before.
_TYPED: dict[_Path, list[str]] = {
    **{(name,): [_KEYWORD] for name in TYPED_LEAVES},
    **{(name,): [_OBJECT] for name in TYPED_OBJECTS},
    ("apiversion", "raw_value"): [_KEYWORD],
    ("requestparameters", "logstreamname"): [_OBJECT],
    ("requestparameters", "logstreamname", "raw_value"): [_KEYWORD],
}


def indexable_name(name: str) -> str:
    """Return *name*, with underscores for dots if the index would reject it; empty if blank."""
    if has_no_blank(name.split(".")):
        return name
    return "" if name.isspace() else name.replace(".", "_")


def make_indexable(details: dict[str, Any], report: Truncation, max_names: int) -> dict[str, Any]:
    """Return a copy of *details*, which has JSON's own types and good names, for the index."""
    for attempt in range(_ATTEMPTS + 1):
        kinds = _kinds_of(details) if attempt < _ATTEMPTS else None
        before, details = details, _without_clashes(details, kinds, ())
        if details == before:
            break
    details = _Uniform(_kinds_of(details), report).object(details, ())
    if n_names(details) > max_names:
        return _Narrow(report, max_names).object(details, ("details",))
    return details


# The kinds of each name


def _kinds_of(details: dict[str, Any]) -> dict[_Path, list[str]]:
    """Return the kinds of values at each path of names; arrays are transparent to the index."""
    kinds = {path: list(known) for path, known in _TYPED.items()}
    _add_kinds(kinds, details, ())
    return kinds


def _add_kinds(kinds: dict[_Path, list[str]], value: Any, path: _Path) -> None:
    if len(path) == 1 and path[0] in TYPED_LEAVES:
        return
    if type(value) is dict:
        kinds.setdefault(path, []).append(_OBJECT)
        for name, item in value.items():
            below = (*path, *name.split("."))
            for end in range(len(path) + 1, len(below)):
                kinds.setdefault(below[:end], []).append(_OBJECT)
            _add_kinds(kinds, item, below)
    elif type(value) is list:
        for item in value:
            _add_kinds(kinds, item, path)
    elif value is not None:
        kinds.setdefault(path, []).append(_kind_of(value))


def _kind_of(value: Any) -> str:
    if type(value) is bool:
        return _BOOLEAN
    if type(value) is not str or not may_be_date(value):
        return _KEYWORD
    if is_impossible_date(value):
        return _IMPOSSIBLE_DATE
    return _DATE if is_date(value) else _PERHAPS_DATE


# Names with dots


def _without_clashes(value: Any, kinds: dict[_Path, list[str]] | None, path: _Path) -> Any:
    """Return a copy of *value* without names whose dots stand for objects where others are.

    Without *kinds*, no name keeps a dot.
    """
    if type(value) is list:
        return [_without_clashes(item, kinds, path) for item in value]
    if type(value) is not dict:
        return value
    kept: dict[str, Any] = {}
    for name, item in value.items():
        below = (*path, *name.split("."))
        free = name
        if "." in name and (kinds is None or not _has_room(below, item, kinds, len(path) + 1)):
            free = without_dots = name.replace(".", "_")
            number = 2
            while free in kept or free in value:
                free, number = f"{without_dots}_{number}", number + 1
        kept[free] = _without_clashes(item, kinds, below)
    return kept


def _has_room(below: _Path, item: Any, kinds: dict[_Path, list[str]], start: int) -> bool:
    """Return whether there can be objects for each dot of a name, which begins at *start*."""
    return (
        len(below) + _depth(item) < INDEX_DEPTH_LIMIT
        and all(set(kinds.get(below[:end], ())) <= {_OBJECT} for end in range(start, len(below)))
        and (_TYPED.get(below) != [_OBJECT] or type(item) is dict)
    )


def _depth(value: Any) -> int:
    if type(value) is dict:
        return 1 + max((name.count(".") + _depth(item) for name, item in value.items()), default=0)
    return 1 + max(map(_depth, value), default=0) if type(value) is list else 0


# Values of several kinds


class _Uniform:
    """Copies with one kind of value for each name."""

    def __init__(self, kinds: dict[_Path, list[str]], report: Truncation) -> None:
        self._report = report
        self._as_text = {path for path, found in kinds.items() if not _is_one_kind(found)}

    def object(self, value: dict[str, Any], path: _Path) -> dict[str, Any]:
        return {name: self._value(item, (*path, *name.split("."))) for name, item in value.items()}

    def _value(self, value: Any, path: _Path) -> Any:
        if type(value) is list:
            return [self._value(item, path) for item in value]
        if path in self._as_text:
            return self._text_of(value, path)
        return self.object(value, path) if type(value) is dict else value

    def _text_of(self, value: Any, path: _Path) -> Any:
        """Return *value* as a string that is no date; numbers and null, which fit, as they are."""
        if type(value) is str:
            return no_date(value)
        if type(value) is not bool and type(value) is not dict:
            return value
        return _json_text(value, ("details", *path), self._report)


def _is_one_kind(found: list[str]) -> bool:
    kinds = set(found)
    if _PERHAPS_DATE in kinds:
        return len(found) == 1
    return len(kinds) == 1 and _IMPOSSIBLE_DATE not in kinds


# Too many names


def n_names(value: Any) -> int:
    """Return how many different names the index reads in *value*, those of objects included."""
    return len(set(_paths(value, ()))) - 1  # not that of *value*


def _paths(value: Any, path: _Path) -> Iterator[_Path]:
    if type(value) is list or type(value) is tuple:
        for item in value:
            yield from _paths(item, path)
    yield path
    if type(value) is dict:
        for name, item in value.items():
            parts = name.split(".")
            for end in range(1, len(parts)):
                yield (*path, *parts[:end])
            yield from _paths(item, (*path, *parts))


class _Narrow:
    """A copy of *details* with no more names than the index accepts."""

    def __init__(self, report: Truncation, max_names: int) -> None:
        self._report = report
        self._left = max_names
        self._known: set[_Path] = set()

    def object(self, value: dict[str, Any], path: _Path) -> dict[str, Any]:
        # Its own names first, so that a large value costs its neighbours nothing.
        kept = {name: item for name, item in value.items() if self._admit(path, name)}
        more = {name: item for name, item in value.items() if name not in kept}
        # Small entries stay complete.
        order = sorted(kept, key=lambda name: n_names(kept[name])) if len(path) == 1 else kept
        narrow = {name: self._value(kept[name], (*path, *name.split("."))) for name in order}
        kept = {name: narrow[name] for name in kept}
        if more:
            self._report.add(path, 0)
            name = _MORE_NAMES
            while name in value:
                name += "_2"
            if self._admit(path, name, spare=0):
                kept[name] = _json_text(more, path, self._report)
        return kept

    def _value(self, value: Any, path: _Path) -> Any:
        if type(value) is list:
            return [self._value(item, path) for item in value]
        return self.object(value, path) if type(value) is dict else value

    def _admit(self, path: _Path, name: str, spare: int = 1) -> bool:
        """Return whether there may be one more *name*, and *spare* others after it."""
        below = (*path, *name.split("."))
        new = {below[:end] for end in range(len(path) + 1, len(below) + 1)} - self._known
        if new and len(new) + spare > self._left:
            return False
        self._left -= len(new)
        self._known |= new
        return True


def _json_text(value: Any, path: _Path, report: Truncation) -> str:
    text = orjson.dumps(value).decode()
    kept = truncate(text, STRING_LIMIT_BYTES - 1)
    if kept != text:
        report.add(path, len(text.encode()) - len(kept.encode()))
    return kept
