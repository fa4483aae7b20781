"""Whatever a receiver does, everything but poison is delivered, in order; poison is kept apart."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import time

import pytest
from support import certificates
from support.receivers import CLOSE, OK, RESET, Receiver, answer, unused_port
from support.running import wait_for
from support.spool_contents import QUICK, by_stream

from structlog_mozdef import RetryPolicy, Sink

EVENTS = 60
NUMBERS = list(range(EVENTS))
OPTIONS = {**QUICK, "batch_events": 10, "recovery_pause": 0.05, "read_timeout": 0.3}


@pytest.fixture(params=["spool", "memory"])
def folder(request, tmp_path):
    """Where the events wait; None: in memory."""
    return tmp_path / "spool" if request.param == "spool" else None


def put_all(sink: Sink) -> None:
    for number in NUMBERS:
        sink.put(b'{"summary": "event %d"}' % number)


def failing(fault, first: int = 2, times: int = 4):
    """Answer as *fault* says from the request number *first* on, so many times."""
    count = itertools.count()
    return lambda request: fault if first <= next(count) < first + times else OK


def reset_in_answer(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(connection: socket.socket) -> None:
    time.sleep(0.5)


def drip(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for byte in answer(200):
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def in_turn(summaries: list[str]) -> list[int]:
    """The numbers of the events in the order of their last arrival."""
    return by_stream(reversed(summaries))["event"][::-1]


LOGIN_PAGE = b"<!DOCTYPE html><title>Log in</title>"
ANSWERS = {
    "closed after the request": CLOSE,
    "reset after the request": RESET,
    "reset in the answer": reset_in_answer,
    "answer cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
    "garbage": b"\x16\x03\x01\x00\xa5 no HTTP\r\n\r\n",
    "hang": hang,
    "slow answer": drip,
    "500": answer(500),
    "502": answer(502, b"<html>Bad gateway</html>", Content_Type="text/html"),
    "503 with Retry-After": answer(503, Retry_After="0"),
    "429 with Retry-After": answer(429, Retry_After="1"),
    "401": answer(401),
    "403": answer(403),
    "404": answer(404),
    "redirect to a login page": answer(302, Location="https://sso.example.com/login"),
    "login page": answer(200, LOGIN_PAGE, Content_Type="text/html"),
}
#: Nothing was delivered for sure: no event is sent out of turn, or twice.
CLEAR = {
    "429 with Retry-After",
    *("401", "403", "404"),
    *("redirect to a login page", "login page"),
}


def cut(fault):
    """End the connection after an answer that could be read as a success."""
    if isinstance(fault, bytes) and any(
        part in fault for part in (b"short", b"no HTTP", LOGIN_PAGE)
    ):
        return lambda connection: connection.sendall(fault)
    return fault


@pytest.mark.parametrize("name", ANSWERS)
def test_all_is_delivered_in_order_after(name, folder):
    """After a fault that passes, all events are delivered, in their order."""
    times = 1 if "Retry-After" in name else 4
    with Receiver(failing(cut(ANSWERS[name]), times=times)) as receiver:
        with Sink(receiver.url, spool=folder, **OPTIONS) as sink:
            put_all(sink)
            assert sink.flush(20)
            stats = sink.stats()
        assert (stats.delivered, stats.dead_lettered) == (EVENTS, 0)
        assert stats.failed_attempts
        summaries = receiver.summaries()
        if name in CLEAR:
            assert summaries == [f"event {number}" for number in NUMBERS]
        # Where nobody knows what was delivered, single events go ahead, and again in their turn.
        assert in_turn(summaries) == NUMBERS


def test_reset_in_the_middle_of_the_request(folder):
    """A connection that is reset while the request is read costs nothing."""

    def early(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Receiver(early=early) as resetting:
        port = resetting.port
        with Sink(resetting.url, spool=folder, **OPTIONS) as sink:
            put_all(sink)
            assert wait_for(lambda: sink.stats().failed_attempts > 2)
            resetting.stop()
            with Receiver(port=port) as receiver:
                assert sink.flush(20)
                assert in_turn(receiver.summaries()) == NUMBERS


def test_nobody_listens(folder):
    """Events that nobody listens to wait until somebody does."""
    port = unused_port()
    with Sink(f"http://127.0.0.1:{port}/events", spool=folder, **OPTIONS) as sink:
        put_all(sink)
        assert wait_for(lambda: sink.stats().failed_attempts > 5)
        with Receiver(port=port) as receiver:
            assert sink.flush(20)
            assert receiver.summaries() == [f"event {number}" for number in NUMBERS]


def test_a_slow_reader(folder):
    """A server that reads slowly, within the timeout, gets everything once."""
    with Receiver(slow=0.2) as receiver:
        with Sink(receiver.url, spool=folder, **{**OPTIONS, "read_timeout": 20}) as sink:
            put_all(sink)
            assert sink.flush(20)
        assert receiver.summaries() == [f"event {number}" for number in NUMBERS]


def test_large_batches_are_rejected(folder):
    """Where 413 meets large batches, smaller ones bring everything, in order and once."""

    def respond(request):
        return answer(413) if len(request.body) > 150 else OK

    with Receiver(respond) as receiver:
        with Sink(receiver.url, spool=folder, **OPTIONS) as sink:
            put_all(sink)
            assert sink.flush(20)
            assert sink.stats().dead_lettered == 0
        assert receiver.summaries() == [f"event {number}" for number in NUMBERS]


@pytest.mark.parametrize("fault", ["expired", "stranger", "name"])
def test_a_certificate_that_is_replaced(fault, folder, tmp_path):
    """While the certificate is wrong nothing is sent; with a right one everything arrives."""
    wrong = {
        "expired": lambda: certificates.server_context(expired=True),
        "stranger": lambda: certificates.server_context(by=certificates.stranger()),
        "name": lambda: certificates.server_context("other.example.com"),
    }[fault]()
    options = {**OPTIONS, "verify": certificates.authority_file(tmp_path)}
    with Receiver(tls=wrong) as first, Sink(first.url, spool=folder, **options) as sink:
        put_all(sink)
        assert wait_for(lambda: sink.stats().failed_attempts > 2)
        assert "certificate" in sink.stats().last_error
        first.stop()
        assert first.requests == []
        with Receiver(port=first.port, tls=certificates.server_context()) as receiver:
            assert sink.flush(20)
            assert receiver.summaries() == [f"event {number}" for number in NUMBERS]


def test_a_name_that_is_not_known(folder):
    """Events for a host whose name cannot be looked up are kept."""
    sink = Sink("http://mozdef.invalid/events", spool=folder, exit_timeout=0, **OPTIONS)
    put_all(sink)
    assert wait_for(lambda: sink.stats().failed_attempts > 2)
    stats = sink.stats()
    assert (stats.buffered, stats.dead_lettered, stats.dropped) == (EVENTS, 0, 0)
    assert "name is not known" in stats.last_error
    sink.close(0)
    if folder is not None:
        lines = b"".join(file.read_bytes() for file in folder.glob("*/*.ndjson"))
        assert lines.count(b"\n") == EVENTS


@pytest.mark.parametrize(
    ("status", "poison"), [(400, 0), (400, 23), (400, EVENTS - 2), (500, 23)]
)  # a 500 needs half a minute of evidence
def test_poison_becomes_a_dead_letter(status, poison, folder):
    """An event that always fails is kept with the reason; everything else is delivered."""
    bad = b'"event %d"' % poison

    def respond(request):
        return answer(status) if bad in request.body else OK

    options = {**OPTIONS, "retry": RetryPolicy(0.01, 1)}
    with Receiver(respond) as receiver:
        with Sink(receiver.url, spool=folder, **options) as sink:
            put_all(sink)
            assert sink.flush(90)
            letters = sink.dead_letters()
        assert by_stream(receiver.summaries()) == {
            "event": [number for number in NUMBERS if number != poison]
        }
    assert [letter.event for letter in letters] == [b'{"summary": "event %d"}' % poison]
    assert f"HTTP {status}" in letters[0].reason
    if folder is not None:
        (line,) = (folder / "dead-letters.ndjson").read_text().splitlines()
        kept = json.loads(line)
        assert kept["event"] == {"summary": f"event {poison}"}
        assert f"HTTP {status}" in kept["reason"]
