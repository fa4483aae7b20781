"""Events that are longer than a receiver takes: cut, so that what arrives is still JSON."""

from __future__ import annotations

from typing import Any

import orjson

from structlog_mozdef.rendering.fields import claim_detail
from structlog_mozdef.rendering.fit import Truncation, fit

_REPORT = "truncated"
#: The report may take this share of the event.
_REPORT_SHARE = 8
#: How often an event that is still too long is cut again.
_ATTEMPTS = 4


def shorten(event: bytes, limit_bytes: int) -> bytes | None:
    """Return *event* with its longest fields cut, and ``details.truncated``, which says so.

    What the renderer has reported there already is added up.

    Args:
        event: longer than the limit.
        limit_bytes: of the result.

    Returns:
        None where it is not an event of this package, or has more fields than fit.
    """
    try:
        fields = orjson.loads(event)
    except ValueError:
        return None
    if type(fields) is not dict or type(fields.setdefault("details", {})) is not dict:
        return None
    report = _report_of(fields["details"])
    target = limit_bytes - limit_bytes // _REPORT_SHARE
    for _ in range(_ATTEMPTS):
        fields = fit(fields, target, (), report)
        if type(fields.get("details")) is not dict:
            return None
        claim_detail(fields["details"], _REPORT, _as_detail(report, limit_bytes))
        shortened = orjson.dumps(fields)
        if len(shortened) <= limit_bytes:
            return shortened
        del fields["details"][_REPORT]
        target -= len(shortened) - limit_bytes
    return None


def _report_of(details: dict[str, Any]) -> Truncation:
    """Remove the report of the renderer from *details*; return it, to be continued."""
    report = Truncation()
    earlier = details.get(_REPORT)
    if type(earlier) is dict and earlier.keys() == {"fields", "bytes"}:
        names, count = earlier["fields"], earlier["bytes"]
        if type(names) is list and type(count) is int:
            report.fields, report.bytes = names, count
            del details[_REPORT]
    return report


def _as_detail(report: Truncation, limit_bytes: int) -> dict[str, Any]:
    detail = report.as_detail()
    names = list(detail["fields"])
    while names and len(orjson.dumps(names)) > limit_bytes // _REPORT_SHARE:
        names.pop()
    return {**detail, "fields": names}
