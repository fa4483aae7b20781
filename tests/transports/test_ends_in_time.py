"""Closing a sink, and the end of a process, are bounded whatever the destination does."""

import contextlib
import os
import socket
import subprocess
import time

import pytest
from support.running import free_port, start

#: The program waits for a second, and a machine that is busy needs some for all the rest.
AT_LATEST = 1.0 + 2.5

URLS = {
    "http": "http://127.0.0.1:{port}/events",
    "amqp": "amqp://127.0.0.1:{port}",
    "sqs": "sqs://queue?region=eu-west-1&endpoint=http://127.0.0.1:{port}",
    "syslog": "syslog+tcp://127.0.0.1:{port}",
    "local": "syslog://{path}",
    "fifo": "file://{path}",
}
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@contextlib.contextmanager
def silent(kind: str, port: int, path: str):
    """A destination that is there, and neither reads nor answers."""
    if kind == "fifo":
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            yield
        finally:
            os.close(fd)
        return
    family = socket.AF_UNIX if kind == "local" else socket.AF_INET
    with socket.socket(family) as listener:
        # So that not everything fits into the memory of the kernel.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(path if kind == "local" else ("127.0.0.1", port))
        listener.listen()
        yield


@pytest.fixture(params=URLS)
def destination(request, tmp_path):
    """The URL of a destination that is not there yet, and a context in which it is."""
    port, path = free_port(), str(tmp_path / "path")
    if request.param == "fifo":
        os.mkfifo(path)
    url = URLS[request.param].format(port=port, path=path)
    return url, lambda: silent(request.param, port, path)


def end_of(process) -> float:
    """How many seconds the end of *process* takes."""
    began = time.monotonic()
    try:
        _, stderr = process.communicate("\n", timeout=30)
    finally:
        process.kill()
    assert "Traceback" not in stderr, stderr
    return time.monotonic() - began


def closing(process) -> float:
    """How many seconds closing took, as soon as it is over."""
    return float(process.stdout.readline())


def test_close_before_the_destination_is_there(destination):
    """After a close that failed, the end of the process does not wait for what has come since."""
    url, appear = destination
    process = start("ends_in_time", url, "close", env=AWS, stdin=subprocess.PIPE)
    assert closing(process) < AT_LATEST
    with appear():
        assert end_of(process) < AT_LATEST


@pytest.mark.parametrize("how", ["close", "exit", "late"])
def test_destination_that_keeps_silent(destination, how):
    """A destination that does not answer holds neither ``close`` nor the end of the process."""
    url, appear = destination
    with appear():
        process = start("ends_in_time", url, how, env=AWS, stdin=subprocess.PIPE)
        assert closing(process) < AT_LATEST
        assert end_of(process) < AT_LATEST
