"""Exceptions of requests and urllib3 as errors of this package: see `transports.errors`."""

from __future__ import annotations

import http.client
import re
import ssl

import requests
import urllib3.exceptions

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.errors import (
    END_OF_TLS,
    certificate_error,
    contains,
    describe,
    exception_chain,
)

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")


class ConnectionLost(TransportError):  # noqa: N818 - says what happened, as `Rejected` does
    """The connection ended before an answer came."""


def error_before_answer(error: BaseException) -> TransportError:
    """Return what *error* means that came before the head of an answer."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("no answer within the read timeout", ambiguous=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("no connection within the connect timeout")
    if contains(error, ssl.SSLError, requests.exceptions.SSLError):
        return _tls_error(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_error(error)
    if contains(error, urllib3.exceptions.NewConnectionError):
        return TransportError(f"no connection: {describe(error)}")
    return _during_request(error)


def error_within_answer(error: BaseException) -> TransportError:
    """Return what *error* means that came after the head of an answer."""
    return TransportError(f"the answer was cut off: {describe(error)}", ambiguous=True)


def _during_request(error: BaseException) -> TransportError:
    if contains(error, TimeoutError):
        return TransportError("a timeout in the middle of the request", ambiguous=True)
    if contains(error, ConnectionError):
        return ConnectionLost(f"the connection was lost: {describe(error)}", ambiguous=True)
    if contains(error, http.client.HTTPException, urllib3.exceptions.HTTPError):
        return TransportError(f"the answer is not HTTP: {describe(error)}", ambiguous=True)
    return TransportError(f"the request failed: {describe(error)}")


def _tls_error(error: BaseException) -> TransportError:
    if (refused := certificate_error(error)) is not None:
        return refused
    if contains(error, *END_OF_TLS):
        return ConnectionLost("the server closed the connection", ambiguous=True)
    return TransportError(f"TLS failed: {describe(error)}", retryable=False)


def _proxy_error(error: BaseException) -> TransportError:
    for inner in exception_chain(error):
        # The reason phrase of the proxy is left out: it could say anything.
        if isinstance(inner, OSError) and (tunnel := _TUNNEL.match(str(inner))):
            status = tunnel[1]
            return TransportError(
                f"the proxy refuses the connection: HTTP {status}",
                retryable=not status.startswith(("3", "4")),
            )
    return TransportError(f"the proxy does not serve: {describe(error)}")
