"""The collector over HTTP: MozDef's paths, methods and answers.

As with MozDef, success is 200 with an empty body, and an error is a bare status. The store has the
reasons.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.collector.api.guard import is_own_path
from structlog_mozdef.collector.api.questions import Questions
from structlog_mozdef.collector.api.routes import routes
from structlog_mozdef.collector.front_end import FrontEnd
from structlog_mozdef.collector.ingest import IngestResult, ingest_bulk, ingest_event, rejected
from structlog_mozdef.collector.store import columns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable

    from structlog_mozdef.collector.ingest import ReceivedEvent

# nginx's client_max_body_size in MozDef's own configuration.
BODY_MAX_BYTES = 4 * 1024 * 1024

# What bodies may take together until they are stored.
_BODIES_MAX_BYTES = 128 * 1024 * 1024

# A body of this size takes about 0.1 s at the worst, for which nothing else is answered.
_SMALL_BODY_BYTES = 64 * 1024


class _TooLargeError(Exception):
    """The body is over ``BODY_MAX_BYTES``."""


class _TooManyError(Exception):
    """The bodies that arrive at the same time are over ``_BODIES_MAX_BYTES``."""


class _Handlers:
    """The handlers of all paths, with what they share: the store, the host name and the clock.

    They store and answer in the event loop: the order in which requests are answered is the order
    of the arrival numbers. What is in a large body is found out in a thread, for one body at a
    time, so that others are answered meanwhile.
    """

    def __init__(self, questions: Questions, hostname: str, now: Callable[[], datetime]) -> None:
        self._store = questions.store
        self._arrivals = questions.arrivals
        self._hostname = hostname
        self._now = now
        self._bodies_bytes = 0
        self._large_body = asyncio.Lock()
        self._warnings = RateLimitedLogger()

    def record_rejection(self, path: str, reason: str) -> None:
        """Record a request that was answered before its body was read."""
        try:
            self._add(path, self._now(), [rejected(b"", reason)])
        except sqlite3.Error as error:
            self._warn(error)

    async def database_error(self, request: Request, error: Exception) -> Response:
        """Answer a request where the database cannot be used, such as on a full disk."""
        self._warn(error)
        if not is_own_path(request.scope["path"]):
            return Response(status_code=500)
        return JSONResponse({"error": f"The database cannot be used: {error}."}, status_code=500)

    def _warn(self, error: Exception) -> None:
        self._warnings.warn("database", f"The collector's database cannot be used: {error}")

    async def events(self, request: Request) -> Response:
        return await self._ingest(
            request, lambda body, now: ingest_event(body, "events", now, self._hostname)
        )

    async def cef(self, request: Request) -> Response:
        return await self._ingest(
            request, lambda body, now: ingest_event(body, "cef", now, self._hostname)
        )

    async def custom(self, request: Request) -> Response:
        endpoint = f"custom/{request.path_params['name']}"
        return await self._ingest(
            request, lambda body, now: ingest_event(body, endpoint, now, self._hostname)
        )

    async def bulk(self, request: Request) -> Response:
        return await self._ingest(request, lambda body, now: ingest_bulk(body, now, self._hostname))

    async def status(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": "loginput"})

    async def test(self, request: Request) -> Response:
        return Response()

    async def _ingest(
        self, request: Request, ingest: Callable[[bytes, datetime], IngestResult]
    ) -> Response:
        path = request.url.path
        try:
            async with self._read_body(request) as body:
                status = await self._store_events(path, ingest, body)
        except _TooLargeError:
            self.record_rejection(path, "The body is over 4 MB: nginx answers 413.")
            return Response(status_code=413)
        except _TooManyError:
            self.record_rejection(path, "Too many large bodies arrive at once: this answers 503.")
            return Response(status_code=503)
        except ClientDisconnect:
            return Response(status_code=400)  # the client is gone and never sees it
        return Response(status_code=status)

    async def _store_events(
        self, path: str, ingest: Callable[[bytes, datetime], IngestResult], body: bytes
    ) -> int:
        """Store what is in a body; return the status to answer."""
        now = self._now()
        if len(body) <= _SMALL_BODY_BYTES:
            result = ingest(body, now)
            self._add(path, now, result.events)
            return result.status

        def prepare() -> tuple[IngestResult, list[Any]]:
            result = ingest(body, now)
            events = itertools.takewhile(lambda _: not self._arrivals.is_closed, result.events)
            return result, list(map(columns_of, events))

        try:
            async with self._large_body:
                result, columns = await asyncio.to_thread(prepare)
        except asyncio.CancelledError:  # the server stops, and does not wait any longer
            return 503
        if self._arrivals.is_closed:  # perhaps it is not complete
            return 503
        self._store.insert(path, now, columns)
        self._arrivals.notify()
        return result.status

    def _add(self, path: str, now: datetime, events: Iterable[ReceivedEvent]) -> None:
        self._store.add(path, now, events)
        self._arrivals.notify()

    @contextlib.asynccontextmanager
    async def _read_body(self, request: Request) -> AsyncIterator[bytes]:
        """Read the body, and count it as in memory for the time of the block.

        Raises:
            _TooLargeError: as soon as it is known to be over ``BODY_MAX_BYTES``.
            _TooManyError: others have taken the memory.
        """
        length = request.headers.get("content-length", "")
        # uvicorn has checked that it is an integer.
        if length and int(length) > BODY_MAX_BYTES:
            raise _TooLargeError
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                self._bodies_bytes += len(chunk)
                if len(body) > BODY_MAX_BYTES:
                    raise _TooLargeError
                if self._bodies_bytes > _BODIES_MAX_BYTES:
                    raise _TooManyError
            yield bytes(body)
        finally:
            self._bodies_bytes -= len(body)


def _utc_now() -> datetime:
    # MozDef's own containers run in UTC, so UTC is the worker's zone for naive timestamps.
    return datetime.now(UTC)


def _routes(
    path: str, handler: Callable[[Request], Awaitable[Response]], methods: list[str]
) -> list[Route]:
    """Return the routes of a path with and without a slash at its end."""
    return [Route(form, handler, methods=methods) for form in (path, f"{path}/")]


def create_app(
    questions: Questions,
    *,
    hostname: str | None = None,
    allowed_hosts: Collection[str] = (),
    now: Callable[[], datetime] = _utc_now,
) -> Starlette:
    """Build the ASGI application.

    Args:
        questions: what holds the received events, and answers about them; the caller closes it.
        hostname: stored as ``mozdefhostname``. Default: this machine's.
        allowed_hosts: names that the Host header may have, in addition to localhost and
            loopback addresses; ``"*"`` allows every name. Default: none.
        now: returns the time with a zone, in which naive timestamps are read. Default: UTC.
    """
    handlers = _Handlers(questions, hostname or socket.gethostname(), now)
    methods = ["POST", "PUT"]
    app = Starlette(
        routes=[
            *routes(questions),
            *_routes("/status", handlers.status, ["GET"]),
            *_routes("/test", handlers.test, ["GET"]),
            # MozDef's own mistake: it reads an event from a GET, and answers 500 to one without.
            *_routes("/_status", handlers.events, ["GET"]),
            *_routes("/events", handlers.events, methods),
            *_routes("/nxlog", handlers.events, methods),
            *_routes("/cef", handlers.cef, methods),
            Route("/custom/{name}", handlers.custom, methods=methods),
            *_routes("/_bulk", handlers.bulk, ["POST"]),
        ],
        middleware=[
            Middleware(
                FrontEnd,
                record_rejection=handlers.record_rejection,
                allowed_hosts=tuple(allowed_hosts),
            )
        ],
        exception_handlers={sqlite3.Error: handlers.database_error},
    )
    app.state.record_rejection = handlers.record_rejection
    # MozDef redirects nowhere, and a redirected POST loses its body with many clients.
    app.router.redirect_slashes = False
    return app
