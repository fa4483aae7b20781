"""A receiver that counts events without parsing them, so that it is never the bottleneck.

Run as a program it prints its port, serves ``/_bulk``, and answers ``GET /count``.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator


class CountingReceiver:
    """One running receiver, in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/events"
        self._port = port

    def count(self) -> int:
        """Events that have arrived so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/count")
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextlib.contextmanager
def counting_receiver() -> Iterator[CountingReceiver]:
    """Start a receiver, and stop it at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.counting_receiver"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield CountingReceiver(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class _Counter:
    def __init__(self) -> None:
        self.events = 0
        self.lock = threading.Lock()


def _serve(connection: socket.socket, counter: _Counter) -> None:
    buffer = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in buffer:
                received = connection.recv(1 << 20)
                if not received:
                    return
                buffer += received
            head, _, rest = buffer.partition(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            parts = [rest]
            left = length - len(rest)
            while left > 0:
                part = connection.recv(min(left, 1 << 20))
                if not part:
                    return
                parts.append(part)
                left -= len(part)
            buffer = b""
            body = b"".join(parts)
            answer = b""
            with counter.lock:
                if head.startswith(b"POST /_bulk"):
                    counter.events += body.count(b"\n") // 2
                elif head.startswith(b"POST"):
                    counter.events += 1
                else:
                    answer = b"%d" % counter.events
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)
            )


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    counter = _Counter()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, counter), daemon=True).start()


if __name__ == "__main__":
    main()
