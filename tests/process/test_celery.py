"""Celery with a real Redis: the events of tasks arrive, however a process of the pool ends."""

from __future__ import annotations

import contextlib
import signal
import sys

import pytest
from support.redis_server import running_redis
from support.running import PROGRAMS, finish, run, start_command

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture(scope="module")
def redis():
    with running_redis() as path:
        yield path


@contextlib.contextmanager
def running_worker(redis, receiver, *options):
    """A worker with two processes; it is shut down, and has ended, when the block ends."""
    worker = start_command(
        [
            *[sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--concurrency=2"],
            *["--without-gossip", "--without-mingle", "--without-heartbeat", *options],
        ],
        env={"MOZDEF_URL": receiver.url, "REDIS": redis, "C_FORCE_ROOT": "1"},
        cwd=PROGRAMS,
    )
    try:
        yield worker
        worker.send_signal(signal.SIGTERM)
        finish(worker, 40)
    finally:
        worker.kill()


def send(redis, receiver, tasks):
    """Have *tasks*, a function of the program, done."""
    run("celery_app", tasks, env={"MOZDEF_URL": receiver.url, "REDIS": redis})


TASKS = sorted(f"task {number}" for number in range(20))


@pytest.mark.parametrize("options", [[], ["--max-tasks-per-child=3"], ["--pool=threads"]], ids=str)
def test_every_event_arrives(options, redis, receiver):
    """The event of every task arrives once, also of processes that are replaced meanwhile."""
    with running_worker(redis, receiver, *options):
        send(redis, receiver, "work_20_times")
    assert sorted(text for text in receiver.summaries() if "task" in text) == TASKS


def test_a_task_that_is_terminated(redis, receiver):
    """``revoke(terminate=True)`` ends a process of the pool by SIGTERM; its events arrive."""
    with running_worker(redis, receiver):
        send(redis, receiver, "terminate")
    assert sorted({*receiver.summaries()} - {"imported"}) == [*TASKS, "waiting"]


def test_a_pool_that_is_ended_at_once(redis, receiver):
    """A cold shutdown (SIGQUIT) terminates the processes of the pool; their events arrive."""
    with running_worker(redis, receiver) as worker:
        send(redis, receiver, "work_20_times")
        worker.send_signal(signal.SIGQUIT)
    assert set(TASKS) <= set(receiver.summaries())


def test_no_time_limit_is_swallowed(redis, receiver):
    """A soft time limit reaches a task that does nothing but log, each time."""
    with running_worker(redis, receiver):
        send(redis, receiver, "limit_4_times")
    assert receiver.summaries().count("limit") == 4
