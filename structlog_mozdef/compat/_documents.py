"""What the old clients' documents look like, and how they become JSON that MozDef keeps.

A document is an event with MozDef's ten keys, or has a shape of its own: a vulnerability, or an
event with more keys at top level. Such keys are never reshaped, nor is anything else of a document
with such keys on its way to one of MozDef's ``/custom/...`` addresses: only what no JSON could
hold, and what is too large, is repaired.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import orjson

from structlog_mozdef.process import identity
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.encode import encode
from structlog_mozdef.rendering.fields import (
    FIELDS,
    SEVERITIES,
    claim_detail,
    repair_typed_details,
    severity_of,
)
from structlog_mozdef.rendering.timestamps import iso_timestamp, utc_now

#: What an event says of its source where nobody has said more; mozdef_client's own default.
DEFAULT_SOURCE = "mozdef_client"
_EVENT_KEYS = frozenset(FIELDS)
#: What syslog tells by itself; mozdef_lib left it out of the line.
_SYSLOG_KNOWS = frozenset({"hostname", "processid", "processname", "severity", "timestamp"})
_FIRST_IN_LINE = ("details", "tags", "category")
#: What Elasticsearch keeps as text, and refuses the event for where it is an object.
_TEXTS = ("category", "hostname", "processid", "processname", "severity", "source", "summary")
_SCALARS = frozenset({str, int, float, bool, type(None)})

# The shell in which a document of a shape of its own is encoded.
_PREFIX = b'{"details":{"document":'
_SUFFIX = b"}}"
_IN_SHELL = "details.document."
_DIGIT = re.compile("[0-9]")
_OFFSET = re.compile(r".*[0-9].*(?:[Zz]|[+-]\d\d:?\d\d)\s*", re.DOTALL)
#: An epoch number of today has 10 digits in seconds, and 19 in nanoseconds, MozDef's finest.
_SECONDS_DIGITS = 10
_MOST_DIGITS = 19
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def encode_document(document: dict[Any, Any], url: object = None) -> bytes:
    """One line of JSON for *document*. Never raises.

    The keys are sorted, as the old clients sent them: of several keys that mean the same to
    MozDef (``priority``, ``severity``) the last one counts.

    Args:
        document: is not changed.
        url: where it goes; None: not to an address of MozDef's.
    """
    document = {name: document[name] for name in sorted(document, key=safe_str)}
    is_event = document.keys() <= _EVENT_KEYS
    if is_event or not _is_custom(url):
        _repair_fields(document)
    if is_event and type(document.get("details")) is dict:
        return encode(document)
    # As a detail of an event that has nothing else, since those are checked throughout.
    return _without_shell(encode({"details": {"document": document}}))


def _is_custom(url: object) -> bool:
    return isinstance(url, str) and "/custom/" in url


def _repair_fields(document: dict[Any, Any]) -> None:
    """Keep an event that Elasticsearch would refuse for the type of one of MozDef's own fields."""
    for name in _TEXTS:
        if type(document.get(name)) not in _SCALARS:
            document[name] = safe_str(document[name])
    details = document.get("details")
    if type(details) is dict:
        document["details"] = details = dict(details)
        repair_typed_details(details)


def _without_shell(encoded: bytes) -> bytes:
    if not encoded.startswith(_PREFIX):
        return encoded  # not even repair could encode it; the event says so
    if b'"truncated":{' not in encoded:
        return encoded[len(_PREFIX) : -len(_SUFFIX)]
    shell: dict[str, Any] = orjson.loads(encoded)["details"]
    document: dict[str, Any] = shell["document"]
    if "truncated" in shell:
        report = shell["truncated"]
        report["fields"] = [field.removeprefix(_IN_SHELL) for field in report["fields"]]
        claim_detail(document, "truncated", report)
    return orjson.dumps(document)


def pretty(encoded: bytes) -> str:
    """*encoded* as the old clients showed it to a person."""
    return json.dumps(orjson.loads(encoded), sort_keys=True, indent=4)


def flattened(encoded: bytes) -> str:
    """*encoded* as mozdef_lib wrote it to syslog: ``details: {...} tags: [...] ... summary: ...``.

    On one line, and without what syslog adds by itself.
    """
    document: dict[str, Any] = orjson.loads(encoded)
    others = sorted(document.keys() - _SYSLOG_KNOWS - {*_FIRST_IN_LINE, "summary"})
    names = [*_FIRST_IN_LINE, *others, "summary"]
    line = " ".join(f"{name}: {document[name]}" for name in names if name in document)
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), line)


def process_name() -> str:
    """The program as it was called, which is what the old clients sent."""
    return (sys.argv[0] if getattr(sys, "argv", None) else "") or identity.process_name()


def severity_text(severity: Any) -> Any:
    """MozDef's name of *severity*; itself where it is none that is known.

    MozDef stores any text as a severity, and mozdef_lib sent any.
    """
    return severity_of(severity) or severity


def severity_number(severity: Any) -> int:
    """The number of *severity* among mozdef_client's constants; INFO's where it is unknown."""
    if type(severity) is int and 0 <= severity < len(SEVERITIES):
        return severity
    return SEVERITIES.index(severity_of(severity) or "INFO")


def timestamp_of(value: Any) -> Any:
    """*value* as a timestamp that MozDef reads right; now where it is None or no time at all."""
    if value is None:
        return utc_now()
    if issubclass(type(value), str):
        return _timestamp_of_text(safe_str(value).strip())
    if type(value) in (int, float) and 0 <= value < 10**_MOST_DIGITS:
        return value
    return iso_timestamp(value) or utc_now()


def _timestamp_of_text(text: str) -> str:
    if text.isascii() and text.isdigit():
        # Since 1970, in seconds or what is finer; MozDef would drop the event for the text.
        finer = max(len(text) - _SECONDS_DIGITS, 0)
        known = len(text) <= _MOST_DIGITS
        return (iso_timestamp(int(text) / 10**finer) if known else None) or utc_now()
    if _OFFSET.fullmatch(text):
        return text
    readable = iso_timestamp(text)
    if readable is not None:
        return readable
    # Another way to write a date, perhaps: MozDef knows more of them than we do, but drops the
    # event for a text without a number.
    return text if _DIGIT.search(text) else utc_now()
