"""The old clients' documents, and how they become JSON that MozDef stores.

A document is an event with MozDef's ten keys, or it has other keys at top level: a vulnerability,
or an event with more keys. Other keys are never renamed or moved. If a document that has them is
sent to one of MozDef's ``/custom/...`` URLs, its values are not changed either: only what JSON
cannot hold, and what is too large, is repaired.
"""

from __future__ import annotations

import functools
import json
import re
import socket
import sys
from collections.abc import Iterable
from typing import Any

import orjson

from structlog_mozdef.process import identity
from structlog_mozdef.rendering.convert import NAMES_MAXIMUM, safe_str
from structlog_mozdef.rendering.encode import encode
from structlog_mozdef.rendering.fields import (
    FIELDS,
    SEVERITIES,
    claim_detail,
    severity_of,
)
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.rendering.typed_details import repair_typed_details

#: What an event says of its source where nobody has said more; mozdef_client's own default.
DEFAULT_SOURCE = "mozdef_client"
_EVENT_KEYS = frozenset(FIELDS)
#: What syslog adds by itself; mozdef_lib left it out of the line.
_SYSLOG_KNOWS = frozenset({"hostname", "processid", "processname", "severity", "timestamp"})
_FIRST_IN_LINE = ("summary", "category", "tags", "details")
#: What Elasticsearch stores as a string; it refuses the event if one of them is an object.
_STRINGS = ("category", "hostname", "processid", "processname", "severity", "source", "summary")
_TEXTS = frozenset({*_STRINGS, "timestamp"}) - {"processid"}
_SCALARS = frozenset({str, int, float, bool, type(None)})

# The event in whose details a document with other keys is encoded.
_PREFIX = b'{"details":{"document":'
_SUFFIX = b"}}"
_IN_DETAILS = "details.document."
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def encode_document(document: dict[Any, Any], url: object = None) -> bytes:
    """Encode *document* as one line of JSON. Never raises.

    The keys are sorted, as in the old clients: the last one counts if several keys mean the same to
    MozDef (``priority``, ``severity``).

    Args:
        document: is not changed.
        url: the destination, or None if it is not a URL of MozDef.
    """
    document = {name: document[name] for name in sorted(document, key=safe_str)}
    is_event = document.keys() <= _EVENT_KEYS
    if is_event or not _is_custom(url):
        _repair_fields(document)
    if is_event and type(document.get("details")) is dict:
        # Where a sink seals, in the order of the seal; see `rendering.sealing.in_order`.
        encode_event = MozDefRenderer._encode if _is_as_rendered(document) else encode  # noqa: SLF001 - ours
        return encode_event(document, None, False, NAMES_MAXIMUM)
    # As a detail of an otherwise empty event: `encode` checks all levels of details.
    return _unwrap(encode({"details": {"document": document}}, max_names=NAMES_MAXIMUM))


def _is_as_rendered(document: dict[Any, Any]) -> bool:
    """Return whether *document* has all fields of an event, in the types of a renderer."""
    tags = document.get("tags")
    return (
        len(document) == len(_EVENT_KEYS)
        and type(document["processid"]) is int
        and all(type(document[name]) is str for name in _TEXTS)
        and type(tags) is list
        and all(type(tag) is str for tag in tags)
    )


def _is_custom(url: object) -> bool:
    return isinstance(url, str) and "/custom/" in url


def _repair_fields(document: dict[Any, Any]) -> None:
    """Change the fields whose type would make Elasticsearch refuse the event."""
    for name in _STRINGS:
        if type(document.get(name)) not in _SCALARS:
            document[name] = safe_str(document[name])
    details = document.get("details")
    if type(details) is dict:
        document["details"] = details = dict(details)
        repair_typed_details(details)


def _unwrap(encoded: bytes) -> bytes:
    if not encoded.startswith(_PREFIX):
        return encoded  # it could not be encoded, not even repaired; the event says so
    if b'"truncated":{' not in encoded:
        return encoded[len(_PREFIX) : -len(_SUFFIX)]
    details: dict[str, Any] = orjson.loads(encoded)["details"]
    document: dict[str, Any] = details["document"]
    if "truncated" in details:
        report = details["truncated"]
        report["fields"] = [field.removeprefix(_IN_DETAILS) for field in report["fields"]]
        claim_detail(document, "truncated", report)
    return orjson.dumps(document)


def pretty(encoded: bytes) -> str:
    """Return *encoded* as the old clients printed it."""
    return json.dumps(orjson.loads(encoded), sort_keys=True, indent=4)


def flattened(encoded: bytes) -> str:
    """Return *encoded* as mozdef_lib wrote it to syslog: ``summary: 'hi' category: 'event' ...``.

    It is one line, without what syslog adds by itself. mozdef_lib had no source; one that the
    program has set is in the line.
    """
    document: dict[str, Any] = orjson.loads(encoded)
    if document.get("source") == DEFAULT_SOURCE:
        del document["source"]
    others = sorted(document.keys() - _SYSLOG_KNOWS - {*_FIRST_IN_LINE})
    names = [*_FIRST_IN_LINE, *others]
    line = "".join(f"{name}: '{document[name]}' " for name in names if name in document)
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), line)


@functools.cache
def host_name() -> str:
    """Return the canonical name of this machine, as the old clients did; looked up once.

    It can be another one than the machine's own where that contains a dot (``web1.prod``).
    """
    plain = socket.gethostname()
    return identity.canonical_name(plain) if "." in plain else identity.hostname()


def process_name() -> str:
    """Return the program as it was called, as the old clients did."""
    return (sys.argv[0] if getattr(sys, "argv", None) else "") or identity.process_name()


def severity_name(severity: Any) -> Any:
    """Return MozDef's name of *severity*, or *severity* itself if it is unknown.

    MozDef stores any string as a severity, and mozdef_lib sent any.
    """
    return severity_of(severity) or severity


def severity_number(severity: Any) -> int:
    """Return the number of *severity* among mozdef_client's constants; INFO replaces an unknown."""
    if type(severity) is int and 0 <= severity < len(SEVERITIES):
        return severity
    return SEVERITIES.index(severity_of(severity) or "INFO")


def has_keys(document: Any, names: str) -> bool:
    """Return whether *document* is an object with all of *names*, which are separated by spaces."""
    return isinstance(document, dict) and document.keys() >= set(names.split())


def have_keys(rules: Iterable[tuple[Any, str]]) -> bool:
    """Return whether each document of *rules* has the names beside it."""
    return all(has_keys(document, names) for document, names in rules)
