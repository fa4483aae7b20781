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
from functools import lru_cache
from typing import Any

from structlog_mozdef.details import add_detail
from structlog_mozdef.text import text_of

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
    if isinstance(level, str):
        level = level.strip().lower()
    try:
        return SEVERITY_OF_LEVEL.get(level)
    except TypeError:  # not hashable
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
    if isinstance(tags, (list, tuple, set, frozenset)):
        return [text_of(tag) for tag in tags if tag is not None]
    return [text_of(tags)]


def process_id_of(value: object) -> int | str:
    """A process id as MozDef stores it: a number where it is one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    text = text_of(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def first_text(candidates: Iterable[object]) -> str:
    """The first of *candidates* that says anything, as text; `UNKNOWN` where none does."""
    for value in candidates:
        if value is not None and value != "":
            return text_of(value)
    return UNKNOWN


def repair_typed_details(details: MutableMapping[str, Any]) -> None:
    """Keep an event that Elasticsearch would refuse for the type of one detail.

    MozDef's index template maps ``sourceipaddress`` as an IP address and ``success`` as a
    boolean. Any other value moves to ``sourceipaddress_text`` or ``success_text``.
    """
    address = details.get("sourceipaddress")
    if isinstance(address, str) and not is_ip_address(address):
        add_detail(details, "sourceipaddress_text", details.pop("sourceipaddress"))
    success = details.get("success")
    if success is None or isinstance(success, bool) or success in ("true", "false"):
        return
    del details["success"]
    if isinstance(success, (int, float)) and success in (0, 1):
        details["success"] = bool(success)
    else:
        add_detail(details, "success_text", text_of(success))


def is_ip_address(value: object) -> bool:
    """Whether Elasticsearch takes *value* as an IP address. Looks at each text only once."""
    return type(value) is str and _is_ip_address(value)


@lru_cache(maxsize=1024)
def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # Python takes a zone index, Elasticsearch does not
