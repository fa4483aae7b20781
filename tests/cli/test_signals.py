"""SIGTERM and SIGHUP end a command well: what was read is sent or reported."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from support.handmade_spools import events, orphan
from support.receivers import Receiver
from support.running import dead_url, free_port, start_command, wait_for
from support.spool_contents import waiting

from structlog_mozdef import Sink
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import inspect_folder

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
LINES = "".join(f"line {number}\n" for number in range(500))


def start(*arguments: object, before: tuple[str, ...] = (), **options):
    command = [*before, sys.executable, "-m", "structlog_mozdef", *map(str, arguments)]
    return start_command(command, stdin=subprocess.PIPE, **options)


def end(process, number: int) -> tuple[int, str]:
    """The status and the standard error of *process*, whose input stays open."""
    process.send_signal(number)
    status = process.wait(30)
    stderr = process.stderr.read()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    return status, stderr


@SIGNALS
def test_send_ships_what_it_has_read(number):
    """All lines that were read arrive, those that still wait in its own memory included."""
    with Receiver() as receiver:
        process = start("send", receiver.url)
        process.stdin.write(LINES + "no end of line")
        process.stdin.flush()
        assert wait_for(receiver.summaries)
        status, stderr = end(process, number)
        assert (status, stderr) == (128 + number, "501 of 501 events delivered\n")
        assert set(receiver.summaries()) == {*LINES.splitlines(), "no end of line"}


@SIGNALS
def test_send_reports_what_it_cannot_ship(number):
    """In an outage the command says how many lines it has read and not sent, with status 1."""
    process = start("send", dead_url(), "--timeout", "1")
    process.stdin.write(LINES)
    process.stdin.flush()
    assert "wait" in process.stderr.readline()
    status, stderr = end(process, number)
    assert status == 1
    assert stderr.splitlines()[-1].startswith("0 of 500 events delivered, 500 not sent: ")


def test_send_ends_though_its_buffer_is_full():
    """A line that waits for room does not keep the command, and is counted as well."""
    process = start("send", dead_url(), "--timeout", "1")
    feeding = threading.Thread(target=feed, args=(process, 250))
    feeding.start()
    assert wait_for(lambda: "no room" in process.stderr.readline(), timeout=60)
    process.send_signal(signal.SIGTERM)
    lines = process.stderr.read().splitlines()
    assert process.wait(30) == 1
    feeding.join(10)
    read, left = re.match(
        r"0 of ([\d,]+) events delivered, ([\d,]+) not sent: ", lines[-1]
    ).groups()
    assert read == left
    assert int(read.replace(",", "")) > 100_000
    process.stdout.close()
    process.stderr.close()


def feed(process, times: int) -> None:
    try:
        for _ in range(times):
            process.stdin.write(LINES)
        process.stdin.flush()
    except BrokenPipeError:
        pass
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass


def test_a_second_signal_ends_send_at_once():
    """The next signal while it waits for the delivery ends that, and what is left is reported."""
    over = threading.Event()
    with Receiver(lambda request: lambda connection: over.wait(50)) as receiver:
        process = start("send", receiver.url)
        process.stdin.write(LINES)
        process.stdin.flush()
        assert wait_for(lambda: receiver.requests)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status, stderr = end(process, signal.SIGHUP)
        seconds = time.monotonic() - began
        over.set()
        assert (status, "500 not sent" in stderr, seconds < 10) == (1, True, True)


@SIGNALS
def test_drain_leaves_the_rest_on_disk(number, tmp_path):
    """A drain that is ended says what it has delivered and what is left, which stays on disk."""
    url = dead_url()
    sink = Sink(url, spool=tmp_path, exit_timeout=0)
    for index in range(10):
        sink.put(b'{"summary": "%d"}' % index)
    sink.close(0)
    process = start("spool", "drain", tmp_path, url)
    folder = SpoolFolder.existing(tmp_path)
    assert wait_for(lambda: inspect_folder(folder)[0].alive)
    folder.close()
    status, stderr = end(process, number)
    assert (status, len(waiting(tmp_path))) == (128 + number, 10)
    assert "0 events delivered, 0 dead letters, 10 left" in stderr


@SIGNALS
def test_the_collector_keeps_what_it_has_accepted(number, tmp_path):
    """What the receiver has answered with success is in its database, and the status is 0."""
    database = tmp_path / "events.sqlite"
    process = start("collector", "--port", "0", "--database", database)
    url = re.search(r"http://\S+", process.stdout.readline()).group()
    body = b'{"summary": "kept"}'
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=20) as response:
        assert response.status == 200
    status, _ = end(process, number)
    assert (status, b"kept" in database.read_bytes()) == (0, True)


CONTAINER = ("unshare", "--pid", "--fork", "--kill-child")


def stop_container(container) -> int:
    """Send SIGTERM to process 1 of *container*; its status."""
    child = subprocess.run(["pgrep", "-P", str(container.pid)], capture_output=True, text=True)
    subprocess.run(["kill", "-TERM", child.stdout.strip()], check=True)
    status = container.wait(30)
    container.stdin.close()
    container.stdin = None
    return status


@pytest.mark.root
@pytest.mark.parametrize("command", ["send", "collector"])
def test_process_1_of_a_container(command):
    """As process 1, which has no default action for signals, a command ends in the same way."""
    with Receiver() as receiver:
        arguments = [receiver.url] if command == "send" else ["--port", free_port()]
        container = start(command, *arguments, before=CONTAINER)
        if command == "send":
            container.stdin.write("line\n")
            container.stdin.flush()
            assert wait_for(receiver.summaries)
        else:
            assert "http" in container.stdout.readline()
        assert stop_container(container) == (143 if command == "send" else 0)
        container.communicate()


@pytest.mark.root
def test_drain_as_process_1(tmp_path):
    """A drain that is process 1 says what is left, and ends, as well."""
    orphan(tmp_path, events(1, 2))
    container = start("spool", "drain", tmp_path, "--to", dead_url(), before=CONTAINER)
    folder = SpoolFolder.existing(tmp_path)
    assert wait_for(lambda: inspect_folder(folder)[0].alive)
    folder.close()
    assert stop_container(container) == 143
    assert (
        container.communicate()[1]
        .splitlines()[-1]
        .startswith("0 events delivered, 0 dead letters, 2 left")
    )
