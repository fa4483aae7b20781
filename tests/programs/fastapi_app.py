"""An application for uvicorn: each request logs its number, and so does the end of the lifespan.

Run as a program it serves itself with ``uvicorn.run``.
"""

import contextlib
import os
import sys
from pathlib import Path

import structlog
from fastapi import FastAPI

import structlog_mozdef as mozdef

mozdef.configure(
    os.environ["MOZDEF_URL"], linger=60, exit_timeout=float(os.environ["EXIT_TIMEOUT"])
)
log = structlog.get_logger()


def say_that_it_starts():
    Path(os.environ["STARTED"], str(os.getpid())).touch()


@contextlib.asynccontextmanager
async def lifespan(app):
    say_that_it_starts()
    yield
    log.info("lifespan ends")


app = FastAPI(lifespan=lifespan)


@app.get("/{number}")
async def request(number: str):
    log.info(number)
    return "done"


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(sys.argv[1] if len(sys.argv) > 2 else app, port=int(sys.argv[-1]))
