"""FastAPI under uvicorn, gunicorn and hypercorn: SIGTERM, however it is used, costs no event."""

from __future__ import annotations

import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, dead_url, free_port, start_command, wait_for

REQUESTS = 200
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "fastapi_app:app", "--port"],
    "workers": ["-m", "uvicorn", "fastapi_app:app", "--workers", "2", "--port"],
    "reload": ["-m", "uvicorn", "fastapi_app:app", "--reload", "--port"],
    "run": ["fastapi_app.py"],
    "run by name": ["fastapi_app.py", "fastapi_app:app"],
    "gunicorn": ["-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "fastapi_app:app", "-b"],
    "preload": [
        *["-m", "gunicorn", "--preload", "-k", "uvicorn_worker.UvicornWorker"],
        *["--workers", "2", "fastapi_app:app", "-b"],
    ],
    "hypercorn": ["-m", "hypercorn", "fastapi_app:app", "-b"],
    "hypercorn workers": ["-m", "hypercorn", "--workers", "2", "fastapi_app:app", "-b"],
}
WORKERS = {"workers": 2, "preload": 2, "hypercorn workers": 2}


def serve_and_end(server: str, url: str, exit_timeout: int, started: Path) -> str:
    """Let *server* answer all requests and end it by SIGTERM; return its standard error."""
    port = free_port()
    address = f"127.0.0.1:{port}" if SERVERS[server][-1] == "-b" else str(port)
    process = start_command(
        [sys.executable, *SERVERS[server], address],
        env={"MOZDEF_URL": url, "EXIT_TIMEOUT": str(exit_timeout), "STARTED": str(started)},
        cwd=PROGRAMS,
    )

    def answers(number: object) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=20) as got:
                return got.read() == b'"done"'
        except OSError:
            return False

    try:
        assert wait_for(lambda: answers(0), timeout=40)
        assert all(answers(number) for number in range(1, REQUESTS))
        # One worker may have answered before another one has begun.
        assert wait_for(lambda: len([*started.iterdir()]) == WORKERS.get(server, 1), timeout=40)
        process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_every_event_arrives(server, tmp_path):
    """The events of all requests, and that of the lifespan's end, arrive."""
    with Receiver() as receiver:
        stderr = serve_and_end(server, receiver.url, 40, tmp_path)
        expected = [*map(str, range(REQUESTS)), *["lifespan ends"] * WORKERS.get(server, 1)]
        assert sorted(receiver.summaries()) == sorted(expected), stderr


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_every_loss_is_reported(server, tmp_path):
    """In an outage the processes say together how many events are lost."""
    stderr = serve_and_end(server, dead_url(), 1, tmp_path)
    lost = [int(number) for number in re.findall(r"structlog_mozdef: .* (\d+) not sent", stderr)]
    # Each worker logs the end of its lifespan, and its stream ends.
    assert sum(lost) == REQUESTS + 2 * WORKERS.get(server, 1), stderr
