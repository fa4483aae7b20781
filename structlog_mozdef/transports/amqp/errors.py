"""Exceptions of py-amqp and of sockets as one sentence without secrets.

Texts that a broker sends are not passed on: they quote users, and could quote anything.
"""

from __future__ import annotations

import re
import socket
import ssl

import amqp.exceptions  # type: ignore[import-untyped]

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.amqp.confirms import ForeignAnswer
from structlog_mozdef.transports.amqp.options import Settings
from structlog_mozdef.transports.amqp.socket import ConnectionEnded, NotAMQP

_SIZE_LIMIT = re.compile(r"message size \d+ is larger than configured max size (\d+)")
_COUNT_LIMIT = re.compile(r"connection limit|limit of connections|limit \(\d+\)")
_FORCED, _REFUSED, _NOT_FOUND, _PRECONDITION, _NOT_ALLOWED = 320, 403, 404, 406, 530


class TooLarge(TransportError):  # noqa: N818 - says what happened, as `Rejected` does
    """An event is larger than the broker takes; *limit* is what it takes, in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the broker takes messages of at most {limit} bytes")
        self.limit = limit


def transport_error_of(
    error: BaseException, settings: Settings, *, published: bool
) -> TransportError:
    """What *error*, raised while a broker was talked to, means for the events.

    Args:
        error: of any kind.
        settings: of the session.
        published: whether something was published and not answered for yet.
    """
    if isinstance(error, TransportError):
        return error
    if isinstance(error, amqp.exceptions.AMQPError):
        return _refusal(error, settings, published)
    if isinstance(error, ssl.SSLError):
        return _tls_error(error, published)
    if isinstance(error, OSError):
        return TransportError(_text(error, published), ambiguous=published)
    if isinstance(error, (NotAMQP, ForeignAnswer)) or published:
        return TransportError(
            "what the broker answers is not AMQP 0-9-1", retryable=published, ambiguous=published
        )
    return TransportError(f"no session with the broker: {type(error).__name__}")


def _refusal(
    error: amqp.exceptions.AMQPError, settings: Settings, published: bool
) -> TransportError:
    text = error.reply_text if isinstance(error.reply_text, str) else ""
    if error.reply_code == _PRECONDITION and (limit := _SIZE_LIMIT.search(text)):
        return TooLarge(int(limit[1]))
    if reason := _outage(error, text):
        return TransportError(reason, ambiguous=published)
    if reason := _setting(error, settings):
        return TransportError(reason, retryable=False, ambiguous=published)
    if published or error.reply_code:
        return TransportError(
            f"the broker ended the session: AMQP {error.reply_code}", ambiguous=published
        )
    return TransportError("the broker offers no authentication that fits", retryable=False)


def _outage(error: amqp.exceptions.AMQPError, text: str) -> str:
    """What passes, or nothing."""
    if error.reply_code == _FORCED:
        return "the broker closes its connections"
    if error.reply_code == _NOT_ALLOWED and _COUNT_LIMIT.search(text):
        return "the broker has too many connections"
    return ""


def _setting(error: amqp.exceptions.AMQPError, settings: Settings) -> str:
    """What only a change of settings can help, or nothing."""
    if error.reply_code == _NOT_FOUND:
        return f"the broker has no exchange {settings.exchange!r} in vhost {settings.vhost!r}"
    if error.reply_code == _NOT_ALLOWED:
        return f"vhost {settings.vhost!r} does not exist, or the user has no access to it"
    if error.reply_code != _REFUSED:
        return ""
    if (error.method_sig or (0, 0))[0]:
        return f"the user may not write to exchange {settings.exchange!r}"
    return "the broker refuses user and password"


def _tls_error(error: ssl.SSLError, published: bool) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportError(
            f"the certificate of the broker is refused: {error.verify_message}", retryable=False
        )
    if published or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return TransportError("the broker closed the connection", ambiguous=published)
    return TransportError(f"TLS failed: {error.reason or 'unknown'}", retryable=False)


def _text(error: OSError, published: bool) -> str:
    if isinstance(error, TimeoutError):
        return "a time-out" if published else "no session within the connect time-out"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, ConnectionEnded):
        return "the broker closed the connection"
    reason = error.strerror or type(error).__name__
    return f"the connection was lost: {reason}" if published else f"no connection: {reason}"
