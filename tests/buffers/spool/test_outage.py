"""A long outage costs disk, and no memory; then the backlog is delivered, oldest first."""

from __future__ import annotations

import shutil
import time

import pytest
from support.receivers import OK, Receiver, unused_port
from support.running import run, wait_for
from support.spool_contents import QUICK

from structlog_mozdef import Sink

EVENTS = 3_000_000


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "spool"
    shutil.rmtree(tmp_path / "spool", ignore_errors=True)  # it is large


@pytest.mark.slow
def test_three_million_events(folder):
    """Memory does not grow, nothing is dropped, and the backlog begins to be sent in order."""
    port = unused_port()
    url = f"http://127.0.0.1:{port}/events"
    result = run("spool_outage", url, folder, EVENTS, timeout=100).stdout.split()
    growth, buffered, dropped, failures = map(int, result)
    assert (buffered, dropped, failures > 1) == (EVENTS, 0, True)
    assert growth < 32 * 1024 * 1024

    def respond(request):
        time.sleep(0.01)
        return OK

    with Receiver(respond, port=port) as receiver:
        sink = Sink(url, spool=folder, exit_timeout=0, max_bytes=4 * 1024**3, **QUICK)
        assert wait_for(lambda: len(receiver.accepted) > 20, 30)
        sink.close(0.1)
        summaries = receiver.summaries()
    assert summaries == [f"event {number}" for number in range(len(summaries))]
