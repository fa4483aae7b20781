"""What an HTTP answer means for the events of a request.

The facts behind it were found by experiment on MozDef: success is 200 with an empty body; 5xx
means "perhaps delivered"; a login page is no success though its status is 200.
"""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.http.bulk_errors import fault_of, items_of

# The server blames what was sent: the same again cannot work.
_PAYLOAD = frozenset({400, 413, 415, 422})
# Somebody has to change a setting, here or there.
_SETTINGS = frozenset({401, 403, 404, 405, 407, 410, 501})
_BUSY = frozenset({408, 423, 425, 429})
# What nginx and Go servers say with 400 to plain HTTP where TLS is spoken, to a client without
# a certificate, and to large headers. All events would be blamed for it.
_FRONT_END = re.compile(
    rb"\s*(?:<html>\s*<head>\s*<title>400 (?:The plain HTTP|No required SSL|The SSL certificate"
    rb"|Request Header)|Client sent an HTTP request to an HTTPS server)"
)
# What may be shown of a redirect: no control characters, and no novels.
_PLACE = re.compile(r"[\w .:/-]{1,270}")
# Longer answers are not unpacked to their end.
_UNPACKED_LIMIT_BYTES = 16 * 1024 * 1024


def delivery_of(status: int, headers: Mapping[str, str], body: bytes, n_events: int) -> SendResult:
    """Judge an answer to a request with *n_events*.

    Raises:
        Rejected: the server blames the payload.
        TransportError: nothing was accepted, or nobody knows.
    """
    if 200 <= status < 300:
        body = _unpacked(headers, body)
        if _is_page(headers, body):
            raise TransportError(
                f"HTTP {status} with a web page: this is not MozDef but, perhaps, a login page",
                retryable=False,
            )
        return items_of(body, n_events)
    if 300 <= status < 400:
        raise TransportError(
            f"HTTP {status}: a redirect to {_place(headers.get('Location', ''))} is not followed,"
            " since it would turn the events into a request for a page",
            retryable=False,
        )
    if status == 400 and _FRONT_END.match(body):
        raise TransportError(
            "HTTP 400 of the front end: check the scheme of the URL, the client certificate and"
            " the headers",
            retryable=False,
        )
    if status in _PAYLOAD:
        fault = fault_of(status, body)
        if fault.asks_for_a_person:
            raise TransportError(str(fault), retryable=False)
        raise Rejected(str(fault))
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
    try:
        parsed = email.utils.parsedate_tz(value)
        return None if parsed is None else max(email.utils.mktime_tz(parsed) - now, 0.0)
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
        return None  # a date of no calendar


def _unpacked(headers: Mapping[str, str], body: bytes) -> bytes:
    """*body* without a compression that was not asked for: some proxies do it all the same."""
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if not body or encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip", "deflate"):
        try:
            return zlib.decompressobj(47).decompress(body, _UNPACKED_LIMIT_BYTES)
        except zlib.error:
            pass  # cannot be read either
    raise TransportError("the answer is compressed in a way that was not asked for", ambiguous=True)


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    # MozDef itself says text/html, with an empty body.
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_html = "html" in headers.get("Content-Type", "").lower()
    return bool(text) and (is_html or text[:9].lower().startswith((b"<!doctype", b"<html")))


def _place(location: str) -> str:
    """Scheme and host of a redirect: its path and query can hold tokens."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or "another path"
    except ValueError:
        return "a malformed address"
    place = f"{parts.scheme}://{host}" if parts.scheme else host
    return place if _PLACE.fullmatch(place) else "a malformed address"
