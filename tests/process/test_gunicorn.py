"""Under gunicorn the events of every request arrive, whatever becomes of the workers."""

from __future__ import annotations

import signal
import sys
import urllib.request

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, finish, free_port, start_command, wait_for


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read() == b"done"
    except OSError:
        return False


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["each", "preload"])
@pytest.mark.parametrize("recycle", [[], ["--max-requests", "1"]], ids=["keep", "recycle"])
@pytest.mark.parametrize("reload", [False, True], ids=["term", "hup"])
def test_events_of_requests_arrive(preload, recycle, reload):
    """Every request's event arrives, through recycling, SIGHUP and SIGTERM."""
    with Receiver() as receiver:
        url = f"http://127.0.0.1:{free_port()}/?"
        server = start_command(
            [
                *[sys.executable, "-m", "gunicorn", "--bind", url[7:-2], "--workers", "2"],
                *[*preload, *recycle, "gunicorn_app:application"],
            ],
            env={"MOZDEF_URL": receiver.url},
            cwd=PROGRAMS,
        )
        assert wait_for(lambda: answers(f"{url}ready"))
        for number in range(12):
            assert wait_for(lambda: answers(f"{url}{number}"))  # noqa: B023 - called at once
            if reload and number == 6:
                server.send_signal(signal.SIGHUP)
        server.send_signal(signal.SIGTERM)
        finish(server)
        assert {*map(str, range(12)), "imported", "ready"} <= set(receiver.summaries())
