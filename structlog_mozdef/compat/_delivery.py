"""Where the documents of the old classes go: to shared sinks, or there and then."""

from __future__ import annotations

import http
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.compat._session import UNTOUCHED, SessionSettings
from structlog_mozdef.compat._sinks import Connections, Destination, Sinks
from structlog_mozdef.exceptions import MozDefError, TransportError
from structlog_mozdef.transports.base import Transport

#: Seconds for a connection, and for an answer. MozDef with a dead broker answers after 10 to 19.
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0

own_log = RateLimitedLogger()
_sinks = Sinks()
_connections = Connections()


@dataclass(frozen=True, repr=False)  # it holds credentials
class HTTPDestination:
    """An address of MozDef's.

    Attributes:
        url: of MozDef.
        verify: True, False, or the path of a CA bundle.
        session: what the program has set on its session.
        bulk: as for `HTTPTransport`.
    """

    url: Any
    verify: Any = True
    session: SessionSettings = UNTOUCHED
    bulk: Literal["auto"] | bool = False

    failure = "POST failed"

    def transport(self) -> Transport:
        from structlog_mozdef.transports.http import HTTPTransport

        if self.session.ignored:
            names = ", ".join(self.session.ignored)
            own_log.warn("session", f"httpsession has {names}, which are not used any more")
        verify = self.verify
        if not isinstance(verify, (str, os.PathLike)):
            verify = verify is None or bool(verify)
        return HTTPTransport(
            self.url,
            bulk=self.bulk,
            verify=verify,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            own_log=own_log,
            **self.session.options(),
        )


def bulk_of(document: dict[Any, Any], *, fire_and_forget: bool) -> Literal["auto"] | bool:
    """Whether *document* may travel with others, to MozDef's ``/_bulk``.

    That takes an event with a key "index" for an instruction, and loses it.
    """
    return "auto" if fire_and_forget and "index" not in document else False


def deliver(destination: Callable[[], Destination], event: bytes, *, fire_and_forget: bool) -> None:
    """Hand *event* to the sink of a destination, or deliver it and wait for the answer.

    Args:
        destination: makes the destination of the program's settings, whatever they are.
        event: one JSON object on one line.
        fire_and_forget: hand it over, and warn of settings that cannot work.

    Raises:
        MozDefError: where a library is missing; unless *fire_and_forget*, for anything but
            success.
    """
    try:
        where = destination()
        if fire_and_forget:
            _sinks.of(where).put(event)
        else:
            _connections.deliver(where, event)
    except TransportError as error:
        raise MozDefError(_sentence(where.failure, error)) from error
    except MozDefError:
        raise
    except Exception as error:
        reason = _reason(error)
    else:
        return
    # The settings cannot work. The old clients kept silent about it.
    if not fire_and_forget:
        raise MozDefError(reason)
    own_log.warn("settings", f"an event was not sent: {reason}")


def flush(timeout: float = 10.0) -> bool:
    """Wait until all that was sent in fire-and-forget mode is settled.

    Args:
        timeout: longest wait, in seconds.

    Returns:
        True where all of it is delivered, refused or dropped.
    """
    deadline = time.monotonic() + timeout
    settled = True
    for sink in _sinks.all():
        settled &= sink.flush(max(deadline - time.monotonic(), 0.0))
    return settled


def _reason(error: Exception) -> str:
    """What is wrong with the settings: our own words, which show no secrets."""
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, TypeError):
        return f"a setting is of a type that cannot be used: {error}"
    return f"a setting cannot be used: {type(error).__name__}"


def _sentence(failure: str, error: TransportError) -> str:
    message = str(error)
    start = f"HTTP {error.status}"
    if error.status is None or not message.startswith(start):
        return f"{failure}: {message}"
    try:
        reason = f" ({http.HTTPStatus(error.status).phrase})"
    except ValueError:
        reason = ""
    return f"{failure} with code {error.status}{reason}{message.removeprefix(start)}"
