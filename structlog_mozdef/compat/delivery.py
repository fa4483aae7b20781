"""Where the documents of the old classes go: to shared sinks, or there and then.

Sinks, and connections for those who wait for the answer, are shared by all instances with the
same settings. Sinks close themselves at exit and begin anew in a forked child; so do connections,
here.
"""

from __future__ import annotations

import http
import os
import re
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from structlog_mozdef.compat.session import UNTOUCHED, SessionSettings
from structlog_mozdef.exceptions import MozDefError, TransportError
from structlog_mozdef.fork import reset_after_fork
from structlog_mozdef.reporting import Reporter
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.base import Transport

#: Seconds for a connection, and for an answer. MozDef with a dead broker answers after 10 to 19.
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0

#: Connections with the same settings that are kept for the next who waits for an answer.
_KEPT = 4
_STATUS = re.compile(r"HTTP (\d{3})\b(.*)", re.DOTALL)

reporter = Reporter()


class Destination(Protocol):
    """Where to, and how. Can be compared and hashed."""

    @property
    def failure(self) -> str:
        """How an error begins."""

    def transport(self) -> Transport:
        """A transport to this destination.

        Raises:
            ValueError: for a setting that cannot work.
            MozDefError: where a library is missing.
        """


@dataclass(frozen=True)
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

        verify = self.verify
        if not isinstance(verify, (str, os.PathLike)):
            verify = verify is None or bool(verify)
        return HTTPTransport(
            self.url,
            bulk=self.bulk,
            verify=verify,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            reporter=reporter,
            **self.session.options(),
        )


class _Shared:
    """The sinks and the connections of this process."""

    def __init__(self) -> None:
        self.sinks: dict[Destination, Sink] = {}
        self._idle: dict[Destination, list[Transport]] = {}
        self._opening = threading.RLock()  # a signal handler may send while its thread does
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._opening = threading.RLock()
        for idle in self._idle.values():
            for transport in idle:
                transport.after_fork_in_child()

    def sink(self, destination: Destination) -> Sink:
        sink = self.sinks.get(destination)
        if sink is None:
            with self._opening:
                sink = self.sinks.get(destination)
                if sink is None:
                    sink = self.sinks[destination] = Sink(destination.transport())
        return sink

    def deliver(self, destination: Destination, event: bytes) -> None:
        """Deliver *event* in the calling thread; raise what `Transport.send` raises."""
        idle = self._idle.setdefault(destination, [])
        try:
            transport = idle.pop()
        except IndexError:
            transport = destination.transport()
        try:
            delivery = transport.send([event])
        except BaseException:
            transport.close()
            raise
        if len(idle) < _KEPT:
            idle.append(transport)
        else:
            transport.close()
        if delivery.refused:
            raise TransportError(next(iter(delivery.refused.values())), retryable=False)
        if delivery.again:
            raise delivery.error or TransportError("the server asked for the event again")


_shared = _Shared()


def deliver(destination: Destination, event: bytes, *, fire_and_forget: bool) -> None:
    """Hand *event* to the sink of *destination*, or deliver it and wait for the answer.

    Raises:
        MozDefError: where a library is missing; unless *fire_and_forget*, for anything but
            success.
    """
    try:
        if fire_and_forget:
            _shared.sink(destination).put(event)
        else:
            _shared.deliver(destination, event)
    except TransportError as error:
        raise MozDefError(_sentence(destination.failure, str(error))) from error
    except (ValueError, TypeError) as error:
        # The settings cannot work. The old clients kept silent about it.
        if not fire_and_forget:
            raise MozDefError(str(error)) from error
        reporter.warn("settings", f"an event was not sent: {error}")


def flush(timeout: float = 10.0) -> bool:
    """Wait until all that was sent in fire-and-forget mode is settled.

    Args:
        timeout: longest wait, in seconds.

    Returns:
        True where all of it is delivered, refused or dropped.
    """
    deadline = time.monotonic() + timeout
    settled = True
    for sink in list(_shared.sinks.values()):
        settled &= sink.flush(max(deadline - time.monotonic(), 0.0))
    return settled


def _sentence(failure: str, message: str) -> str:
    found = _STATUS.match(message)
    if found is None:
        return f"{failure}: {message}"
    status, rest = found.groups()
    try:
        reason = f" ({http.HTTPStatus(int(status)).phrase})"
    except ValueError:
        reason = ""
    return f"{failure} with code {status}{reason}{rest}"
