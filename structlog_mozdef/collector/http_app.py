"""The receiver over HTTP: MozDef's paths, methods and answers.

Success is 200 with an empty body and an error is a bare status, as with MozDef; the reasons are in
the store.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from structlog_mozdef.collector.front_end import FrontEnd
from structlog_mozdef.collector.ingest import Intake, refused, take_bulk, take_one

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from structlog_mozdef.collector.store import Store

# nginx's client_max_body_size in MozDef's own configuration.
BODY_MAX_BYTES = 4 * 1024 * 1024


class _TooLarge(Exception):  # noqa: N818 - it carries the answer 413 out of the reading loop
    """The body is over ``BODY_MAX_BYTES``."""


class _Handlers:
    """The handlers, which share the store and the name of the machine.

    They run in the event loop, without threads: the order in which requests are answered is the
    order of the arrival numbers.
    """

    def __init__(self, store: Store, hostname: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._hostname = hostname
        self._now = now

    def record_refusal(self, path: str, reason: str) -> None:
        """Record a request that was answered before its body was read."""
        self._store.add(path, self._now(), [refused(b"", reason)])

    async def events(self, request: Request) -> Response:
        return await self._take(
            request, lambda body, now: take_one(body, "events", now, self._hostname)
        )

    async def custom(self, request: Request) -> Response:
        endpoint = f"custom/{request.path_params['name']}"
        return await self._take(
            request, lambda body, now: take_one(body, endpoint, now, self._hostname)
        )

    async def bulk(self, request: Request) -> Response:
        return await self._take(request, lambda body, now: take_bulk(body, now, self._hostname))

    async def status(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": "loginput"})

    async def home(self, request: Request) -> Response:
        return JSONResponse({"received": self._store.received, "stored": self._store.stored})

    async def _take(
        self, request: Request, intake: Callable[[bytes, datetime], Intake]
    ) -> Response:
        path = request.url.path
        try:
            body = await _read_body(request)
        except _TooLarge:
            self.record_refusal(path, "The body is over 4 MB: nginx answers 413.")
            return Response(status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to see it
        now = self._now()
        result = intake(body, now)
        self._store.add(path, now, result.arrivals)
        return Response(status_code=result.status)


async def _read_body(request: Request) -> bytes:
    """Read the body, and give up as soon as it is known to be too large."""
    length = request.headers.get("content-length", "")
    # uvicorn has checked that it is a number.
    if length and int(length) > BODY_MAX_BYTES:
        raise _TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            raise _TooLarge
    return bytes(body)


def _utc_now() -> datetime:
    # MozDef's own containers run in UTC, so this is the worker's zone for naive timestamps.
    return datetime.now(UTC)


def create_app(
    store: Store,
    *,
    hostname: str | None = None,
    allowed_hosts: Collection[str] = (),
    now: Callable[[], datetime] = _utc_now,
) -> Starlette:
    """Build the ASGI application.

    Args:
        store: where arrivals go; the caller closes it.
        hostname: stored as ``mozdefhostname``. Default: this machine's.
        allowed_hosts: names that the Host header may give beside localhost and loopback
            addresses; ``"*"`` allows every name. Default: none.
        now: the clock, with a zone, in which naive timestamps are read. Default: UTC.
    """
    door = _Handlers(store, hostname or socket.gethostname(), now)
    write = ["POST", "PUT"]
    app = Starlette(
        routes=[
            Route("/", door.home, methods=["GET"]),
            Route("/status", door.status, methods=["GET"]),
            Route("/status/", door.status, methods=["GET"]),
            Route("/events", door.events, methods=write),
            Route("/events/", door.events, methods=write),
            Route("/nxlog", door.events, methods=write),
            Route("/nxlog/", door.events, methods=write),
            Route("/custom/{name}", door.custom, methods=write),
            Route("/_bulk", door.bulk, methods=["POST"]),
            Route("/_bulk/", door.bulk, methods=["POST"]),
        ],
        middleware=[
            Middleware(
                FrontEnd, record_refusal=door.record_refusal, allowed_hosts=tuple(allowed_hosts)
            )
        ],
    )
    # MozDef redirects nowhere, and a redirected POST loses its body with many clients.
    app.router.redirect_slashes = False
    return app
