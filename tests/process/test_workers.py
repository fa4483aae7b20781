"""Events of worker processes arrive, though these processes end without atexit."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, finish, run, start_command, wait_for

EXPECTED = sorted(["main", *(f"{number} {event}" for number in range(4) for event in range(10))])


@pytest.mark.parametrize("library", ["multiprocessing", "pool", "billiard"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_events_of_workers_arrive(library, method):
    """Every event of a worker process arrives exactly once, however it was started."""
    with Receiver() as receiver:
        run("workers", library, method, env={"MOZDEF_URL": receiver.url})
        assert sorted(receiver.summaries()) == EXPECTED


@pytest.mark.slow
def test_events_of_celery_tasks_arrive(tmp_path):
    """Events that tasks log in Celery's prefork pool arrive, at the latest when it shuts down."""
    (tmp_path / "control").mkdir()
    with Receiver() as receiver:
        environment = {"MOZDEF_URL": receiver.url, "QUEUE": str(tmp_path)}
        run("celery_app", env=environment)
        worker = start_command(
            [
                *[sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--pool=prefork"],
                *["--concurrency=2", "--without-gossip", "--without-mingle"],
            ],
            env={**environment, "C_FORCE_ROOT": "1"},
            cwd=PROGRAMS,
        )
        queue_is_empty = wait_for(lambda: not [n for n in os.listdir(tmp_path) if "msg" in n], 30)
        worker.send_signal(signal.SIGTERM)
        finish(worker, 40)
        tasks = {summary for summary in receiver.summaries() if summary.startswith("task")}
        assert (queue_is_empty, tasks) == (True, {f"task {number}" for number in range(10)})
