"""The examples that work in the background: Celery, RQ, and pools of processes."""

from __future__ import annotations

import signal

import pytest
from support.examples import documented_command, events_of, run_example, start_example
from support.redis_server import running_redis
from support.running import finish, wait_for


@pytest.fixture(scope="module")
def redis():
    with running_redis() as path:
        yield path


def orders_of(receiver):
    return sorted(event["details"]["order"] for event in events_of(receiver, "shop"))


@pytest.mark.redis
@pytest.mark.slow
def test_celery(redis, receiver):
    """Each task's event, its record, and its fault arrive once; the worker is warmly shut down."""
    environment = {"BROKER_URL": f"redis+socket://{redis}", "C_FORCE_ROOT": "1"}
    worker = start_example(
        receiver, "-m", *documented_command("celery"), "--concurrency=2", **environment
    )
    code = (
        "import celery_shop as shop; [shop.pay.delay(n) for n in range(10)]; shop.refund.delay(7)"
    )
    run_example(receiver, "-c", code, **environment)
    assert wait_for(lambda: receiver.summaries().count("Order paid") == 10, 40)
    assert wait_for(lambda: any("raised unexpected" in text for text in receiver.summaries()), 40)
    worker.send_signal(signal.SIGTERM)
    finish(worker, 40)
    assert sorted(event["details"]["order"] for event in events_of(receiver, "shop")) == [
        *range(10)
    ]
    records = sorted(event["summary"] for event in events_of(receiver, "celery_shop"))
    assert records == sorted(f"order {number} paid" for number in range(10))
    faults = [each for each in receiver.events() if "was not paid" in str(each["details"])]
    assert [each["source"] for each in faults] == ["celery.app.trace"]


@pytest.mark.redis
@pytest.mark.slow
def test_rq(redis, receiver):
    """Each job's event arrives, though RQ ends the process of each job by ``os._exit``."""
    code = (
        "import redis, rq, rq_shop\n"
        f"queue = rq.Queue(connection=redis.Redis(unix_socket_path={redis!r}))\n"
        "for number in range(10): queue.enqueue(rq_shop.pay, number)"
    )
    run_example(receiver, "-c", code)
    options = ["--url", f"unix://{redis}", "--worker-class", "rq_shop.Worker", "--burst"]
    run_example(receiver, "-m", "rq.cli", "worker", *options)
    assert sorted(event["details"]["order"] for event in events_of(receiver, "shop")) == [
        *range(10)
    ]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(method, receiver):
    """The events of all tasks arrive, in whatever way the platform starts its processes."""
    code = f"import multiprocessing, pool; multiprocessing.set_start_method({method!r})"
    run_example(receiver, "-c", f"{code}; pool.configure(); pool.main()")
    numbers = sorted(event["details"]["number"] for event in events_of(receiver, "pool"))
    assert numbers == [*range(200)]
