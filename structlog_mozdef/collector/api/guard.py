"""Who may ask: requests of programs and of the collector's own page, not those of other pages.

A page of any site can make the browser of a developer send requests to this machine. It could read
the events if it made its own name resolve to this machine (DNS rebinding); it could send or clear
events without reading the answer. Programs send no ``Origin``, and browsers cannot leave it out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

ANY_HOST = "*"

_HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
            " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }.items()
]


def is_own_path(path: str) -> bool:
    """Return whether a path is one of the page or the API, which MozDef does not have."""
    return path in {"/", "/page", "/api"} or path.startswith(("/page/", "/api/"))


class Guard:
    """The checks of who sends a request.

    Args:
        allowed_hosts: names that the Host header may have, in addition to those of loopback;
            ``"*"`` allows programs every name, and browsers those that cannot be a foreign site's:
            addresses, and names without a dot.
    """

    def __init__(self, allowed_hosts: Collection[str]) -> None:
        self._allowed_hosts = frozenset(name.lower() for name in allowed_hosts)

    def find_objection(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> str | None:
        """Return why a request must not be answered, as a sentence; None if it may."""
        fetch = {"site": "", "mode": ""}
        hosts, origins = [], []
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1").lower())
            elif name == b"origin":
                origins.append(value.decode("latin-1").lower())
            elif name in {b"sec-fetch-site", b"sec-fetch-mode"}:
                fetch[name[10:].decode()] = value.decode("latin-1")
        is_browser = bool(origins) or bool(fetch["site"])
        is_strict = is_browser or is_own_path(path)
        if not all(self._is_allowed(host, is_strict=is_strict) for host in hosts):
            return (
                "This collector answers only requests for localhost; allow other names when you"
                " start it."
            )
        if any(origin.partition("://")[2] not in hosts for origin in origins):
            return "This collector answers no requests of other sites' pages."
        is_link = method in {"GET", "HEAD"} and fetch["mode"] == "navigate" and path == "/"
        if fetch["site"] in {"cross-site", "same-site"} and not is_link:
            return "This collector answers no requests of other sites' pages."
        return None

    def _is_allowed(self, host: str, *, is_strict: bool) -> bool:
        name = _without_port(host).rstrip(".")
        # An empty Host cannot be a name that somebody made resolve to this machine.
        if not name or is_loopback(name) or name in self._allowed_hosts:
            return True
        return ANY_HOST in self._allowed_hosts and (not is_strict or _is_of_no_site(name))


def with_safe_headers(send: Send) -> Send:
    """Return what sends an answer with headers that let a browser load nothing from elsewhere."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return send_with_headers


def is_loopback(name: str) -> bool:
    """Return whether a host name or IP address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_of_no_site(name: str) -> bool:
    """Return whether a name is an address, or one that only a local network resolves."""
    if "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
