"""The server in front of MozDef: the limits and paths of nginx, and one check of our own.

A plain ASGI middleware. It answers before the body is read. uvicorn reads and discards the body, so
that the client sees the answer and not a broken connection.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

# nginx's large_client_header_buffers: one header with its name, in bytes.
HEADER_MAX_BYTES = 2048

ANY_HOST = "*"

_ABSOLUTE_URI = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class FrontEnd:
    """Reject what MozDef's front end rejects, and requests for other hosts.

    Args:
        app: the application behind the front end.
        record_rejection: called with the path and a sentence for each request that MozDef's
            front end would reject.
        allowed_hosts: names that the Host header may have, in addition to those of loopback;
            ``"*"`` allows every name. A web page that makes its own name resolve to 127.0.0.1
            (DNS rebinding) sends that name, and must not read the events.
    """

    def __init__(
        self,
        app: ASGIApp,
        record_rejection: Callable[[str, str], None],
        allowed_hosts: Collection[str],
    ) -> None:
        self._app = app
        self._record_rejection = record_rejection
        self._allowed_hosts = frozenset(name.lower() for name in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        app = self._app
        if scope["type"] == "http":
            headers = list(scope["headers"])
            absolute = _ABSOLUTE_URI.fullmatch(scope["path"])
            if absolute is not None:
                headers.append((b"host", absolute[1].encode()))  # it counts as much as the header
            path = _normalize(absolute[2] if absolute is not None else scope["path"])
            scope["path"] = path or ""
            app = self._check(headers, path) or app
        await app(scope, receive, send)

    def _check(self, headers: list[tuple[bytes, bytes]], path: str | None) -> Response | None:
        if path is None:
            return Response(status_code=400)
        for name, value in headers:
            if name == b"host" and not self._is_allowed(value.decode("latin-1")):
                return PlainTextResponse(
                    "This collector answers only requests for localhost; allow other names when"
                    " you start it.\n",
                    status_code=403,
                )
            if len(name) + len(": ") + len(value) > HEADER_MAX_BYTES:
                self._record_rejection(path, "A header is over 2 kB: nginx answers 400.")
                return Response(status_code=400)
            if name == b"transfer-encoding":
                self._record_rejection(path, "The body is chunked: MozDef answers 400.")
                return Response(status_code=400)
        return None

    def _is_allowed(self, host: str) -> bool:
        if ANY_HOST in self._allowed_hosts:
            return True
        name = _without_port(host).lower().rstrip(".")
        # An empty Host cannot be a name that somebody made resolve to this machine.
        return not name or is_loopback(name) or name in self._allowed_hosts


def _normalize(path: str) -> str | None:
    """Return the path that nginx passes on, or None if it leads out of the root.

    Slashes in a row are one; ``.`` and ``..`` are followed.
    """
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            if not names:
                return None
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    is_folder = names and path.endswith(("/", "/.", "/.."))
    return f"/{'/'.join(names)}/" if is_folder else f"/{'/'.join(names)}"


def is_loopback(name: str) -> bool:
    """Return whether a host name or IP address can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
