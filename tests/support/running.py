"""Programs that tests run as processes of their own, and waiting with an end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

#: For tests that fork themselves, beside the threads of pytest-xdist: Python warns of those.
forks = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

PROGRAMS = Path(__file__).parents[1] / "programs"

# A shell starts what it puts in the background with Ctrl-C ignored, and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def start(program: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """Start ``programs/<program>.py`` with the Python of the tests."""
    command = [sys.executable, str(PROGRAMS / f"{program}.py"), *map(str, arguments)]
    return start_command(command, **options)


def start_command(command: list[str], *, env: dict[str, str] | None = None, **options):
    # Faults are shown; warnings are not made errors here, as a user's program would not.
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1", **(env or {})}
    return subprocess.Popen(
        command,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def run(program: str, *arguments: object, timeout: float = 60, **options):
    """Run a program to its end; fail where it does not end in time or fails itself."""
    return finish(start(program, *arguments, **options), timeout)


def command(*arguments, text="", env=None, timeout=60):
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "structlog_mozdef", *arguments],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
    )


@contextlib.contextmanager
def command_running(*arguments):
    """Run a command of the command line for a ``with`` block; yields its first line."""
    process = start_command([sys.executable, "-m", "structlog_mozdef", *arguments])
    with process:
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()
            process.communicate(timeout=20)


def finish(process: subprocess.Popen[str], timeout: float = 60):
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler then says where each thread is
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(
            f"no end within {timeout} s: {stdout[-2000:]}{stderr[-8000:]}"
        ) from None
    assert process.returncode == 0, f"exit {process.returncode}: {stdout[-2000:]}{stderr[-4000:]}"
    return subprocess.CompletedProcess(process.args, 0, stdout, stderr)


def wait_for(condition: Callable[[], object], timeout: float = 20) -> bool:
    """Whether *condition* came true within *timeout*."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def no_threads():
    """Let no thread be started; yields the threads for which it was tried."""
    attempts = []

    def start(thread):
        attempts.append(thread)
        raise RuntimeError("can't start new thread")

    with mock.patch.object(threading.Thread, "start", start):
        yield attempts


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def dead_url() -> str:
    """The address of a server that is down."""
    return f"http://127.0.0.1:{free_port()}/events"


@contextlib.contextmanager
def standard_output(fd):
    """Let descriptor 1 be *fd*, which is closed, while a transport is made."""
    kept = os.dup(1)
    os.dup2(fd, 1)
    os.close(fd)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
