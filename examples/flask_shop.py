"""A shop with Flask."""

import uuid

import structlog
from flask import Flask, request

import structlog_mozdef

structlog_mozdef.configure(tags=["shop"], stdlib=True)
log = structlog.get_logger("shop")
app = Flask(__name__)


@app.before_request
def bind_request() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=request.headers.get("X-Request-ID", uuid.uuid4().hex),
        sourceipaddress=request.remote_addr,
        path=request.path,
    )


@app.post("/login/<username>")
def login(username: str) -> tuple[str, int]:
    if request.form.get("password") != "correct":
        log.warning("Login failed", category="authentication", username=username, success=False)
        return "no", 403
    log.info("User logged in", category="authentication", username=username, success=True)
    return "welcome", 200


@app.get("/orders/<int:number>")
def show_order(number: int) -> str:
    app.logger.info("order %d shown", number)  # the standard library's logging joins
    return str(10 // number)  # an order 0 is a fault: Flask logs it, with its traceback
