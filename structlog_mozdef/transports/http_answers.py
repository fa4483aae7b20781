"""What an HTTP answer means for the events of a request.

The facts behind it were found by experiment on MozDef: success is 200 with an empty body; 5xx
means "perhaps delivered"; a login page is no success though its status is 200.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, Delivery

# The server blames what was sent: the same again cannot work.
_PAYLOAD = frozenset({400, 413, 415, 422})
# Somebody has to change a setting, here or there.
_SETTINGS = frozenset({401, 403, 404, 405, 407, 410, 501})
_BUSY = frozenset({408, 423, 425, 429})


def delivery_of(status: int, headers: Mapping[str, str], body: bytes, n_events: int) -> Delivery:
    """Judge an answer to a request with *n_events*.

    Raises:
        Rejected: the server blames the payload.
        TransportError: nothing was accepted, or nobody knows.
    """
    if 200 <= status < 300:
        if _is_page(headers, body):
            raise TransportError(
                f"HTTP {status} with a web page: this is not MozDef but, perhaps, a login page",
                retryable=False,
            )
        return _items_of(body, n_events)
    if 300 <= status < 400:
        raise TransportError(
            f"HTTP {status}: a redirect to {_place(headers.get('Location', ''))} is not followed,"
            " since it would turn the events into a request for a page",
            retryable=False,
        )
    if status in _PAYLOAD:
        raise Rejected(f"HTTP {status}")
    if status in _SETTINGS:
        raise TransportError(f"HTTP {status}: check the URL and the credentials", retryable=False)
    retry_after = seconds_of_retry_after(headers.get("Retry-After"), time.time())
    # Other codes are no answer of MozDef's; like 5xx they prove nothing.
    raise TransportError(f"HTTP {status}", retry_after=retry_after, ambiguous=status not in _BUSY)


def seconds_of_retry_after(value: str | None, now: float) -> float | None:
    """``Retry-After`` (RFC 9110: seconds or a date) as seconds from *now*, or None."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    parsed = email.utils.parsedate_tz(value)
    if parsed is None:
        return None
    try:
        return max(email.utils.mktime_tz(parsed) - now, 0.0)
    except (OverflowError, ValueError):
        return None


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    # MozDef itself says text/html, with an empty body.
    start = body[:200].lstrip().lower()
    return start.startswith((b"<!doctype", b"<html")) or (
        start.startswith(b"<") and "html" in headers.get("Content-Type", "").lower()
    )


def _place(location: str) -> str:
    """Scheme and host of a redirect: its path and query can hold tokens."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or "another path"
    except ValueError:
        return "a malformed address"
    return f"{parts.scheme}://{host}" if parts.scheme else host


def _items_of(body: bytes, n_events: int) -> Delivery:
    """Honour errors of single events, as Elasticsearch's and OpenSearch's ``_bulk`` tells them."""
    if b'"items"' not in body:
        return ALL_ACCEPTED
    try:
        answer = orjson.loads(body)
        items = answer["items"]
        if not answer.get("errors") or len(items) != n_events:
            return ALL_ACCEPTED
        results = [next(iter(item.values())) for item in items]
        statuses = [int(result["status"]) for result in results]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return ALL_ACCEPTED  # another server with a body of its own
    refused: dict[int, str] = {}
    again: list[int] = []
    for index, (status, result) in enumerate(zip(statuses, results, strict=True)):
        if status == 429 or status >= 500:
            again.append(index)
        # 409: an event with this id is there already.
        elif status >= 300 and status != 409:
            refused[index] = _reason(status, result)
    error = TransportError(f"the server asked for {len(again)} events again") if again else None
    return Delivery(refused=refused, again=again, error=error)


def _reason(status: int, result: Mapping[str, object]) -> str:
    error = result.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    # The full reason quotes values of the event, and reasons end up in log lines.
    return f"HTTP {status} {kind}" if isinstance(kind, str) else f"HTTP {status}"
