"""The server in front of MozDef: the limits and paths of nginx, and one check of our own.

A plain ASGI middleware. It answers before the body is read. uvicorn reads and discards the body, so
that the client sees the answer and not a broken connection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response

from structlog_mozdef.collector.api.guard import Guard, is_own_path, with_safe_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

# nginx's large_client_header_buffers: one header with its name, in bytes.
HEADER_MAX_BYTES = 2048

_ABSOLUTE_URI = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class FrontEnd:
    """Reject what MozDef's front end rejects, and requests for other hosts.

    Args:
        app: the application behind the front end.
        record_rejection: called with the path and a sentence for each request that MozDef's
            front end would reject.
        allowed_hosts: names that the Host header may have; see `Guard`.
    """

    def __init__(
        self,
        app: ASGIApp,
        record_rejection: Callable[[str, str], None],
        allowed_hosts: Collection[str],
    ) -> None:
        self._app = app
        self._record_rejection = record_rejection
        self._guard = Guard(allowed_hosts)

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
            if path is not None and is_own_path(path):
                send = with_safe_headers(send)
            app = self._check(scope["method"], headers, path) or app
        await app(scope, receive, send)

    def _check(
        self, method: str, headers: list[tuple[bytes, bytes]], path: str | None
    ) -> Response | None:
        if path is None:
            return Response(status_code=400)
        objection = self._guard.find_objection(method, path, headers)
        if objection is not None:
            return PlainTextResponse(f"{objection}\n", status_code=403)
        if is_own_path(path):  # a browser's cookies can be larger than nginx allows
            return None
        for name, value in headers:
            if len(name) + len(": ") + len(value) > HEADER_MAX_BYTES:
                self._record_rejection(path, "A header is over 2 kB: nginx answers 400.")
                return Response(status_code=400)
            if name == b"transfer-encoding":
                self._record_rejection(path, "The body is chunked: MozDef answers 400.")
                return Response(status_code=400)
        return None


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
