"""SIGTERM: what waits is sent or reported, and the process ends by the signal all the same."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, dead_url, run, start, start_command

EVENTS = set(map(str, range(200)))


def ended(process, *signals: int) -> tuple[int, str]:
    """The status and the standard error of *process*, which gets *signals* once it is ready."""
    assert process.stdout.readline() == "ready\n"
    for number in signals:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=40)
    return process.returncode, stderr


@pytest.mark.parametrize("case", ["plain", "sink", "asyncio", "gevent"])
def test_everything_is_sent(case):
    """All events arrive, nothing is said, and the status is that of the signal."""
    with Receiver() as receiver:
        result = ended(start("sigterm", case, receiver.url), signal.SIGTERM)
        assert (result, set(receiver.summaries())) == ((-signal.SIGTERM, ""), EVENTS)


def test_what_cannot_be_sent_is_reported():
    """In an outage one line says how many events are lost, in which process, and why.

    The end of the stream is one of them.
    """
    process = start("sigterm", "plain", dead_url(), env={"EXIT_TIMEOUT": "0.5"})
    status, stderr = ended(process, signal.SIGTERM)
    assert status == -signal.SIGTERM
    assert re.search(
        rf"^sigterm\.py\[{process.pid}\]: structlog_mozdef: 201 events did not arrive at"
        r" http://\S+: 201 not sent \(.*refused.*\)$",
        stderr,
        re.MULTILINE,
    )


def test_a_log_call_that_is_interrupted_is_finished_first():
    """Where the signal interrupts a change of the buffer, all that waits is sent right after it."""
    with Receiver() as receiver:
        status, stderr = ended(start("sigterm", "interrupted", receiver.url))
        assert (status, "not sent" in stderr) == (-signal.SIGTERM, False)
        assert len(receiver.summaries()) >= 10


def test_the_signal_can_be_left_alone():
    """With ``handle_sigterm=False`` the system's default ends the process at once."""
    with Receiver() as receiver:
        result = ended(start("sigterm", "off", receiver.url), signal.SIGTERM)
        assert (result, len(receiver.summaries()) < 200) == ((-signal.SIGTERM, ""), True)


def test_the_handler_of_a_program_stays():
    """A program that has a handler keeps it, and its way of ending sends everything."""
    with Receiver() as receiver:
        result = ended(start("sigterm", "own handler", receiver.url), signal.SIGTERM)
        assert (result, set(receiver.summaries())) == ((7, ""), EVENTS)


def test_a_thread_changes_no_handler():
    """Where another than the main thread configures, the signal is left alone."""
    status, stderr = ended(start("sigterm", "thread", dead_url()), signal.SIGTERM)
    assert (status, "not sent" in stderr) == (-signal.SIGTERM, False)


def test_a_later_handler_can_pass_the_signal_on():
    """A handler that is set later, and calls the one before, has its events sent as well."""
    with Receiver() as receiver:
        status, _ = ended(start("sigterm", "later handler", receiver.url), signal.SIGTERM)
        assert (status, set(receiver.summaries())) == (-signal.SIGTERM, {*EVENTS, "handler"})


def test_a_later_handler_of_asyncio_ends_the_program():
    """Asyncio's ``add_signal_handler`` replaces ours; the end of the program sends everything."""
    with Receiver() as receiver:
        result = ended(start("sigterm", "asyncio handler", receiver.url), signal.SIGTERM)
        assert (result, set(receiver.summaries())) == ((0, ""), EVENTS)


def test_a_forked_child_of_a_program_that_reset_the_signal():
    """Where the program has set the default again, nobody changes that, in a child either."""
    with Receiver() as receiver:
        assert "child True\n" in run("sigterm", "forked and reset", receiver.url).stdout


@pytest.mark.parametrize(
    ("case", "signals", "status"),
    [
        ("plain", [signal.SIGTERM, signal.SIGTERM], -signal.SIGTERM),
        ("plain", [signal.SIGTERM, signal.SIGINT], -signal.SIGTERM),
        ("own handler", [signal.SIGTERM, signal.SIGINT], 7),
        ("plain", [signal.SIGINT, signal.SIGINT], -signal.SIGINT),
        ("at exit", [None, signal.SIGINT], 0),
    ],
)
def test_a_second_signal_ends_at_once(case, signals, status):
    """While events are being sent at the end, one more signal ends that, and they are reported."""
    with Receiver(lambda request: lambda connection: over.wait(50)) as receiver:
        over = threading.Event()
        process = start("sigterm", case, receiver.url, env={"EXIT_TIMEOUT": "40"})
        assert process.stdout.readline() == "ready\n"
        if signals[0]:
            process.send_signal(signals[0])
        assert process.stdout.readline() == "sending\n"
        began = time.monotonic()
        process.send_signal(signals[1])
        _, stderr = process.communicate(timeout=30)
        seconds = time.monotonic() - began
        over.set()
    assert (process.returncode, "201 not sent" in stderr) == (status, True)
    assert ("Exception ignored" in stderr, seconds < 5) == (False, True)


def test_a_first_sigterm_lets_an_exit_go_on():
    """A program that is ending when SIGTERM comes sends all the same, and ends by the signal."""
    with Receiver(slow=2) as receiver:
        process = start("sigterm", "at exit", receiver.url)
        assert process.stdout.readline() == "ready\n"
        assert process.stdout.readline() == "sending\n"
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=40)
        assert (process.returncode, stderr) == (-signal.SIGTERM, "")
        assert set(receiver.summaries()) == EVENTS


@pytest.mark.root
@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_process_1_of_a_container(up):
    """Process 1, which no default action ends, sends or reports, and exits with 143."""
    with Receiver() as receiver:
        url = receiver.url if up else dead_url()
        # The shell is outside, and writes down what its child, process 1 of its own, ends with.
        container = start_command(
            [
                *["unshare", "--pid", "--fork", "--kill-child"],
                *[sys.executable, str(PROGRAMS / "sigterm.py"), "plain", url],
            ],
            env={"EXIT_TIMEOUT": "20" if up else "0.5"},
        )
        assert container.stdout.readline() == "ready\n"
        child = subprocess.run(
            ["pgrep", "-P", str(container.pid)], capture_output=True, text=True
        ).stdout.strip()
        subprocess.run(["kill", "-TERM", child], check=True)
        _, stderr = container.communicate(timeout=40)
        assert container.returncode == 128 + signal.SIGTERM
        assert (set(receiver.summaries()), "not sent" in stderr) == (
            EVENTS if up else set(),
            not up,
        )


@pytest.mark.parametrize("guarded", ["module", "guard"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_that_terminates_its_workers(method, guarded):
    """Leaving ``with Pool()`` terminates the workers by SIGTERM; what they logged arrives."""
    with Receiver() as receiver:
        run("pool", method, guarded, env={"MOZDEF_URL": receiver.url})
        assert sorted(receiver.summaries(), key=int) == [str(number) for number in range(200)]
