"""What `AMQPTransport` is configured with, checked."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from structlog_mozdef.transports.tls import checked_cert, checked_verify, client_context
from structlog_mozdef.transports.urls import HostList

#: The longest name that AMQP can carry, in bytes of UTF-8.
_NAME_LIMIT_BYTES = 255
_PORTS = {"amqp": 5672, "amqps": 5671}
#: The default of the AMQP URI specification, and the user that RabbitMQ has at first.
_GUEST = ("guest", "guest")


@dataclass(frozen=True, repr=False)
class Settings:
    """Everything that a session needs to know, except for its host.

    Attributes:
        user, password: percent-decoded.
        is_anonymous: whether the URL names no user.
        vhost, exchange, routing_key: names at the broker.
        is_tls: whether the connection is encrypted.
        verify: True, False or the path of a CA bundle.
        cert: the files of the client certificate, or None.
        heartbeat: seconds, 0 for none.
        connect_timeout, confirm_timeout: seconds.
    """

    user: str
    password: str
    is_anonymous: bool
    vhost: str
    exchange: str
    routing_key: str
    is_tls: bool
    verify: bool | str
    cert: str | tuple[str, str] | None
    heartbeat: int
    connect_timeout: float
    confirm_timeout: float

    def tls_context(self) -> ssl.SSLContext | None:
        """Return a context for one connection, so that renewed certificates are read again."""
        return client_context(self.verify, self.cert) if self.is_tls else None


def settings_of(
    address: HostList,
    *,
    exchange: str,
    routing_key: str,
    verify: Any,
    cert: Any,
    heartbeat: int,
    connect_timeout: float,
    confirm_timeout: float,
) -> Settings:
    """Return the options of the transport, checked, together with those in its URL.

    Raises:
        ValueError: for a value that cannot work.
    """
    _check_name("exchange", exchange)
    _check_name("routing_key", routing_key)
    user, password = address.credentials or _GUEST
    return Settings(
        user=user,
        password=password,
        is_anonymous=address.credentials is None,
        vhost=_vhost_of(address),
        exchange=exchange,
        routing_key=routing_key,
        is_tls=address.scheme == "amqps",
        verify=checked_verify(verify),
        cert=checked_cert(cert),
        heartbeat=heartbeat,
        connect_timeout=connect_timeout,
        confirm_timeout=confirm_timeout,
    )


def hosts_of(address: HostList) -> list[tuple[str, int]]:
    """Return the hosts of the URL, each with its port."""
    return [(host, port or _PORTS[address.scheme]) for host, port in address.hosts]


def _vhost_of(address: HostList) -> str:
    """Return the percent-decoded path; ``//``, as kombu and MozDef write it, is ``/`` as well."""
    path = address.path[1:]
    if path in ("", "/"):
        return "/"
    vhost = unquote(path, errors="replace")
    if "/" in path or "\N{REPLACEMENT CHARACTER}" in vhost or not _is_name(vhost):
        raise ValueError(
            f"url is {address.name!r}; its vhost must be one name, percent-encoded (/ is %2F)"
        )
    return vhost


def _check_name(name: str, value: Any) -> None:
    if not isinstance(value, str) or not _is_name(value):
        raise ValueError(
            f"{name} is {value!r}; it must be a string of at most {_NAME_LIMIT_BYTES} bytes"
        )


def _is_name(text: str) -> bool:
    try:
        return "\0" not in text and len(text.encode("utf-8")) <= _NAME_LIMIT_BYTES
    except UnicodeEncodeError:
        return False
