"""Events as syslog messages: over TLS, TCP and UDP, and to the local syslog.

Syslog has no acknowledgement, whatever it is carried by: events count as sent, not as delivered.

Before this room comes the dispatcher (``delivery``), which calls `SyslogTransport.send`. After it
comes the receiver: rsyslog, syslog-ng, or the daemon of this machine.

- ``options``: the URL and the options, checked.
- ``format``: how an event becomes a message; ``shorten``: what becomes of one that is too long.
- ``connection``: messages over TCP, TLS and local connections; ``framing``: where each ends.
- ``datagrams``: messages over UDP.
- ``local``: the local socket, of either kind.
- ``channel``: what these channels share; ``sockets``: what the kernel knows of a connection.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import LONGEST_DURATION, check_choice, check_number
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.sockets import connect, connect_tcp
from structlog_mozdef.transports.syslog.channel import Channel
from structlog_mozdef.transports.syslog.connection import ConnectionChannel
from structlog_mozdef.transports.syslog.datagrams import UDPChannel
from structlog_mozdef.transports.syslog.format import (
    APP_NAME_LIMIT,
    MSGID_LIMIT,
    formatter,
)
from structlog_mozdef.transports.syslog.framing import Frame, ended_by_newline, octet_counted
from structlog_mozdef.transports.syslog.local import LocalChannel
from structlog_mozdef.transports.syslog.options import (
    Receiver,
    check_field,
    facility_of,
    receiver_of,
)
from structlog_mozdef.transports.syslog.shorten import shorten
from structlog_mozdef.transports.syslog.sockets import connect_tls
from structlog_mozdef.transports.tls import checked_cert, checked_verify, client_context

#: rsyslog's default, the smallest of those in use: it cuts a longer message into several over TCP
#: and TLS, and loses the rest of one over UDP and the local socket. syslog-ng takes 64 kB.
MESSAGE_LIMIT_BYTES = 8096
#: What every receiver takes: RFC 5424, section 6.1.
_SHORTEST_LIMIT_BYTES = 480
_LONGEST_LIMIT_BYTES = 1024 * 1024 * 1024


class SyslogTransport:
    """Send events to a syslog receiver, each as the JSON of one message.

    The header of a message comes from the event: the severity and the facility make the priority,
    ``timestamp``, ``hostname``, ``processname`` (without folders), ``processid`` and
    ``category`` become TIMESTAMP, HOSTNAME, APP-NAME, PROCID and MSGID.

    Args:
        url: ``syslog+tls://host`` (port 6514), ``syslog+tcp://host`` or ``syslog+udp://host``
            (port 514), or ``syslog:///dev/log``, a local socket of either kind.
        facility: a name or number of RFC 5424. Default "local0": local0 to local7 are for a site's
            own use, so that a receiver can tell the events from all other messages.
        app_name: APP-NAME of every event. Default: the event's processname.
        msgid: MSGID of every event. Default: the event's category.
        form: "rfc5424" (default), or "rfc3164", the form of ``syslog(3)``, without hostname and
            msgid: the default of the local socket, whose daemons read no other.
        framing: for TCP and TLS: "octet-counting" (default), or "newline", which MozDef's own
            syslog-ng and other receivers without octet counting need.
        max_message_bytes: the longest message that the receiver takes, header included. Default
            8096, that of rsyslog, which cuts longer ones apart. 480 at least.
        when_too_long: "truncate" (default): the longest fields of an event are cut until it fits,
            and ``details.truncated`` names them; or "reject": it is a dead letter.
        verify: for TLS: True (default), False (with a warning), or the path of a CA bundle.
        cert: for TLS: path of a client certificate with its key, or a pair of paths.
        connect_timeout: longest time in seconds that connecting may take, TLS included. Default 5.
        write_timeout: longest time in seconds until the receiver has a batch. Default 30.

    Raises:
        ValueError: a value cannot work.
    """

    loggers: frozenset[str] = frozenset()
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = False

    @clears_locals
    def __init__(
        self,
        url: str,
        *,
        facility: str | int = "local0",
        app_name: str | None = None,
        msgid: str | None = None,
        form: Literal["rfc5424", "rfc3164"] | None = None,
        framing: Literal["octet-counting", "newline"] = "octet-counting",
        max_message_bytes: int = MESSAGE_LIMIT_BYTES,
        when_too_long: Literal["truncate", "reject"] = "truncate",
        verify: bool | str | PathLike[str] = True,
        cert: str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]] | None = None,
        connect_timeout: float = 5.0,
        write_timeout: float = 30.0,
        own_log: RateLimitedLogger | None = None,
    ) -> None:
        receiver = receiver_of(url)
        number = facility_of(facility)
        check_field("app_name", app_name, APP_NAME_LIMIT)
        check_field("msgid", msgid, MSGID_LIMIT)
        check_choice("form", form, (None, "rfc5424", "rfc3164"))
        check_choice("framing", framing, ("octet-counting", "newline"))
        check_choice("when_too_long", when_too_long, ("truncate", "reject"))
        check_number(
            "max_message_bytes",
            max_message_bytes,
            minimum=_SHORTEST_LIMIT_BYTES,
            maximum=_LONGEST_LIMIT_BYTES,
            integer=True,
        )
        check_number("connect_timeout", connect_timeout, minimum=0.001, maximum=LONGEST_DURATION)
        check_number("write_timeout", write_timeout, minimum=0.001, maximum=LONGEST_DURATION)
        _check_belongs(receiver, framing, verify, cert)
        trusted, shown = checked_verify(verify), checked_cert(cert)
        self.name = receiver.name
        self._own_log = own_log or RateLimitedLogger()
        self._timeouts = (connect_timeout, write_timeout)
        form = form or ("rfc3164" if receiver.path else "rfc5424")
        self._format = formatter(form, number, app_name, msgid)
        self._limit = max_message_bytes
        self._truncates = when_too_long == "truncate"
        if receiver.scheme == "syslog+tls" and verify is False:
            self._own_log.warn(
                "verify",
                f"verify is False: anybody can read and change what is sent to {self.name}",
            )
        frame = ended_by_newline if framing == "newline" else octet_counted
        self._channel = self._open(receiver, frame, lambda: _context(trusted, shown))

    def _open(
        self,
        receiver: Receiver,
        frame: Frame,
        make_context: Callable[[], ssl.SSLContext],
    ) -> Channel:
        connect_timeout, write_timeout = self._timeouts
        host, port = receiver.host, receiver.port

        def udp() -> socket.socket:
            deadline = Deadline.after(allowed(connect_timeout))
            return connect(host, port, deadline, kind=socket.SOCK_DGRAM)

        def tcp() -> socket.socket:
            return connect_tcp(host, port, Deadline.after(allowed(connect_timeout)))

        def tls() -> socket.socket:
            return connect_tls(host, port, Deadline.after(allowed(connect_timeout)), make_context)

        if receiver.path:
            return LocalChannel(receiver.path, connect_timeout, write_timeout, self._warn)
        if receiver.scheme == "syslog+udp":
            return UDPChannel(udp, write_timeout)
        open_connection = tcp if receiver.scheme == "syslog+tcp" else tls
        return ConnectionChannel(open_connection, frame, write_timeout, self._warn)

    def _warn(self, message: str) -> None:
        self._own_log.warn("syslog", f"{self.name}: {message}")

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Send *events*; see `structlog_mozdef.transports.base.Transport`."""
        messages = [self._format(event) for event in events]
        if max(map(len, messages), default=0) <= self._limit:
            return self._channel.send(messages)
        rejected: dict[int, str] = {}
        kept: dict[int, bytes] = {}
        for index, (event, message) in enumerate(zip(events, messages, strict=True)):
            fitting = self._fitting(event, message)
            if fitting is None:
                rejected[index] = (
                    f"its {len(message)} bytes are more than max_message_bytes, {self._limit}"
                )
            else:
                kept[index] = fitting
        if not kept:
            return SendResult(rejected)
        result = self._channel.send(list(kept.values()))
        indices = list(kept)
        rejected |= {indices[number]: reason for number, reason in result.rejected.items()}
        return SendResult(rejected, [indices[number] for number in result.retry], result.error)

    def _fitting(self, event: bytes, message: bytes) -> bytes | None:
        """Return *message*, or a shorter one of *event*; None where there is none that fits."""
        if len(message) <= self._limit:
            return message
        if not self._truncates:
            return None
        header_bytes = len(message) - len(event)
        shortened = shorten(event, self._limit - header_bytes)
        return None if shortened is None else self._format(shortened)

    def after_fork_in_child(self) -> None:
        self._channel.close_after_fork()

    def close(self) -> None:
        self._channel.close()

    @shows_half_made
    def __repr__(self) -> str:
        return f"<SyslogTransport to {self.name}>"


def _check_belongs(receiver: Receiver, framing: str, verify: Any, cert: Any) -> None:
    """Raise ValueError for an option that would do nothing."""
    if receiver.scheme != "syslog+tls" and (verify is not True or cert is not None):
        raise ValueError(
            f"verify or cert is given for {receiver.name!r}; they are for syslog+tls:// only"
        )
    if receiver.scheme not in ("syslog+tls", "syslog+tcp") and framing != "octet-counting":
        raise ValueError(
            f"framing is {framing!r} for {receiver.name!r}; it is for syslog+tls:// and"
            " syslog+tcp:// only"
        )


def _context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    def unusable(_: Exception) -> TransportError:
        return TransportError(  # they could be used when the transport was made
            f"verify is {verify!r}, cert is {cert!r}; one of these files cannot be used any more",
            retryable=False,
        )

    with mapped_errors(unusable, OSError):
        return client_context(verify, cert)
