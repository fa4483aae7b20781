"""The URL and the options of `SyslogTransport`, checked when the transport is made."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from structlog_mozdef.transports.syslog.format import FACILITIES
from structlog_mozdef.transports.urls import parse_address, parse_path, scheme_of

SCHEMES = ("syslog+tls", "syslog+tcp", "syslog+udp", "syslog")
LOCAL_SOCKET = "/dev/log"
#: RFC 5425 and RFC 5426. None is assigned to syslog over plain TCP: RFC 6587 finds 514 in use,
#: which is what rsyslog and MozDef's own syslog-ng listen on.
_PORTS = {"syslog+tls": 6514, "syslog+tcp": 514, "syslog+udp": 514}
_PRINTABLE = re.compile(r"[!-~]+")
#: The longest path that fits into the address of a local socket on Linux.
_PATH_LIMIT_BYTES = 107


@dataclass(frozen=True)
class Receiver:
    """Where messages go: to a host and port, or to a path of this machine.

    Attributes:
        scheme: one of `SCHEMES`.
        name: the destination in log lines.
        host, port: of a receiver in the network.
        path: of a local socket.
    """

    scheme: str
    name: str
    host: str = ""
    port: int = 0
    path: str = ""


def receiver_of(url: str) -> Receiver:
    """Parse *url*; raise ValueError if it is not one of syslog."""
    if not isinstance(url, str):
        raise ValueError(
            f"url is a {type(url).__name__}; it must be a string that starts with syslog+tls://"
        )
    scheme = scheme_of(url, SCHEMES)
    if scheme == "syslog":
        path = parse_path(url, scheme)
        path = LOCAL_SOCKET if path in ("", "/") else path
        if len(os.fsencode(path)) > _PATH_LIMIT_BYTES:
            raise ValueError(
                f"url has a path of {len(os.fsencode(path))} bytes; a local socket can have at"
                f" most {_PATH_LIMIT_BYTES}"
            )
        return Receiver(scheme, f"syslog://{path}", path=path)
    address = parse_address(url, (scheme,))
    parts = urlsplit(address.url)
    # What parse_address leaves out of the name is rejected, not ignored.
    if address.credentials or address.path not in ("", "/") or parts.query or "#" in url:
        raise ValueError(
            f"url is for {address.name!r}; it must be {scheme}://host:port, without user,"
            " password, path, query and fragment"
        )
    host = parts.hostname or ""
    if not _is_host(host):
        raise ValueError(f"url is {address.name!r}; its host is malformed")
    port = parts.port or _PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    return Receiver(scheme, f"{scheme}://{shown}:{port}", host=host, port=port)


def _is_host(host: str) -> bool:
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


def facility_of(facility: Any) -> int:
    """Return the number of a facility that is given by name or number."""
    if isinstance(facility, str) and facility.lower() in FACILITIES:
        return FACILITIES.index(facility.lower())
    if (
        isinstance(facility, int)
        and not isinstance(facility, bool)
        and 0 <= facility < len(FACILITIES)
    ):
        return facility
    raise ValueError(
        f"facility is {facility!r}; it must be an integer from 0 to {len(FACILITIES) - 1}, or one"
        f" of {', '.join(FACILITIES)}"
    )


def check_field(name: str, value: Any, limit: int) -> None:
    """Raise ValueError for a string that the header of RFC 5424 cannot hold; None is allowed."""
    if value is None:
        return
    if not isinstance(value, str) or not _PRINTABLE.fullmatch(value) or len(value) > limit:
        raise ValueError(
            f"{name} is {value!r}; it must be a string of 1 to {limit} printable ASCII characters"
            " without spaces"
        )
