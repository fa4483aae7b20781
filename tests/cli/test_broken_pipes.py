"""A command whose output nobody reads any more ends without a word, as other programs do."""

import contextlib
import os
import subprocess
import sys

import pytest
from support.receivers import Receiver

from structlog_mozdef import Sink
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.memory import MemoryTransport


class Rejecting(MemoryTransport):
    name = "rejecting"

    def send(self, events):
        return SendResult(dict.fromkeys(range(len(events)), "no"))


@pytest.fixture(params=[1, 2_000], ids=["short", "long"])
def spool(request, tmp_path):
    """A folder with dead letters: what is printed of them fits into Python's buffer, or not."""
    with contextlib.closing(Sink(Rejecting(), spool=tmp_path)) as sink:
        for number in range(request.param):
            sink.put(b'{"summary": "%d"}' % number)
        assert sink.flush(60)
    return tmp_path


def without_reader(*arguments: object, which: str = "stdout", text: str = ""):
    """The status and what else was written, where nobody reads *which*."""
    read, write = os.pipe()
    os.close(read)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, which: write}
    command = [sys.executable, "-m", "structlog_mozdef", *map(str, arguments)]
    ended = subprocess.run(command, input=text, text=True, timeout=60, **streams)
    os.close(write)
    return ended.returncode, (ended.stdout or "") + (ended.stderr or "")


@pytest.mark.parametrize(
    "action",
    [
        ["dead-letters"],
        ["dead-letters", "--count"],
        ["list"],
        ["list", "--json"],
        ["requeue"],
        ["purge"],
        ["purge", "--waiting", "--yes"],
    ],
)
def test_spool(spool, action):
    """``spool dead-letters | head`` shows no traceback, and no error of the spool."""
    assert without_reader("spool", *action, spool) == (141, "")


@pytest.mark.parametrize("action", [["list", "--fail-if-dead-letters"], ["drain"]])
def test_spool_without_standard_error(spool, action):
    """What is said on standard error ends in the same way where nobody reads that."""
    with Receiver() as receiver:
        url = [receiver.url] if action == ["drain"] else []
        status, _ = without_reader("spool", *action, spool, *url, which="stderr")
        assert status == 141


def test_collector():
    """A collector that cannot say where it listens ends."""
    assert without_reader("collector", "--port", 0) == (141, "")


def test_send():
    """``send`` without a reader of its report has sent what it was given."""
    with Receiver() as receiver:
        status, output = without_reader("send", receiver.url, which="stderr", text="a\nb\n")
        assert (status, output, sorted(receiver.summaries())) == (141, "", ["a", "b"])
