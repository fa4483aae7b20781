"""Exceptions of requests and urllib3 as one sentence without secrets.

Their own texts quote URLs, proxies and sometimes headers; only the kind of the innermost error
and what the operating system says of it are passed on.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl

import requests
import urllib3.exceptions

from structlog_mozdef.exceptions import TransportError

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
    chain = _chain(error)
    if answered:
        return TransportError(f"the answer was cut off: {_text(chain)}", ambiguous=True)
    return _before_answer(error, chain)


def _before_answer(error: BaseException, chain: list[BaseException]) -> TransportError:
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("no answer within the read time-out", ambiguous=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("no connection within the connect time-out")
    if _has(chain, ssl.SSLError, requests.exceptions.SSLError):
        return _tls_error(chain)
    if isinstance(error, requests.exceptions.ProxyError):
        return _proxy_error(chain)
    if _has(chain, urllib3.exceptions.NewConnectionError):
        return TransportError(f"no connection: {_text(chain)}")
    return _during_request(chain)


def _during_request(chain: list[BaseException]) -> TransportError:
    if _has(chain, TimeoutError):
        return TransportError("a time-out in the middle of the request", ambiguous=True)
    if _has(chain, ConnectionError):
        return ConnectionLost(f"the connection was lost: {_text(chain)}", ambiguous=True)
    if _has(chain, http.client.HTTPException, urllib3.exceptions.HTTPError):
        return TransportError(f"the answer is not HTTP: {_text(chain)}", ambiguous=True)
    return TransportError(f"the request failed: {_text(chain)}")


def _tls_error(chain: list[BaseException]) -> TransportError:
    for inner in chain:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return TransportError(
                f"the certificate of the server is refused: {inner.verify_message}",
                retryable=False,
            )
    if _has(chain, *_END_OF_TLS):
        return ConnectionLost("the server closed the connection", ambiguous=True)
    return TransportError(f"TLS failed: {_text(chain)}", retryable=False)


def _proxy_error(chain: list[BaseException]) -> TransportError:
    for inner in chain:
        # The reason phrase of the proxy is left out: it could say anything.
        if isinstance(inner, OSError) and (tunnel := _TUNNEL.match(str(inner))):
            status = tunnel[1]
            return TransportError(
                f"the proxy refuses the connection: HTTP {status}",
                retryable=not status.startswith(("3", "4")),
            )
    return TransportError(f"the proxy does not serve: {_text(chain)}")


def _has(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(inner, kinds) for inner in chain)


def _chain(error: BaseException) -> list[BaseException]:
    """*error* and the errors inside it, the outermost first."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(chain) < 20:
        inner = waiting.pop(0)
        if isinstance(inner, BaseException) and not any(inner is known for known in chain):
            chain.append(inner)
            waiting += [getattr(inner, "reason", None), inner.__cause__, inner.__context__]
            waiting += list(inner.args)
    return chain


def _text(chain: list[BaseException]) -> str:
    for inner in reversed(chain):
        if isinstance(inner, socket.gaierror):
            return "the host name is not known"
        if isinstance(inner, OSError) and inner.strerror and inner.errno:
            return inner.strerror
    return type(chain[-1]).__name__
