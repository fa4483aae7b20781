"""What an index detects in an event: objects where a name has dots, and dates among the strings.

The index gives each name that its template does not know a type, from the first value. So a string
that looks like a date beside one that does not, in one array or in the tags, makes it reject the
event. These functions are what a log call pays for that: names that were checked once are known.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Collection, Iterable
from datetime import datetime

from structlog_mozdef._raised import pass_on

#: Names that were checked before: without dots, and without a meaning of their own. They are those
#: of keyword arguments, so a program has few.
_known_names: set[str] = set()
are_known_names = _known_names.issuperset
# The same for names with dots -> the objects that they stand for.
_known_paths: dict[str, frozenset[str]] = {}
_KNOWN_NAMES_LIMIT = 5_000
_KNOWN_NAME_LIMIT = 100
#: More objects in a name are examined by `repair`, which knows the depth.
PARTS_LIMIT = 5
#: Details that the index's template maps as something other than an object, and ``error``.
TYPED_LEAVES = frozenset(
    {
        "destinationipaddress",
        "destinationipgeopoint",
        "destinationport",
        "error",
        "sourceipaddress",
        "sourceipgeopoint",
        "sourceipv4address",
        "sourceport",
        "success",
    }
)
#: Details that it maps as objects.
TYPED_OBJECTS = frozenset({"apiversion", "requestparameters"})
#: Details that a plugin of MozDef makes 0.0.0.0 where they are None, or drops the event for.
NEVER_NONE = frozenset({"http_x_forwarded_for", "sourceipaddress"})
#: Keys of an event dict that do not simply stay among the details; the renderer checks two itself.
SPECIAL_NAMES = (
    TYPED_LEAVES
    | TYPED_OBJECTS
    | NEVER_NONE
    | {"details", "exc_info", "exception", "stack_info", "_record"}
) - {"sourceipaddress", "success"}

# What a version of Elasticsearch or OpenSearch reads as a date without being told a format. They
# differ in weeks, days of the year, signs, small letters and the names of zones: this is what any
# of them does, and no more than looks like a date.
_TIME = r"[Tt][\d:.,]*(?:[Zz]|[-+]\d\d(?::?\d\d){0,2}|[A-Z]\S*)?"
_DAY = r"-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?|-W\d\d(?:-\d)?|-\d{3}"
# Months and days that do not exist. An index is certain of the format by then, and rejects the
# whole event: see `is_impossible_date`. The 29th of February depends on the year.
_NO_MONTH = r"(?:00|1[3-9]|[2-9]\d)"
_NO_DAY = rf"(?:{_NO_MONTH}/\d\d|\d\d/(?:00|3[2-9]|[4-9]\d)|(?:0[2469]|11)/31|02/(?:29|30))"
_YEAR = r"[-+]?\d{4,10}"
_DATE = rf"{_YEAR}(?:(?:{_DAY})(?:{_TIME})?|{_TIME}|-{_NO_MONTH}(?:T\S*)?|/\d\d/\d\d(?: .*)?)"
_DATE_LINE = re.compile(rf"^(?:{_DATE})$", re.ASCII | re.MULTILINE)
_IMPOSSIBLE_DATE = re.compile(
    rf"({_YEAR})(?:/{_NO_DAY}(?: \d\d:\d\d:\d\d)?|-{_NO_MONTH}(?:T\S*)?)", re.ASCII
)
# The same within JSON. Each begins with a literal character, which makes the search fast, and looks
# at what exactly it has found from the end.
_search_impossible_day = re.compile(rf'/\d\d/\d\d[" ](?<=/{_NO_DAY}[" ])'.encode()).search
_search_impossible_month = re.compile(
    rf'-\d\d[T"](?<=["+\d-]\d\d\d\d-{_NO_MONTH}[T"])'.encode()
).search
#: A date begins with a digit or a sign: every date is less than this string.
AFTER_DIGITS = ":"
_SIGNS = frozenset("+-")
_AFTER_YEAR = frozenset("/-")
_SHORTEST_DATE = len("2026-13")
# A part of the above that each version reads, with the same format.
_PLAIN_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[-+](?:0\d|1[0-7]):[0-5]\d)?)?", re.ASCII
)


def may_have_dates(texts: Iterable[str]) -> bool:
    """Return whether the index might detect a date in one of *texts*."""
    return _DATE_LINE.search("\n".join(texts)) is not None


def may_be_date(text: str) -> bool:
    """Return whether the index might detect a date in *text*."""
    return text[:1] in "0123456789+-" and _DATE_LINE.search(text) is not None


def is_date(text: str) -> bool:
    """Return whether each version of the index detects a date in *text*."""
    try:
        return _PLAIN_DATE.fullmatch(text) is not None and bool(datetime.fromisoformat(text))
    except ValueError as error:
        pass_on(error)
        return False


def is_impossible_date(text: str) -> bool:
    """Return whether the index takes *text* for a date, fails at it, and rejects the event.

    So do Elasticsearch 7 and OpenSearch with ``2026/02/30``, ``2026-13T10:00`` and ``2024-25``.
    """
    if len(text) < _SHORTEST_DATE or (text[4] not in _AFTER_YEAR and text[0] not in _SIGNS):
        return False  # nearly every text, at once
    match = _IMPOSSIBLE_DATE.fullmatch(text)
    return match is not None and not ("/02/29" in text and isleap(int(match[1])))


def may_have_impossible_dates(encoded: bytes) -> bool:
    """Return whether there may be an impossible date in an event that is *encoded* as JSON."""
    return (
        _search_impossible_day(encoded) is not None or _search_impossible_month(encoded) is not None
    )


def no_date(text: str) -> str:
    """Return *text*, with ``date:`` before it if the index might detect a date in it."""
    return f"date:{text}" if may_be_date(text) else text


def are_indexable(names: Collection[str]) -> bool:
    """Return whether the index accepts *names*, those of one object, as they are.

    Names with dots stand for objects; where another name already has a value that is perhaps no
    object, the answer is False.
    """
    for name in names:
        if name in _known_names or name in SPECIAL_NAMES:
            continue
        if "." in name:
            objects = _known_paths.get(name)
            if objects is None and (objects := _objects_of(name)) is None:
                return False
            for each in objects:  # few; a set operation would walk through all *names*
                if each in names:
                    return False
        elif not name or name.isspace():
            return False
        elif len(name) <= _KNOWN_NAME_LIMIT:
            if len(_known_names) >= _KNOWN_NAMES_LIMIT:
                _known_names.clear()
            _known_names.add(name)
    return True


def _objects_of(name: str) -> frozenset[str] | None:
    """Return the objects that the dots of *name* stand for; None if the index may reject it."""
    parts = name.split(".")
    if (
        len(parts) > PARTS_LIMIT
        or not has_no_blank(parts)
        or parts[0] in TYPED_LEAVES
        or parts[0] in TYPED_OBJECTS
    ):
        return None
    objects = frozenset(".".join(parts[:end]) for end in range(1, len(parts)))
    if len(name) <= _KNOWN_NAME_LIMIT:
        if len(_known_paths) >= _KNOWN_NAMES_LIMIT:
            _known_paths.clear()
        _known_paths[name] = objects
    return objects


def has_no_blank(parts: Iterable[str]) -> bool:
    """Return whether no part of a name is empty or consists of spaces, which the index rejects."""
    return not any(not part or part.isspace() for part in parts)
