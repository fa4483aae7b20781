"""The errors inside an error of another library, and what may be shown of them.

The texts of such libraries quote URLs, proxies and sometimes headers; only the kind of the
innermost error and what the operating system says of it are passed on.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping


def exception_chain(error: BaseException) -> list[BaseException]:
    """*error* and the errors inside it, the outermost first."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(chain) < 20:
        inner = waiting.pop(0)
        if isinstance(inner, BaseException) and not any(inner is known for known in chain):
            chain.append(inner)
            waiting += [getattr(inner, "reason", None), inner.__cause__, inner.__context__]
            waiting += list(inner.args)
            named = getattr(inner, "kwargs", None)  # where botocore keeps what it was told
            waiting += list(named.values()) if isinstance(named, Mapping) else []
    return chain


def has_kind(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    """Whether one of *chain* is of one of *kinds*."""
    return any(isinstance(inner, kinds) for inner in chain)


def certificate_fault(chain: list[BaseException]) -> str | None:
    """Why the certificate of the server is refused, or None where it is not."""
    for inner in chain:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return inner.verify_message
        if type(inner).__name__ == "CertificateError":
            return "Hostname mismatch"  # urllib3 1 compares the names itself
    return None


def describe(chain: list[BaseException]) -> str:
    """What happened, without secrets."""
    for inner in reversed(chain):
        if isinstance(inner, socket.gaierror):
            return "the host name is not known"
        if isinstance(inner, OSError) and inner.strerror and inner.errno:
            return inner.strerror
    return type(chain[-1]).__name__
