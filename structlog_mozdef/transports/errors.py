"""What errors of other libraries, of the network and of the system mean for the events.

The texts of such errors quote URLs, proxies, users and sometimes headers. So nothing of them is
shown but the kind of the error, the reason that the operating system or OpenSSL has for it, and why
a certificate was refused. Nor does a foreign error stay attached to one of ours, as its
``__context__``: `mapped_errors` raises ours alone.

Each transport maps what only its own library raises, in its own ``errors`` module.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any

from structlog_mozdef.exceptions import MozDefError, TransportError

#: The other side ended the connection, with or without TLS's own goodbye.
END_OF_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
#: How many of the errors inside an error are looked at.
_CHAIN_LIMIT = 20


class PeerClosedError(ConnectionError):
    """The other side closed the connection in order, without a reset."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNABORTED, "the other side closed the connection")


class mapped_errors:  # noqa: N801 - reads like contextlib.suppress
    """A context manager: turn a foreign error of its block into one of ours, which comes alone.

    Errors of this package pass unchanged. The new error has no ``__context__`` and no
    ``__cause__``, and the foreign one stays in no frame of its traceback.

    Args:
        mapping: returns the error to raise for a foreign one, or None to let that one pass.
        kinds: the kinds of errors to map. Default: every `Exception`.
    """

    def __init__(
        self,
        mapping: Callable[[Any], Exception | None],
        *kinds: type[Exception],
    ) -> None:
        self._mapping = mapping
        self._kinds = kinds or (Exception,)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, self._kinds) or isinstance(error, MozDefError):
            return
        ours = self._mapping(error)
        # A traceback that is shown with local variables would show it.
        del error, traceback
        if ours is None:
            return
        try:
            raise ours  # noqa: TRY301 - Python sets its context here, and not with the raise below
        except Exception:
            ours.__context__ = None
            raise
        finally:
            del ours  # it would hold this frame, and this frame it


def exception_chain(error: BaseException) -> list[BaseException]:
    """Return *error* and the errors inside it, the outermost first."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(chain) < _CHAIN_LIMIT:
        inner = waiting.pop(0)
        if isinstance(inner, BaseException) and not any(inner is known for known in chain):
            chain.append(inner)
            waiting += [getattr(inner, "reason", None), inner.__cause__, inner.__context__]
            waiting += list(inner.args)
            named = getattr(inner, "kwargs", None)  # where botocore keeps the original error
            waiting += list(named.values()) if isinstance(named, Mapping) else []
    return chain


def contains(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether *error*, or an error inside it, is of one of *kinds*."""
    return any(isinstance(inner, kinds) for inner in exception_chain(error))


def describe(error: BaseException, peer: str = "server") -> str:
    """Return what happened, in a few words without secrets.

    Args:
        error: of any kind; the innermost error that says something counts.
        peer: what the other side is called: server, broker, receiver.
    """
    chain = exception_chain(error)
    for inner in reversed(chain):
        if isinstance(inner, socket.gaierror):
            return "the host name is not known"
        if isinstance(inner, TimeoutError):
            return "timed out"
        if isinstance(inner, (PeerClosedError, *END_OF_TLS)):
            return f"the {peer} closed the connection"
        if isinstance(inner, ssl.SSLError):
            # A constant of OpenSSL: the other side chooses which, not its text.
            return getattr(inner, "reason", None) or type(inner).__name__
        if isinstance(inner, OSError) and inner.strerror and inner.errno:
            return inner.strerror
    return type(chain[-1]).__name__


def certificate_error(error: BaseException, peer: str = "server") -> TransportError | None:
    """Return what a certificate that is not trusted means; None where *error* is of another kind.

    Args:
        error: of any kind.
        peer: as for `describe`.
    """
    for inner in exception_chain(error):
        if isinstance(inner, ssl.SSLCertVerificationError):
            reason = inner.verify_message
        elif type(inner).__name__ == "CertificateError":
            reason = "Hostname mismatch"  # urllib3 1 compares the names itself
        else:
            continue
        return TransportError(
            f"the certificate of the {peer} is refused: {reason}", retryable=False
        )
    return None


def tls_error(
    error: BaseException, peer: str = "server", *, ambiguous: bool = False
) -> TransportError | None:
    """Return what a failure of TLS means; None where *error* is of another kind.

    A timeout, or the end of the connection, is none, although it is reported by TLS.

    Args:
        error: of any kind.
        peer: as for `describe`.
        ambiguous: as of `TransportError`.
    """
    if (refused := certificate_error(error, peer)) is not None:
        return refused
    if not contains(error, ssl.SSLError) or contains(error, TimeoutError, *END_OF_TLS):
        return None
    return TransportError(
        f"TLS failed: {describe(error, peer)}", retryable=False, ambiguous=ambiguous
    )


def os_error(
    error: OSError,
    doing: str,
    *,
    peer: str = "server",
    ambiguous: bool = False,
    settings: Collection[int] = (),
) -> TransportError:
    """Return what an error of a socket, of the resolver, of TLS or of a file means.

    Args:
        error: see above.
        doing: the beginning of the sentence.
        peer: as for `describe`.
        ambiguous: as of `TransportError`.
        settings: values of ``errno`` for which somebody has to change a setting first.
    """
    return tls_error(error, peer, ambiguous=ambiguous) or TransportError(
        f"{doing}: {describe(error, peer)}",
        retryable=error.errno not in settings,
        ambiguous=ambiguous,
    )
