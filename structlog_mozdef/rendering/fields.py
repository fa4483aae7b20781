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

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
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


# Values of other types are never compared: that may take any time, raise, or give an array of
# answers (numpy).
_COMPARABLE = frozenset({str, int, float, bool, bytes})

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


# What the index may read as a date; more than that, since its versions differ.
_DATE_START = re.compile(r"[-+]?\d{4}[-/W]", re.ASCII)


def may_be_date(text: str) -> bool:
    """Return whether the index might detect a date in *text*."""
    return _DATE_START.match(text) is not None


def tags_without_dates(tags: list[str]) -> list[str]:
    """Return *tags* with ``date:`` before those that would make the index's field of tags a date.

    The index would reject each other tag from then on, in the same event as well.
    """
    return [f"date:{tag}" if may_be_date(tag) else tag for tag in tags]


# Details with a type

# MozDef's index template gives these details a type: Elasticsearch rejects an event with any other
# value there.

# Valid for every version; Elasticsearch alone reads geohashes of other lengths, and only OpenSearch
# GeoJSON.
_LATITUDE_LONGITUDE = re.compile(
    r"\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*", re.ASCII
)


def repair_typed_details(details: MutableMapping[str, Any]) -> None:
    """Move a value that Elasticsearch would reject to a detail that has no type.

    A ``sourceipaddress`` that is not an IP address becomes ``sourceipaddress_text``, and so on for
    each name in `TYPED_DETAILS`.
    """
    if TYPED_DETAILS.keys().isdisjoint(details):
        return
    for name, convert in TYPED_DETAILS.items():
        value = details.get(name)
        if value is None:
            continue
        try:
            converted = convert(value)
        except Exception as error:  # an object with methods of its own
            pass_on(error)
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
        # Elasticsearch stores several values in one field.
        addresses = [safe_str(item) for item in value]
        return addresses if all(map(is_ip_address, addresses)) else None
    return None


def _boolean_of(value: object) -> bool | str | None:
    value = to_jsonable(value)
    if type(value) is bool or (type(value) is str and value in ("true", "false")):
        return value
    return bool(value) if type(value) in (int, float) and value in (0, 1) else None


def _keyword_of(value: object) -> Any:
    """Return *value* unless it is an object, or an array that is more than strings and numbers."""
    if type(value) not in _COMPARABLE:
        value = to_jsonable(value)
    if type(value) is list or type(value) is tuple:
        return value if all(type(item) in _COMPARABLE for item in value) else None
    return value if type(value) in _COMPARABLE else None


def _point_of(value: object) -> Any:
    """Return *value* if it is a point on earth: an object, ``"lat,lon"`` or ``[lon, lat]``."""
    latitude: object = None
    longitude: object = None
    if type(value) is str:
        match = _LATITUDE_LONGITUDE.fullmatch(value)
        if match is not None:
            latitude, longitude = map(float, match.groups())
    elif type(value) is dict and len(value) == 2:
        latitude, longitude = value.get("lat"), value.get("lon")
    elif (type(value) is list or type(value) is tuple) and len(value) == 2:
        longitude, latitude = value
    return value if _is_within(latitude, 90) and _is_within(longitude, 180) else None


def _is_within(degrees: object, limit: int) -> bool:
    return type(degrees) in (int, float) and -limit <= degrees <= limit  # type: ignore[operator]


def _api_version_of(value: object) -> Any:
    return value if _is_raw_value(value) else None


def _parameters_of(value: object) -> Any:
    valid = type(value) is dict and _is_raw_value(value.get("logstreamname", {}))
    return value if valid else None


def _is_raw_value(value: object) -> bool:
    return type(value) is dict and (
        value.get("raw_value") is None or type(value["raw_value"]) in _COMPARABLE
    )


@lru_cache(maxsize=1024)
def is_ip_address(text: str) -> bool:
    """Return whether Elasticsearch accepts *text* as an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        pass_on(error)
        return False
    return "%" not in text  # Python accepts a zone index, Elasticsearch does not


#: The details whose type must not change -> a function that returns the value to store, or None.
#: All but ``error``, which `MozDefRenderer` itself sets, have a type in MozDef's template.
TYPED_DETAILS: Mapping[str, Callable[[object], Any]] = {
    "apiversion": _api_version_of,
    "destinationipaddress": _addresses_of,
    "destinationipgeopoint": _point_of,
    "destinationport": _keyword_of,
    "error": _boolean_of,
    "requestparameters": _parameters_of,
    "sourceipaddress": _addresses_of,
    "sourceipgeopoint": _point_of,
    "sourceipv4address": _keyword_of,
    "sourceport": _keyword_of,
    "success": _boolean_of,
}


# Details whose names clash


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
