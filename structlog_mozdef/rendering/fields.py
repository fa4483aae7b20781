"""MozDef's ten fields, their types, and how odd values become what MozDef keeps.

A MozDef event is one JSON object with ten top-level keys and no others. MozDef drops an unknown
key silently, reads some keys as aliases of others, and drops the whole event for a few values. So
everything else in an event dict goes under ``details``, and each of the ten fields has a type that
MozDef is known to store:

=============  ===================================================================
category       string
details        object
hostname       string, fully qualified
processid      integer
processname    string
severity       one of `SEVERITIES`
source         string
summary        string
tags           list of strings
timestamp      ISO 8601 with offset
=============  ===================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from enum import Enum
from typing import Any

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import safe_str, to_jsonable

#: The top-level keys of an event, in alphabetical order.
FIELDS = (
    "category",
    "details",
    "hostname",
    "processid",
    "processname",
    "severity",
    "source",
    "summary",
    "tags",
    "timestamp",
)

#: What MozDef itself stores for a field that an event lacks.
UNKNOWN = "UNKNOWN"


# Severity

#: MozDef's severities, the least severe first (the names of RFC 5424).
SEVERITIES = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")

_ALIASES = {
    "notset": "DEBUG",
    "trace": "DEBUG",
    "msg": "INFO",
    "information": "INFO",
    "informational": "INFO",
    "success": "INFO",
    "warn": "WARNING",
    "err": "ERROR",
    "exception": "ERROR",
    "failure": "ERROR",
    "crit": "CRITICAL",
    "fatal": "CRITICAL",
    "emerg": "EMERGENCY",
    "panic": "EMERGENCY",
}

#: A level as programs write it (lower or upper case, aliases, the numbers of the standard
#: library) -> severity.
SEVERITY_OF_LEVEL: Mapping[Any, str] = {
    **{spelling: name for name in SEVERITIES for spelling in (name, name.lower())},
    **{spelling: name for alias, name in _ALIASES.items() for spelling in (alias, alias.upper())},
    10: "DEBUG",
    20: "INFO",
    30: "WARNING",
    40: "ERROR",
    50: "CRITICAL",
}


def severity_of(level: object) -> str | None:
    """Return the severity that *level* means, or None if the level is unknown."""
    try:
        if isinstance(level, Enum):
            level = level.value
        if isinstance(level, str):
            level = str.__str__(level).strip().lower()
        return None if isinstance(level, bool) else SEVERITY_OF_LEVEL.get(level)
    except Exception as error:  # not hashable, or an object with methods of its own
        pass_on(error)
        return None


def choose_severity(
    details: MutableMapping[str, Any], given: object, level: object, method: str
) -> str:
    """Return the severity of an event: *given* wins over *level*, and *level* over *method*.

    INFO replaces an unknown level, which is kept in *details* under its own name.

    Args:
        details: of the event; an unknown level is added to it.
        given: the event's ``severity``, or None.
        level: the event's ``level``, or None.
        method: the name of the logger's method that was called.
    """
    for name, value in (("severity", given), ("level", level)):
        if value is not None and severity_of(value) is None:
            add_detail(details, name, value)
    if given is not None:
        return severity_of(given) or "INFO"
    if level is not None:
        return severity_of(level) or "INFO"
    return severity_of(method) or "INFO"


# The other fields


def first_string(candidates: Iterable[object]) -> str:
    """Return the first of *candidates* that is not empty, as a string; `UNKNOWN` by default."""
    for value in candidates:
        text = "" if value is None else safe_str(value)
        if text:
            return text
    return UNKNOWN


def process_id_of(value: object) -> int | str:
    """Return *value* as a process id that MozDef stores: an integer if it can be read as one."""
    try:
        value = to_jsonable(value)
    except Exception as error:
        pass_on(error)  # its methods fail: `safe_str` says what there is
    if type(value) is int:
        return value
    text = safe_str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def list_of_tags(tags: object) -> list[str]:
    """Return *tags* as a list of strings: MozDef drops an event whose tag is a number or null."""
    if tags is None:
        return []
    # By the type: `isinstance` would believe a ``__class__``.
    if issubclass(type(tags), (list, tuple, set, frozenset)):
        try:
            return [safe_str(tag) for tag in to_jsonable(tags) if tag is not None]
        except Exception as error:
            pass_on(error)  # its own methods fail: one tag, as for any other object
    return [safe_str(tags)]


# Details whose names clash

# Values of other types are never compared: that may take any time, raise, or give an array of
# answers (numpy).
_COMPARABLE = frozenset({str, int, float, bool, bytes})


def add_detail(details: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Add *value* as *name*, or as ``name_2``, ``name_3``, ... if another value has that name."""
    if not (name in details and _is_same(details[name], value)):
        details[_free_name(details, name)] = value


def claim_detail(details: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Set *name* to *value*; another value by that name moves to ``name_2``, ``name_3``, ..."""
    if name not in details:
        details[name] = value
        return
    displaced = details[name]
    details[name] = value
    add_detail(details, name, displaced)


def merge_details(details: MutableMapping[str, Any], given: Any) -> None:
    """Merge *given*, the ``details=...`` of a log call, into its other keyword arguments.

    A value that is not a mapping becomes ``details.message``, as it does in MozDef.
    """
    if given is None:
        return
    if not issubclass(type(given), dict):
        try:
            if isinstance(given, Mapping):
                given = to_jsonable(given)
        except Exception as error:  # its own methods fail
            pass_on(error)
            given = safe_str(given)
    if issubclass(type(given), dict):
        # Copied in one step: another thread may be changing it. Keys that are not strings are
        # repaired later.
        for name, value in list(dict.items(given)):
            add_detail(details, name, value)
    else:
        add_detail(details, "message", given)


def _free_name(details: Mapping[str, Any], name: str) -> str:
    free, number = name, 2
    while free in details:
        free, number = f"{name}_{number}", number + 1
    return free


def _is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    kind = type(one)
    return kind is type(other) and kind in _COMPARABLE and bool(one == other)
