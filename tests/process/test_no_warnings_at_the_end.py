"""A program that is run with all warnings as errors ends without one of them."""

from __future__ import annotations

import re
import sys
import threading

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, finish, start_command


def errors_of(*urls):
    command = [sys.executable, "-X", "dev", "-W", "error", str(PROGRAMS / "plain.py"), *urls]
    return finish(start_command(command)).stderr


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "single"])
def test_no_resource_warning(bulk, receiver):
    """With ``-X dev -W error`` nothing is left open at the end, ten times in a row."""
    url = receiver.url if bulk else f"{receiver.base}/custom/x"
    errors = [errors_of(url) for _ in range(10)]
    assert (errors, len(receiver.summaries())) == ([""] * 10, 30)


def test_several_sinks(receiver):
    """A program that configures again, for other hosts and in other ways, leaves nothing open."""
    with Receiver() as another:
        urls = [
            another.url,
            f"{another.base}/custom/x",
            receiver.url.replace("127.0.0.1", "localhost"),
        ]
        assert [errors_of(*urls, receiver.url) for _ in range(5)] == [""] * 5
        assert (len(receiver.summaries()), len(another.summaries())) == (30, 30)


@pytest.mark.parametrize("scheme", ["http", "amqp", "syslog+tcp"])
def test_a_destination_that_does_not_answer(scheme):
    """What is open when the time is up is closed, or left without a warning of Python's."""
    over = threading.Event()
    with Receiver(lambda request: lambda connection: over.wait(50)) as receiver:
        url = receiver.url if scheme == "http" else f"{scheme}://127.0.0.1:{receiver.port}"
        errors = errors_of(url, "exit_timeout=0.5")
        over.set()
    assert re.findall(r"Traceback|\w+Warning", errors) == []
