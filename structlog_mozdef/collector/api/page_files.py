"""The files of the page, which stand in ``collector/page``."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
# No name begins with a dot, and none leads out of the folder.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


async def page_file(request: Request) -> Response:
    """Answer with a file of the page; for the root, with the page itself."""
    name = request.path_params.get("name", "index.html")
    kind = _TYPES.get(PurePosixPath(name).suffix)
    if kind is not None and _NAME.fullmatch(name):
        file = resources.files("structlog_mozdef.collector").joinpath("page", *name.split("/"))
        if file.is_file():
            headers = {"Content-Type": kind, "Cache-Control": "no-cache"}
            return Response(file.read_bytes(), headers=headers)
    return PlainTextResponse("There is no such file.\n", status_code=404)
