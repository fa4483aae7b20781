"""The end of a program: nothing is lost, nothing odd is printed, and it ends soon."""

from __future__ import annotations

import re
import sys
import threading
import time

import pytest
from support.receivers import OK, Receiver
from support.running import dead_url, finish, run, start_command


def arrived(case: str) -> list[str]:
    """What arrives of a program that ends without a word on standard error."""
    with Receiver() as receiver:
        assert run("exit_cases", case, receiver.url).stderr == ""
        return sorted(receiver.summaries())


def test_a_short_script_loses_nothing():
    """A script that logs 10,000 events and ends at once delivers them all."""
    assert arrived("many") == sorted(map(str, range(10_000)))


def test_handlers_that_run_before_ours():
    """Events of atexit handlers that run before the sink is closed arrive."""
    assert arrived("atexit_after") == ["later handler", "main"]


def test_handlers_that_run_after_ours():
    """Events of atexit handlers that run after the sink was closed arrive."""
    assert arrived("atexit_before") == ["earlier handler", "main"]


def test_the_very_first_event_in_a_handler_after_ours():
    """A sink whose first event comes when it is closed already delivers it."""
    assert arrived("atexit_only") == ["earlier handler"]


def test_blocking_log_calls_after_ours():
    """With block a log call at exit makes room by delivering."""
    assert arrived("blocked_at_exit") == ["0", "1", "2", "3", "4"]


def test_finalizers_at_shutdown():
    """A log call in ``__del__`` while modules are cleared neither raises nor hangs."""
    with Receiver() as receiver:
        result = run("exit_cases", "finalizer", receiver.url, timeout=4)
        assert ("main" in receiver.summaries(), "Traceback" in result.stderr) == (True, False)


def test_daemon_threads_that_log_until_the_end():
    """Daemon threads that log through the whole shutdown do not disturb it."""
    with Receiver() as receiver:
        stderr = run("exit_cases", "daemon_threads", receiver.url).stderr
        assert set(map(str, range(20))) <= set(receiver.summaries())
        # They may log more than is sent in time, or than there is room for, which is said.
        assert re.sub(r".* events? (did not arrive at|w\w+ dropped:) .*\n", "", stderr) == ""


def test_threads_that_outlive_main():
    """Events of threads that outlive the main thread arrive."""
    assert arrived("outliving_threads") == sorted(map(str, range(20)))


def test_the_first_event_in_a_thread_that_outlives_main():
    """Where Python starts no more threads, an event arrives all the same."""
    with Receiver() as receiver:
        result = run("exit_cases", "first_event_after_main", receiver.url)
        assert (receiver.summaries(), "Traceback" in result.stderr) == (["first"], False)


def test_events_after_the_end_of_logging():
    """Events after ``logging.shutdown`` and after `Sink.close` arrive."""
    assert arrived("logging_shutdown") == ["after", "before", "closed"]


def test_sys_exit():
    """A program that leaves by SystemExit delivers."""
    assert arrived("exception") == ["main"]


def test_sinks_that_nobody_holds():
    """Events of sinks to which no reference is left arrive."""
    assert arrived("forgotten") == ["0", "1", "2", "3", "4"]


def test_no_thread_can_be_started():
    """Where no thread can be started nothing raises, and the exit delivers."""
    with Receiver() as receiver:
        result = run("exit_cases", "no_threads", receiver.url)
        summaries = sorted(receiver.summaries(), key=int)
        assert (summaries, "Traceback" in result.stderr) == ([str(n) for n in range(20)], False)


@pytest.mark.slow
def test_sinks_that_hang_do_not_cost_another_its_time():
    """All sinks have one deadline together, and each has all of it."""
    over = threading.Event()

    def respond(request):
        if "hang" in request.path:
            return lambda connection: over.wait(20)
        time.sleep(0.6)
        return OK

    with Receiver(respond) as receiver:
        start = time.monotonic()
        run("exit_cases", "six_sinks", receiver.url)
        seconds = time.monotonic() - start
        over.set()
        late = sorted(set(receiver.summaries()) - {"early"})
        assert (late, seconds < 9) == (["0a", "0b", "1a", "1b", "2a", "2b"], True)


def test_an_outage_at_exit_is_bounded_and_told():
    """A program whose server is down ends in time and says what was not delivered."""
    start = time.monotonic()
    result = run("exit_cases", "outage", dead_url())
    seconds = time.monotonic() - start
    assert (seconds < 6, "1 event did not arrive" in result.stderr) == (True, True)


@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_pytest_is_not_flooded(tmp_path, capture):
    """At the end of a pytest run with an unreachable server no handler meets a closed stream."""
    (tmp_path / "test_logging.py").write_text(
        "import logging, sys\n"
        "import structlog_mozdef as mozdef\n"
        f"sink = mozdef.Sink({dead_url()!r}, exit_timeout=1)\n"
        "def test_log():\n"
        "    logging.getLogger().addHandler(logging.StreamHandler(sys.stderr))\n"
        "    sink.put(b'{}')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--capture={capture}",
        "-p",
        "no:cacheprovider",
    ]
    result = finish(start_command([*command, str(tmp_path)], cwd=tmp_path))
    assert "Logging error" not in result.stderr + result.stdout
