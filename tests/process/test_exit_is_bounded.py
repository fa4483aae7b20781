"""The end of a process is bounded, whatever goes on logging, and what is left is reported."""

from __future__ import annotations

import re
import time

import pytest
from support.receivers import OK, Receiver
from support.running import dead_url, start

EXIT_TIMEOUT = 2.0
# A second is promised, and a machine that is busy needs another one for all the rest.
AT_LATEST = EXIT_TIMEOUT + 2


def end_of(*arguments: object, **environment: str) -> tuple[float, str]:
    """How many seconds the end of a program took, and its standard error."""
    process = start("endless", *arguments, env=environment)
    try:
        assert process.stdout.readline() == "ending\n", process.communicate(timeout=20)
        began = time.monotonic()
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    seconds = time.monotonic() - began
    assert (process.returncode, "Traceback" in stderr) == (0, False), stderr
    return seconds, stderr


def slowly(request):
    time.sleep(0.5)
    return OK


@pytest.fixture(params=["memory", "spool"])
def environment(request, tmp_path):
    """Where the events wait."""
    return {"SPOOL": str(tmp_path)} if request.param == "spool" else {}


@pytest.mark.parametrize("rate", [10, 100, 1000])
def test_daemon_threads_that_log_on(rate, environment):
    """Threads that log on, with a receiver that is slow, do not keep the process."""
    with Receiver(slowly) as receiver:
        seconds, _ = end_of("daemon_threads", receiver.url, rate, **environment)
        assert seconds < AT_LATEST


@pytest.mark.parametrize("over", ["sink", "client"])
def test_a_handler_that_feeds_itself(over):
    """A handler at DEBUG on the root logger, which ships what shipping logs, ends with the rest."""
    with Receiver(slowly) as receiver:
        seconds, _ = end_of(f"handler_over_{over}", receiver.url)
        assert seconds < AT_LATEST + (3 if over == "client" else 0)


def lost(stderr: str) -> int:
    """How many events were not sent, as the last line says."""
    return int(([0, *re.findall(r" (\d+) not sent", stderr)])[-1])


@pytest.mark.parametrize("threads", [0, 4])
@pytest.mark.parametrize("then", [[], ["close"]], ids=["log", "close"])
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_finalizer_that_logs_in_the_last_collection(threads, then, up, environment):
    """``__del__`` in a cycle, while daemon threads were stopped within a log call: no hang."""
    with Receiver() as receiver:
        url = receiver.url if up else dead_url()
        seconds, stderr = end_of("finalizer", url, threads, *then, **environment)
        assert seconds < AT_LATEST
        arrived = {text for text in receiver.summaries() if text != "more"}
        if not environment and not threads:
            assert len(arrived) + lost(stderr) >= 10


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_a_pending_task(up, environment):
    """A task of asyncio that is destroyed while it is pending logs so, and nothing hangs."""
    with Receiver() as receiver:
        url = receiver.url if up else dead_url()
        seconds, stderr = end_of("asyncio_task", url, **environment)
        assert seconds < AT_LATEST
        if not environment:
            assert len(receiver.summaries()) + lost(stderr) >= 2


@pytest.mark.parametrize("caller", ["threads", "atexit", "executor", "asyncio"])
def test_callers_that_wait_for_room(caller):
    """In an outage blocked callers are let go, and their events counted in the report.

    After ``asyncio.run`` a program may go on: only once nothing was delivered for as long as an
    exit takes.
    """
    seconds, stderr = end_of("blocked", dead_url(), caller)
    assert seconds < AT_LATEST + (EXIT_TIMEOUT if caller == "asyncio" else 0)
    total = 20 if caller == "atexit" else 60
    assert f"{total} events did not arrive" in stderr
    assert f"{total - 10} dropped (buffer full), 10 not sent" in stderr
