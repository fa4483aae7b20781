"""A shop with FastAPI, or with Starlette: the set-up is the same."""

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator

import structlog
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

import structlog_mozdef

sink = structlog_mozdef.configure(tags=["shop"], stdlib=True)
log = structlog.get_logger("shop")


class RequestContext:
    """Bind what all events of a request have. A middleware of plain ASGI sees them all."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(
                request_id=uuid.uuid4().hex,
                sourceipaddress=scope["client"][0] if scope["client"] else None,
                path=scope["path"],
            )
        await self.app(scope, receive, send)


def has_handler(logger: logging.Logger) -> bool:
    """Whether gunicorn's configuration has handed its handlers to this logger of uvicorn."""
    return any(isinstance(each, structlog_mozdef.MozDefHandler) for each in logger.handlers)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # uvicorn has set up its own loggers by now, and keeps them apart from the root logger.
    handler = structlog_mozdef.MozDefHandler(sink, tags=["shop"])
    names = ("uvicorn.error", "uvicorn.access")
    loggers = [each for each in map(logging.getLogger, names) if not has_handler(each)]
    for logger in loggers:
        logger.addHandler(handler)
    yield
    for logger in loggers:
        logger.removeHandler(handler)


app = FastAPI(lifespan=lifespan)
app.add_middleware(RequestContext)


@app.get("/orders/{number}")
async def show_order(number: int) -> int:
    log.info("Order shown", order=number)
    return 10 // number  # an order 0 is a fault: the server logs it, with its traceback


@app.post("/login/{username}")
def login(username: str, response: Response) -> str:
    # FastAPI runs this one in a thread, which sees the same context variables.
    log.warning("Login failed", category="authentication", username=username, success=False)
    response.status_code = 403
    return "no"
