"""Wire facts: what MozDef's events look like, and how odd values become fields that it keeps.

A MozDef event is one JSON object with ten top-level keys and no other: MozDef drops an unknown
key without a word, reads some as aliases, and drops the whole event for a few values. So all
that an event dict carries beyond the ten goes under ``details``, and each of the ten has a type
that MozDef is known to store:

=============  ===================================================================
category       text
details        object
hostname       text, fully qualified
processid      integer
processname    text
severity       one of `SEVERITIES`
source         text
summary        text
tags           list of texts
timestamp      ISO 8601 with offset
=============  ===================================================================
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, MutableMapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from structlog_mozdef.rendering.convert import safe_str, to_jsonable

#: What MozDef itself stores for a field that an event lacks.
UNKNOWN = "UNKNOWN"

#: MozDef's severities, least severe first (those of RFC 5424, by name).
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
    """The severity that *level* means, or None where it means none that is known."""
    try:
        if isinstance(level, Enum):
            level = level.value
        if isinstance(level, str):
            level = str.__str__(level).strip().lower()
        return None if isinstance(level, bool) else SEVERITY_OF_LEVEL.get(level)
    except Exception:  # not hashable, or an object with methods of its own
        return None


def choose_severity(
    details: MutableMapping[str, Any], given: object, level: object, method: str
) -> str:
    """The severity of an event: ``severity=`` counts before ``level``, that before the method.

    A level that is unknown is kept in *details* under its own name, and INFO stands in for it.
    """
    for name, value in (("severity", given), ("level", level)):
        if value is not None and severity_of(value) is None:
            add_detail(details, name, value)
    if given is not None:
        return severity_of(given) or "INFO"
    if level is not None:
        return severity_of(level) or "INFO"
    return severity_of(method) or "INFO"


def list_of_tags(tags: object) -> list[str]:
    """*tags* as the list of texts that MozDef needs: it drops the event for a number or None."""
    if tags is None:
        return []
    # By the type: `isinstance` would believe a ``__class__``.
    if issubclass(type(tags), (list, tuple, set, frozenset)):
        try:
            return [safe_str(tag) for tag in to_jsonable(tags) if tag is not None]
        except Exception:
            pass  # its own methods fail: one tag, as for any other object
    return [safe_str(tags)]


def process_id_of(value: object) -> int | str:
    """A process id as MozDef stores it: a number where it is one."""
    try:
        value = to_jsonable(value)
    except Exception:
        pass  # its text is what there is
    if type(value) is int:
        return value
    text = safe_str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def first_text(candidates: Iterable[object]) -> str:
    """The first of *candidates* that says anything, as text; `UNKNOWN` where none does."""
    for value in candidates:
        text = "" if value is None else safe_str(value)
        if text:
            return text
    return UNKNOWN


def repair_typed_details(details: MutableMapping[str, Any]) -> None:
    """Keep an event that Elasticsearch would refuse for the type of one detail.

    MozDef's index template maps ``sourceipaddress`` as an IP address and ``success`` as a
    boolean. Any other value moves to ``sourceipaddress_text`` or ``success_text``.
    """
    for name, convert in (("sourceipaddress", _addresses_of), ("success", _success_of)):
        value = details.get(name)
        if value is None:
            continue
        try:
            converted = convert(value)
        except Exception:  # an object with methods of its own
            converted = None
        if converted is not None:
            details[name] = converted
        else:
            del details[name]
            add_detail(details, f"{name}_text", safe_str(value))


def _addresses_of(value: object) -> str | list[str] | None:
    if isinstance(value, (IPv4Address, IPv6Address, str, bytes)):
        text = str(value) if isinstance(value, (IPv4Address, IPv6Address)) else safe_str(value)
        return text if is_ip_address(text) else None
    if type(value) is list or type(value) is tuple:
        # Elasticsearch takes several for one field.
        addresses = [safe_str(item) for item in value]
        return addresses if all(map(is_ip_address, addresses)) else None
    return None


def _success_of(value: object) -> bool | str | None:
    value = to_jsonable(value)
    if type(value) is bool or (type(value) is str and value in ("true", "false")):
        return value
    return bool(value) if type(value) in (int, float) and value in (0, 1) else None


@lru_cache(maxsize=1024)
def is_ip_address(text: str) -> bool:
    """Whether Elasticsearch takes *text* as an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # Python takes a zone index, Elasticsearch does not


# Adding to `details` so that a clash of names loses nothing.

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
                given = to_jsonable(given)
        except Exception:  # its own methods fail
            given = safe_str(given)
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
