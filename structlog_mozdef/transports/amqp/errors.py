"""Exceptions of py-amqp as errors of this package: see `transports.errors`.

Texts that a broker sends are not passed on: they quote users, and could quote anything.
"""

from __future__ import annotations

import re

import amqp.exceptions  # type: ignore[import-untyped]

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.amqp.confirms import ForeignAnswer
from structlog_mozdef.transports.amqp.options import Settings
from structlog_mozdef.transports.amqp.socket import NotAMQP
from structlog_mozdef.transports.errors import certificate_error, describe, os_error

_SIZE_LIMIT = re.compile(r"message size \d+ is larger than configured max size (\d+)")
_COUNT_LIMIT = re.compile(r"connection limit|limit of connections|limit \(\d+\)")
_FORCED, _DENIED, _NOT_FOUND, _PRECONDITION, _NOT_ALLOWED = 320, 403, 404, 406, 530


class TooLarge(TransportError):  # noqa: N818 - says what happened, as `Rejected` does
    """An event is larger than the broker accepts: more than *limit* bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the broker accepts messages of at most {limit} bytes")
        self.limit = limit


def transport_error_of(
    error: BaseException, settings: Settings, *, published: bool
) -> TransportError:
    """Return what *error* means, which a conversation with a broker raised.

    Args:
        error: of any kind.
        settings: of the session.
        published: whether a message was published and has no answer yet.
    """
    if isinstance(error, TransportError):
        return error
    if isinstance(error, amqp.exceptions.AMQPError):
        return _closed(error, settings, published)
    if isinstance(error, OSError):
        return _lost(error) if published else _not_opened(error)
    if isinstance(error, (NotAMQP, ForeignAnswer)) or published:
        return TransportError(
            "what the broker answers is not AMQP 0-9-1", retryable=published, ambiguous=published
        )
    return TransportError(f"no session with the broker: {type(error).__name__}")


def _not_opened(error: OSError) -> TransportError:
    if isinstance(error, TimeoutError):
        return TransportError("no session within the connect timeout")
    return os_error(error, "no connection", peer="broker")


def _lost(error: OSError) -> TransportError:
    if (refused := certificate_error(error, "broker")) is not None:
        return refused
    # Whatever broke a connection that worked, a new one may work as well.
    return TransportError(f"the connection was lost: {describe(error, 'broker')}", ambiguous=True)


def _closed(
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
    """Return the reason if it passes by itself, or an empty string."""
    if error.reply_code == _FORCED:
        return "the broker closes its connections"
    if error.reply_code == _NOT_ALLOWED and _COUNT_LIMIT.search(text):
        return "the broker has too many connections"
    return ""


def _setting(error: amqp.exceptions.AMQPError, settings: Settings) -> str:
    """Return the reason if a setting has to be changed first, or an empty string."""
    if error.reply_code == _NOT_FOUND:
        return f"the broker has no exchange {settings.exchange!r} in vhost {settings.vhost!r}"
    if error.reply_code == _NOT_ALLOWED:
        return f"vhost {settings.vhost!r} does not exist, or the user has no access to it"
    if error.reply_code != _DENIED:
        return ""
    if (error.method_sig or (0, 0))[0]:
        return f"the user may not write to exchange {settings.exchange!r}"
    return "the broker rejects user and password"
