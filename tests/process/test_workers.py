"""Events of worker processes arrive, though these processes end without atexit."""

from __future__ import annotations

import pytest
from support.receivers import Receiver
from support.running import run

EXPECTED = sorted(["main", *(f"{number} {event}" for number in range(4) for event in range(10))])


@pytest.mark.parametrize("library", ["multiprocessing", "pool", "billiard"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_events_of_workers_arrive(library, method):
    """Every event of a worker process arrives exactly once, however it was started."""
    with Receiver() as receiver:
        run("workers", library, method, env={"MOZDEF_URL": receiver.url})
        assert sorted(receiver.summaries()) == EXPECTED
