"""Exceptions of requests and urllib3 as one sentence without secrets.

Their own texts quote URLs, proxies and sometimes headers: see `causes`.
"""

from __future__ import annotations

import http.client
import re
import ssl

import requests
import urllib3.exceptions

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.errors import (
    certificate_fault,
    describe,
    exception_chain,
    has_kind,
)

_END_OF_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")


class ConnectionLost(TransportError):  # noqa: N818 - says what happened, as `Rejected` does
    """The connection ended before an answer came."""


def transport_error_of(error: BaseException, *, answered: bool = False) -> TransportError:
    """What *error*, raised while a request was made, means for the events.

    Args:
        error: of any kind.
        answered: True where the head of an answer had come already.
    """
    if isinstance(error, TransportError):
        return error
    chain = exception_chain(error)
    if answered:
        return TransportError(f"the answer was cut off: {describe(chain)}", ambiguous=True)
    return _before_answer(error, chain)


def _before_answer(error: BaseException, chain: list[BaseException]) -> TransportError:
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("no answer within the read time-out", ambiguous=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("no connection within the connect time-out")
    if has_kind(chain, ssl.SSLError, requests.exceptions.SSLError):
        return _tls_error(chain)
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_error(chain)
    if has_kind(chain, urllib3.exceptions.NewConnectionError):
        return TransportError(f"no connection: {describe(chain)}")
    return _during_request(chain)


def _during_request(chain: list[BaseException]) -> TransportError:
    if has_kind(chain, TimeoutError):
        return TransportError("a time-out in the middle of the request", ambiguous=True)
    if has_kind(chain, ConnectionError):
        return ConnectionLost(f"the connection was lost: {describe(chain)}", ambiguous=True)
    if has_kind(chain, http.client.HTTPException, urllib3.exceptions.HTTPError):
        return TransportError(f"the answer is not HTTP: {describe(chain)}", ambiguous=True)
    return TransportError(f"the request failed: {describe(chain)}")


def _tls_error(chain: list[BaseException]) -> TransportError:
    if fault := certificate_fault(chain):
        return TransportError(f"the certificate of the server is refused: {fault}", retryable=False)
    if has_kind(chain, *_END_OF_TLS):
        return ConnectionLost("the server closed the connection", ambiguous=True)
    return TransportError(f"TLS failed: {describe(chain)}", retryable=False)


def _proxy_error(chain: list[BaseException]) -> TransportError:
    for inner in chain:
        # The reason phrase of the proxy is left out: it could say anything.
        if isinstance(inner, OSError) and (tunnel := _TUNNEL.match(str(inner))):
            status = tunnel[1]
            return TransportError(
                f"the proxy refuses the connection: HTTP {status}",
                retryable=not status.startswith(("3", "4")),
            )
    return TransportError(f"the proxy does not serve: {describe(chain)}")
