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
from structlog_mozdef.transports.http.client import Answer

# The server blames the payload: sending the same once more cannot work.
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
_TARGET = re.compile(r"[\w .:/-]{1,270}")
# Longer answers are not unpacked to their end.
_UNPACKED_LIMIT_BYTES = 16 * 1024 * 1024


def result_of(answer: Answer, n_events: int) -> SendResult:
    """Return what the answer to a request with *n_events* means for them.

    Raises:
        Rejected: the server blames the payload.
        TransportError: nothing was accepted, or it is not known.
    """
    if 200 <= answer.status < 300:
        body = _unpacked(answer)
        if _is_page(answer.headers, body):
            raise TransportError(
                f"HTTP {answer.status} with a web page: this is not MozDef but, perhaps, a login"
                " page",
                retryable=False,
                status=answer.status,
            )
        return items_of(answer.status, body, n_events)
    raise _error_of(answer)


def _error_of(answer: Answer) -> TransportError:
    status = answer.status
    if 300 <= status < 400:
        target = _shown_target(answer.headers.get("Location", ""))
        return TransportError(
            f"HTTP {status}: a redirect to {target} is not followed, since it would turn the events"
            " into a request for a page",
            retryable=False,
            status=status,
        )
    if status == 400 and _FRONT_END.match(answer.body):
        return TransportError(
            "HTTP 400 of the front end: check the scheme of the URL, the client certificate and"
            " the headers",
            retryable=False,
            status=status,
        )
    if status in _PAYLOAD:
        fault = fault_of(status, answer.body)
        if fault.asks_for_a_person:
            return TransportError(str(fault), retryable=False, status=status)
        return Rejected(str(fault), status=status)
    if status in _SETTINGS:
        return TransportError(
            f"HTTP {status}: check the URL and the credentials", retryable=False, status=status
        )
    return TransportError(
        f"HTTP {status}",
        retry_after=seconds_of_retry_after(answer.headers.get("Retry-After"), time.time()),
        # MozDef answers with no other code; like 5xx they prove nothing.
        ambiguous=status not in _BUSY,
        status=status,
    )


def seconds_of_retry_after(value: str | None, now: float) -> float | None:
    """Return ``Retry-After`` (RFC 9110: seconds or a date) as seconds from *now*, or None."""
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


def _unpacked(answer: Answer) -> bytes:
    """Return the body without a compression that was not asked for: some proxies do it anyway."""
    body = answer.body
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if not body or encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip", "deflate"):
        try:
            return zlib.decompressobj(47).decompress(body, _UNPACKED_LIMIT_BYTES)
        except zlib.error:
            pass  # cannot be read either
    raise TransportError(
        "the answer is compressed in a way that was not asked for",
        ambiguous=True,
        status=answer.status,
    )


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    # MozDef itself says text/html, with an empty body.
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_html = "html" in headers.get("Content-Type", "").lower()
    return bool(text) and (is_html or text[:9].lower().startswith((b"<!doctype", b"<html")))


def _shown_target(location: str) -> str:
    """Return scheme and host of a redirect: its path and query can hold tokens."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or "another path"
    except ValueError:
        return "a malformed URL"
    target = f"{parts.scheme}://{host}" if parts.scheme else host
    return target if _TARGET.fullmatch(target) else "a malformed URL"
