"""The paths of the API, version 1, and their answers; docs/collector.rst documents them."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from structlog_mozdef.collector.api import catalog as of
from structlog_mozdef.collector.api.details import details
from structlog_mozdef.collector.api.filters import BadParameterError, Parameters, is_id
from structlog_mozdef.collector.api.histogram import histogram
from structlog_mozdef.collector.api.live import LiveStream
from structlog_mozdef.collector.api.page_files import page_file

if TYPE_CHECKING:
    from starlette.requests import Request

    from structlog_mozdef.collector.api.questions import Questions

    _Handler = Callable[["_Api", Request], Awaitable[Response]]

_ROWS_MAX = 1_000
# In bytes: some milliseconds, for which nothing else is answered, or one event.
_DOWNLOADED_AT_ONCE = 100_000
# Events that arrive within so many seconds are looked at together.
_WAIT_INTERVAL = 0.01
_NO_STORE = {"Cache-Control": "no-store"}


def routes(questions: Questions) -> list[Route]:
    """Return the routes of the page and of the API."""
    api = _Api(questions)
    paths: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "events": api.events,
        "events.ndjson": api.download,
        "events/{number}": api.event,
        "wait": api.wait,
        "count": api.count,
        "histogram": api.histogram,
        "facets": api.facets,
        "streams": api.streams,
        "totals": api.totals,
        "live": api.live,
    }
    return [
        Route("/", page_file, methods=["GET"]),
        Route("/page/{name:path}", page_file, methods=["GET"]),
        Route("/api/v1/events", api.clear, methods=["DELETE"]),
        *(Route(f"/api/v1/{path}", handler, methods=["GET"]) for path, handler in paths.items()),
    ]


def _answering_errors(
    handler: _Handler,
) -> Callable[[_Api, Request], Awaitable[Response]]:
    """Answer 400 with the sentence where a parameter is unknown or impossible."""

    @functools.wraps(handler)
    async def handle(self: _Api, request: Request) -> Response:
        try:
            return await handler(self, request)
        except BadParameterError as error:
            return _error(400, str(error))

    return handle


class _Api:
    """The handlers. They run in the event loop: each question takes milliseconds."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    @_answering_errors
    async def events(self, request: Request) -> Response:
        asked = _parameters(request, "limit", "order")
        wanted, limit = asked.filter(), asked.limit()
        newest_first = asked.newest_first()
        catalog = await self._questions.catalog()
        rows = of.rows(catalog.select(wanted), limit + 1, newest_first=newest_first)
        return _list(rows[:limit], more=len(rows) > limit)

    @_answering_errors
    async def event(self, request: Request) -> Response:
        _parameters(request, filtered=False)
        number = request.path_params["number"]
        row = self._questions.store.row(int(number)) if is_id(number) else None
        if row is None:
            return _error(404, "There is no such event: it never was, was cleared or is too old.")
        return _json(await _details(row))

    @_answering_errors
    async def wait(self, request: Request) -> Response:
        asked = _parameters(request, "count", "timeout")
        wanted, needed = asked.filter(), asked.count()
        deadline = time.monotonic() + asked.timeout()
        questions = self._questions
        with questions.waiting_places.hold() as is_free:
            if not is_free:
                return _error(503, "Too many requests wait for events already.")
            while True:
                selection = (await questions.catalog()).select(wanted)
                found = of.count(selection)
                left = deadline - time.monotonic()
                if found >= needed or left <= 0 or questions.arrivals.is_closed:
                    break
                await questions.arrivals.wait(min(1.0, left))
                await asyncio.sleep(_WAIT_INTERVAL)
        rows = of.rows(selection, min(found, _ROWS_MAX), newest_first=False)
        return _list(rows, more=found > len(rows), status=200 if found >= needed else 408)

    @_answering_errors
    async def count(self, request: Request) -> Response:
        wanted = _parameters(request).filter()
        catalog = await self._questions.catalog()
        return _json(b'{"count":%d}' % of.count(catalog.select(wanted)))

    @_answering_errors
    async def histogram(self, request: Request) -> Response:
        asked = _parameters(request, "buckets")
        wanted, buckets = asked.filter(), asked.buckets()
        catalog = await self._questions.catalog()
        answer = histogram(catalog.select(wanted), buckets, wanted.since, wanted.until)
        return _json(_dumps(answer))

    @_answering_errors
    async def facets(self, request: Request) -> Response:
        wanted = _parameters(request).filter()
        catalog = await self._questions.catalog()
        return _json(_dumps(catalog.facets(catalog.select(wanted))))

    @_answering_errors
    async def streams(self, request: Request) -> Response:
        _parameters(request, filtered=False)
        catalog = await self._questions.catalog()
        return _json(_dumps({"streams": catalog.streams(), "unseen": catalog.unseen}))

    @_answering_errors
    async def totals(self, request: Request) -> Response:
        _parameters(request, filtered=False)
        return _json(self._questions.totals())

    @_answering_errors
    async def clear(self, request: Request) -> Response:
        _parameters(request, filtered=False)
        count = self._questions.store.clear()
        self._questions.arrivals.notify()
        return _json(b'{"cleared":%d}' % count)

    @_answering_errors
    async def download(self, request: Request) -> Response:
        wanted = _parameters(request).filter()
        catalog = await self._questions.catalog()
        selection = catalog.select(wanted)
        headers = {**_NO_STORE, "Content-Disposition": 'attachment; filename="events.ndjson"'}
        kind = "application/x-ndjson"
        if request.method == "HEAD":
            return Response(headers=headers, media_type=kind)
        return StreamingResponse(self._lines(selection), headers=headers, media_type=kind)

    @_answering_errors
    async def live(self, request: Request) -> Response:
        asked = _parameters(request)
        wanted = asked.filter()
        begin = wanted.after if asked.has("after") else None
        resumed = request.headers.get("last-event-id", "")
        kind = "text/event-stream"
        if request.method == "HEAD":  # whose answer has an end
            return Response(headers=_NO_STORE, media_type=kind)
        messages = self._live(LiveStream(self._questions, wanted, begin, resumed))
        first = await anext(messages)
        if first is None:
            return _error(503, "Too many streams of events are open already.")
        parts = _after(first, messages)
        return StreamingResponse(parts, headers=_NO_STORE, media_type=kind)

    async def _live(self, stream: LiveStream) -> AsyncIterator[bytes | None]:
        # The place is held until the stream ends, or the client does.
        with self._questions.live_places.hold() as is_free:
            if not is_free:
                yield None
                return
            async for message in stream.messages():
                yield message

    async def _lines(self, selection: of.Selection) -> AsyncIterator[bytes]:
        lines: list[bytes] = []
        size = 0
        for number in of.numbers(selection, newest_first=False):
            row = self._questions.store.row(number)
            if row is not None:  # it can be gone meanwhile
                lines.append(await _details(row))
                size += len(lines[-1])
            if size > _DOWNLOADED_AT_ONCE:
                yield b"\n".join([*lines, b""])
                lines, size = [], 0
                await asyncio.sleep(0)
        yield b"\n".join([*lines, b""])


async def _details(row: tuple[Any, ...]) -> bytes:
    """Return all that is known of an event; a large one keeps nobody waiting."""
    if len(row[3]) < _DOWNLOADED_AT_ONCE:
        return details(row)
    return await asyncio.to_thread(details, row)


async def _after(first: bytes, messages: AsyncIterator[bytes | None]) -> AsyncIterator[bytes]:
    yield first
    async for message in messages:
        if message is not None:
            yield message


def _parameters(request: Request, *known: str, filtered: bool = True) -> Parameters:
    return Parameters(request.query_params.multi_items(), known, filtered=filtered)


def _list(rows: list[bytes], *, more: bool, status: int = 200) -> Response:
    end = b"true" if more else b"false"
    return _json(b'{"events":[%s],"more":%s}' % (b",".join(rows), end), status)


def _error(status: int, sentence: str) -> Response:
    return _json(_dumps({"error": sentence}), status)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, headers=_NO_STORE, media_type="application/json")


def _dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half of a surrogate pair in a value
        import json

        return json.dumps(value).encode()
