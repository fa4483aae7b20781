"""A receiver that counts what arrives, in a process of its own, and understands every library.

It answers HTTP requests and takes plain TCP streams on one port. It is kept from being the
bottleneck: while events arrive it only counts, by the cheapest sign that its wire format has;
which events they were is worked out afterwards, when somebody asks.

==========================  ======================================================
what arrives                how it is counted
==========================  ======================================================
``POST /_bulk`` (NDJSON)    two lines an event
``POST /events``            one event a request
any other HTTP request      by the name of a field that each event has once: OTLP
                            protobuf, Sentry's envelopes (unpacked first), logtail's
                            msgpack, Splunk's HEC, ``logstash``'s HTTP input
anything else on TCP        the same: logstash's lines, fluentd's forward protocol
==========================  ======================================================

Run as a program it takes the port (0: any) and whether to keep what arrives (0 or 1), prints the
port, and serves until it is killed.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

# Each event has the field once, whatever its format.
_FIELD = b"useragent"
# The field "number" has eight digits; what stands between name and value depends on the format.
_NUMBER = re.compile(rb"number[^0-9]{1,16}([0-9]{8})")
_METHODS = (b"POST", b"GET ", b"HEAD", b"PUT ")


@dataclass(frozen=True)
class Arrivals:
    """What has arrived.

    Attributes:
        events: events, repeats included.
        last: when the last of them arrived, by ``time.monotonic``, which all processes share.
    """

    events: int
    last: float


class CountingReceiver:
    """One running receiver, in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/events"
        self.port = port

    def count(self) -> int:
        """Events that have arrived so far, repeats included."""
        return self.arrivals().events

    def arrivals(self) -> Arrivals:
        """Events that have arrived so far, and when the last one did."""
        events, last = self._ask("/count")
        return Arrivals(int(events), float(last))

    def distinct(self) -> int:
        """Different events among them, told apart by the field ``number``.

        Takes a while; for the events of `benchmarks.events` only.
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
def counting_receiver(port: int = 0, *, keep: bool = False) -> Iterator[CountingReceiver]:
    """Start a receiver, and stop it at the end of the block.

    Args:
        port: where it listens; 0: any port.
        keep: keep all that arrives, so that ``distinct`` can look at it.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.counting_receiver", str(port), str(int(keep))],
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
    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._events = 0
        self._last = 0.0
        self._bodies: list[bytes] = []
        self._numbers: set[bytes] = set()

    def add(self, events: int, body: bytes) -> None:
        with self._lock:
            if self._keep:
                self._bodies.append(body)
            self._events += events
            if events:
                self._last = time.monotonic()

    def count(self) -> tuple[int, float]:
        with self._lock:
            return self._events, self._last

    def distinct(self) -> tuple[int]:
        with self._lock:
            bodies, self._bodies = self._bodies, []
            for body in bodies:
                self._numbers.update(_NUMBER.findall(body))
            return (len(self._numbers),)


def _serve(connection: socket.socket, counter: _Counter) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(ConnectionError):
        start = connection.recv(1 << 20)
        if start[:4] in _METHODS:
            _serve_http(connection, start, counter)
        else:
            _count_stream(connection, start, counter)


def _count_stream(connection: socket.socket, received: bytes, counter: _Counter) -> None:
    """Count events in a stream, of which any part may arrive alone."""
    kept, counted = b"", 0
    while received:
        stream = kept + received
        events = stream.count(_FIELD) - counted
        # From the last field on, a part that comes later may belong to what is here.
        cut = max(stream.rfind(_FIELD), 0)
        kept, counted = stream[cut:], int(stream.startswith(_FIELD, cut))
        counter.add(events, stream[:cut])
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
        answer = _take(raw_head, body, counter)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )


def _read_body(connection: socket.socket, head: bytes, rest: bytes) -> tuple[bytes, bytes]:
    """The body, unpacked, and what came after it."""
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
    integer = b"".join(parts)
    body = integer[:length]
    if b"content-encoding: gzip" in head:
        body = gzip.decompress(body)
    return body, integer[length:]


def _take(head: bytes, body: bytes, counter: _Counter) -> bytes:
    """Count the events of one request; returns the body of the answer."""
    if head.startswith(b"GET /count"):
        return json.dumps(counter.count()).encode()
    if head.startswith(b"GET /distinct"):
        return json.dumps(counter.distinct()).encode()
    if head.startswith(b"POST /_bulk"):
        counter.add(body.count(b"\n") // 2, body)
        return b""
    if head.startswith(b"POST /events "):
        counter.add(1, body)
        return b""
    counter.add(body.count(_FIELD), body)
    return b'{"text": "Success", "code": 0}' if b"/services/collector" in head else b""


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1000)
    print(listener.getsockname()[1], flush=True)
    counter = _Counter(keep=sys.argv[2] == "1")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, counter), daemon=True).start()


if __name__ == "__main__":
    main()
