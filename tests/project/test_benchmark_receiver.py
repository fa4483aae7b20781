"""The receiver of the benchmarks counts each event once, in any wire format and any pieces."""

from __future__ import annotations

import json
import socket
import urllib.request

import pytest

from benchmarks.counting_receiver import counting_receiver
from benchmarks.events import fields
from benchmarks.running import settled


@pytest.fixture
def receiver():
    with counting_receiver(keep=True) as receiver:
        yield receiver


def post(receiver, path, body):
    urllib.request.urlopen(f"http://127.0.0.1:{receiver.port}{path}", body, 10).close()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_lines_on_a_connection_that_stays_open(receiver, size):
    """Lines are counted in pieces of any size, the last one before the connection ends."""
    lines = b"".join(json.dumps(fields(number)).encode() + b"\n" for number in range(3))
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(lines), size):
            connection.sendall(lines[start : start + size])
        settled(lambda: receiver.count() + receiver.distinct(), enough=6, idle=10, limit=20)
        assert (receiver.count(), receiver.distinct()) == (3, 3)


def test_a_bulk(receiver):
    """A body of bulk actions has two lines for each event."""
    lines = "".join(f'{{"index": {{}}}}\n{json.dumps(fields(number))}\n' for number in range(3))
    post(receiver, "/_bulk", lines.encode())
    assert (receiver.count(), receiver.distinct()) == (3, 3)


def test_fields_that_are_named_twice(receiver):
    """Logfire sends the names of the fields once more as a schema, which is no second event."""
    event = json.dumps({"logfire.json_schema": {"useragent": {}}, **fields(1)})
    post(receiver, "/v1/traces", event.encode())
    assert (receiver.count(), receiver.distinct()) == (1, 1)


def test_repeats(receiver):
    """An event that arrives twice is counted twice, and is one event."""
    for _ in range(2):
        post(receiver, "/events", json.dumps(fields(1)).encode())
    assert (receiver.count(), receiver.distinct()) == (2, 1)
