"""Exceptions of requests and urllib3 as one sentence without secrets.

Their own texts quote URLs, proxies and sometimes headers; only the kind of the innermost error
and what the operating system says of it are passed on.
"""

from __future__ import annotations

import socket
import ssl

import requests

from structlog_mozdef.exceptions import TransportError


def transport_error_of(error: BaseException) -> TransportError:  # noqa: PLR0911 - one each
    """What *error*, raised while a request was made, means for the events."""
    chain = _chain(error)
    for inner in chain:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return TransportError(
                f"the certificate of the server is refused: {inner.verify_message}",
                retryable=False,
            )
    if isinstance(error, requests.exceptions.ReadTimeout):
        return TransportError("no answer within the read time-out", ambiguous=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransportError("no connection within the connect time-out")
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportError(f"the proxy does not serve: {_text(chain)}")
    if isinstance(error, (requests.exceptions.SSLError, ssl.SSLError)):
        return TransportError(f"TLS failed: {_text(chain)}", retryable=False)
    if any(isinstance(inner, TimeoutError) for inner in chain):
        return TransportError("a time-out in the middle of the request", ambiguous=True)
    return TransportError(f"the request failed: {_text(chain)}")


def _chain(error: BaseException) -> list[BaseException]:
    """*error* and the errors inside it, the outermost first."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(chain) < 20:
        inner = waiting.pop(0)
        if isinstance(inner, BaseException) and inner not in chain:
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
