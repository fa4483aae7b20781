"""Errors of sockets and of TLS as one sentence without secrets."""

from __future__ import annotations

import errno
import socket
import ssl

from structlog_mozdef.exceptions import TransportError

_END_OF_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
#: What only a change of settings can help.
_SETTINGS = frozenset({errno.EACCES, errno.EPERM, errno.EPROTOTYPE, errno.ENOTSOCK})


class PeerClosedError(OSError):
    """The other side closed the connection in an orderly way: it has read what it was sent."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNABORTED, "the receiver closed the connection")


def transport_error_of(error: OSError, doing: str, *, ambiguous: bool) -> TransportError:
    """What the sink is told about *error*, which came while *doing* something.

    Args:
        error: of a socket, of the resolver or of TLS.
        doing: the beginning of the sentence.
        ambiguous: a part of the events may have arrived.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(
            f"the certificate of the server is refused: {error.verify_message}", retryable=False
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, (TimeoutError, *_END_OF_TLS)):
        # The reason is a constant of OpenSSL; a peer chooses which, not its text.
        return TransportError(
            f"TLS failed: {error.reason or type(error).__name__}",
            retryable=False,
            ambiguous=ambiguous,
        )
    return TransportError(
        f"{doing}: {text_of_error(error)}",
        retryable=error.errno not in _SETTINGS,
        ambiguous=ambiguous,
    )


def text_of_error(error: OSError | TransportError) -> str:
    """What the operating system says of *error*."""
    if isinstance(error, TransportError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, _END_OF_TLS):
        return "the receiver closed the connection"
    return error.strerror or type(error).__name__
