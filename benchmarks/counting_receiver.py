"""A receiver that counts events, in its own process, in the wire format of every library.

It answers HTTP requests and reads plain TCP connections on one port. It must not be the bottleneck:
while events arrive it only counts them, by the cheapest sign of their wire format. It determines
afterwards which events they were, on request.

==========================  ======================================================
input                       how it is counted
==========================  ======================================================
``POST /_bulk`` (NDJSON)    two lines an event
``POST /events``            one event a request
``POST /_no_such_path``     not at all: 404, so that its 200 to ``/_bulk`` counts
any other HTTP request      by the name of a field that each event has once: OTLP
                            protobuf, Sentry's envelopes (unpacked first), logtail's
                            msgpack, Splunk's HEC, CloudWatch's JSON
``POST /v1/traces``         by an attribute of Logfire, which names each field twice
anything else on TCP        by that field: logstash's and rsyslog's lines, fluentd's
                            forward protocol
==========================  ======================================================

Where it is told to, some requests fail: those with an event that has the word "poison" in it, or
each second one by chance. They get 500 at once, and are not counted.

As a program it has three arguments, the port (0: any), whether to keep the input (0 or 1), and what
fails ("nothing", "poison" or "half"). It prints the port, and serves until it is killed.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# Each event has this field once, in any format.
_FIELD = b"useragent"
_LOGFIRE_FIELD = b"logfire.json_schema"
# The field "number" has eight digits; the bytes between name and value depend on the format.
_NUMBER = re.compile(rb"number[^0-9]{1,16}([0-9]{8})")
_METHODS = (b"POST", b"GET ", b"HEAD", b"PUT ")


@dataclass(frozen=True)
class Arrivals:
    """The events that have arrived.

    Attributes:
        events: their number, including repeats.
        last: when the last of them arrived, by ``time.monotonic``, which all processes share.
    """

    events: int
    last: float


class CountingReceiver:
    """A running receiver, in its own process."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/events"
        self.port = port

    def count(self) -> int:
        """Return the number of events so far, including repeats."""
        return self.arrivals().events

    def arrivals(self) -> Arrivals:
        """Return the number of events so far, and when the last one arrived."""
        events, last = self._ask("/count")
        return Arrivals(int(events), float(last))

    def distinct(self) -> int:
        """Return the number of different events, by their field ``number``.

        It is slow, and only for the events of `benchmarks.events`.
        """
        return int(self._ask("/distinct")[0])

    def _ask(self, path: str) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path)
            answer: list[float] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()


@contextlib.contextmanager
def counting_receiver(
    port: int = 0, *, keep: bool = False, fails: Literal["nothing", "poison", "half"] = "nothing"
) -> Iterator[CountingReceiver]:
    """Start a receiver, and stop it at the end of the block.

    Args:
        port: to listen on; 0: any port.
        keep: keep the input, so that ``distinct`` can search it.
        fails: which requests get 500.
    """
    module = "benchmarks.counting_receiver"
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(port), str(int(keep)), fails],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield CountingReceiver(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class _Counter:
    def __init__(self, *, keep: bool, fails: str) -> None:
        self._keep = keep
        self._fails = fails
        self._chance = random.Random(1)
        self._lock = threading.Lock()
        self._events = 0
        self._last = 0.0
        self._bodies: list[bytes] = []
        self._tails: dict[int, bytes] = {}
        self._numbers: set[bytes] = set()

    def fails(self, body: bytes) -> bool:
        """Whether a request with *body* gets 500."""
        if self._fails == "half":
            with self._lock:
                return self._chance.random() < 0.5
        return self._fails == "poison" and b"poison" in body

    def add(self, events: int, body: bytes) -> None:
        with self._lock:
            if self._keep:
                self._bodies.append(body)
            self._events += events
            if events:
                self._last = time.monotonic()

    def tail(self, connection: int, tail: bytes) -> None:
        """Remember what has been received of the last event of a connection that goes on."""
        with self._lock:
            if self._keep:
                self._tails[connection] = tail

    def count(self) -> tuple[int, float]:
        with self._lock:
            return self._events, self._last

    def distinct(self) -> tuple[int]:
        with self._lock:
            bodies, self._bodies = self._bodies, []
            for body in (*bodies, *self._tails.values()):
                self._numbers.update(_NUMBER.findall(body))
            return (len(self._numbers),)


def _serve(connection: socket.socket, counter: _Counter) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(ConnectionError):
        start = connection.recv(1 << 20)
        if start[:4] in _METHODS:
            _serve_http(connection, start, counter)
        else:
            _count_tcp(connection, start, counter)


def _count_tcp(connection: socket.socket, received: bytes, counter: _Counter) -> None:
    """Count events on a connection, whose bytes may arrive in parts of any size."""
    kept, counted = b"", 0
    while received:
        data = kept + received
        events = data.count(_FIELD) - counted
        # The last event, from its field on, may continue in what is received next.
        cut = max(data.rfind(_FIELD), 0)
        kept, counted = data[cut:], int(data.startswith(_FIELD, cut))
        counter.add(events, data[:cut])
        counter.tail(id(connection), kept)
        received = connection.recv(1 << 20)
    counter.add(0, kept)


def _serve_http(connection: socket.socket, buffer: bytes, counter: _Counter) -> None:
    while True:
        while b"\r\n\r\n" not in buffer:
            received = connection.recv(1 << 20)
            if not received:
                return
            buffer += received
        raw_head, _, rest = buffer.partition(b"\r\n\r\n")
        head = raw_head.lower()
        if b"expect: 100-continue" in head:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, buffer = _read_body(connection, head, rest)
        if raw_head.startswith(b"POST /_no_such_path"):
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            continue
        if head.startswith(b"post") and counter.fails(body):
            connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            continue
        answer = _answer(raw_head, body, counter)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )


def _read_body(connection: socket.socket, head: bytes, rest: bytes) -> tuple[bytes, bytes]:
    """Return the body, unpacked, and the bytes after it."""
    found = re.search(rb"\r\ncontent-length: *(\d+)", head)
    length = int(found[1]) if found else 0
    parts = [rest]
    left = length - len(rest)
    while left > 0:
        part = connection.recv(min(left, 1 << 20))
        if not part:
            raise ConnectionError
        parts.append(part)
        left -= len(part)
    received = b"".join(parts)
    body = received[:length]
    if b"content-encoding: gzip" in head:
        body = gzip.decompress(body)
    return body, received[length:]


def _answer(head: bytes, body: bytes, counter: _Counter) -> bytes:
    """Answer one request, and count its events."""
    if head.startswith(b"GET /count"):
        return json.dumps(counter.count()).encode()
    if head.startswith(b"GET /distinct"):
        return json.dumps(counter.distinct()).encode()
    if head.startswith(b"GET /v1/info"):  # Logfire asks whose token it has
        return b'{"project_name": "benchmark", "project_url": "http://localhost"}'
    counter.add(_events_in(head, body), body)
    return b'{"text": "Success", "code": 0}' if b"/services/collector" in head else b""


def _events_in(head: bytes, body: bytes) -> int:
    if head.startswith(b"POST /_bulk"):
        return body.count(b"\n") // 2
    if head.startswith(b"POST /events "):
        return 1
    return body.count(_LOGFIRE_FIELD if head.startswith(b"POST /v1/traces") else _FIELD)


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
    print(listener.getsockname()[1], flush=True)
    counter = _Counter(keep=sys.argv[2] == "1", fails=sys.argv[3])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, counter), daemon=True).start()


if __name__ == "__main__":
    main()
