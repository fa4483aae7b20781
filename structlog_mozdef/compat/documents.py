"""What the old clients' documents look like, and how they become JSON that MozDef keeps.

A document is an event with MozDef's ten keys, or has a shape of its own: a vulnerability, or an
event with more keys at top level, as MozDef's ``/custom/...`` addresses take them. The latter is
never reshaped; only what no JSON, or no Elasticsearch, could hold is repaired.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

import orjson

from structlog_mozdef import identity
from structlog_mozdef.encoding import encode
from structlog_mozdef.event import SEVERITIES, repair_typed_details, severity_of
from structlog_mozdef.text import text_of
from structlog_mozdef.timestamps import iso_timestamp, utc_now

#: What an event says of its source where nobody has said more; mozdef_client's own default.
DEFAULT_SOURCE = "mozdef_client"
#: The keys of an event, at top level.
FIELDS = frozenset(
    {"category", "details", "hostname", "processid", "processname"}
    | {"severity", "source", "summary", "tags", "timestamp"}
)
#: What syslog tells by itself; mozdef_lib left it out of the line.
_SYSLOG_KNOWS = frozenset({"hostname", "processid", "processname", "severity", "timestamp"})
_FIRST_IN_LINE = ("details", "tags", "category")

_PREFIX = b'{"details":'
_OFFSET = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)\s*\Z")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def encode_document(document: dict[Any, Any]) -> bytes:
    """One line of JSON for *document*. Never raises.

    The keys are sorted, as the old clients sent them: of several keys that mean the same to
    MozDef (``priority``, ``severity``) the last one counts.
    """
    document = {name: document[name] for name in sorted(document, key=text_of)}
    details = document.get("details")
    if type(details) is dict and document.keys() <= FIELDS:
        details = dict(details)
        repair_typed_details(details)
        return encode({**document, "details": details})
    # As the details of an event that has nothing else, of which the shell is taken off.
    encoded = encode({"details": document})
    return encoded[len(_PREFIX) : -1] if encoded.startswith(_PREFIX) else encoded


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
    if isinstance(value, str) and value.isdigit() and len(value) < 16:
        value = float(value)  # seconds since 1970, for which MozDef would drop the event
    elif _is_exact(value):
        return value
    readable = iso_timestamp(value)
    if readable is not None:
        return readable
    # Another way to write a date, perhaps: MozDef knows more of them than we do.
    return value if isinstance(value, str) and any(map(str.isdigit, value)) else utc_now()


def _is_exact(value: Any) -> bool:
    """Whether *value* names one point in time, whatever the time zone of who reads it."""
    if isinstance(value, str):
        return _OFFSET.search(value) is not None
    return isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value)
