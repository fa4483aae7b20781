"""Receivers for tests: real servers on real sockets, whose every answer a test decides."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from support.running import free_port as unused_port  # noqa: F401 - its name here

from structlog_mozdef.transports.http.bulk import NO_SUCH_PATH


@dataclass(frozen=True)
class Request:
    """One request as it came over the socket."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    connection: int  # which connection it came on, from 1

    def events(self) -> list[dict]:
        """The events of the body, of `/_bulk` or of any other path."""
        return [json.loads(event) for event in self.raw_events()]

    def raw_events(self) -> list[bytes]:
        """The same as bytes; the array of a body must hold objects of one level."""
        if self.body.startswith(b"["):
            return [b"{" + part + b"}" for part in self.body[2:-2].split(b"},{")]
        lines = [line for line in self.body.split(b"\n") if line]
        return [line for line in lines if line != b'{"index": {}}']


def is_stream_end(event: object) -> bool:
    """Whether *event* is the last of a process, which no program logs by itself."""
    details = event.get("details") if isinstance(event, dict) else None
    return isinstance(details, dict) and details.get("stream_end") is True


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an HTTP/1.1 answer; underscores in header names stand for hyphens."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


OK = answer(200)
#: Close the connection without an answer.
CLOSE = None
#: Reset the connection.
RESET = b"reset"


class Receiver:
    """A threaded HTTP server; a context manager.

    Args:
        respond: request -> the bytes to send, `CLOSE`, `RESET`, or a function that is given the
            socket. Default: 200 to everything that MozDef has.
        tls: a server context.
        family: socket.AF_INET or socket.AF_INET6.
        slow: seconds to wait before each request is read.
        port: to listen on; 0: any that is free.
        early: is given the socket before the body of a request is read; then it is closed.
        knows_paths: False: `respond` also answers the path by which a client finds out whether
            the server has an answer of its own for what is not there. Default True: 404, and the
            request is not among `requests`.
    """

    def __init__(  # noqa: PLR0917 - the first two are what tests give
        self,
        respond: Callable[[Request], object] = lambda request: OK,
        tls: ssl.SSLContext | None = None,
        family: int = socket.AF_INET,
        slow: float = 0.0,
        port: int = 0,
        early: Callable[[socket.socket], object] | None = None,
        knows_paths: bool = True,
    ) -> None:
        self.respond = respond
        self.requests: list[Request] = []
        self.connections = 0
        #: Requests that were answered with success, in order.
        self.accepted: list[Request] = []
        self._tls = tls
        self._slow = slow
        self._early = early
        self._knows_paths = knows_paths
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    @property
    def base(self) -> str:
        scheme = "https" if self._tls else "http"
        return (
            f"{scheme}://localhost:{self.port}"
            if self._tls
            else f"{scheme}://127.0.0.1:{self.port}"
        )

    @property
    def url(self) -> str:
        return f"{self.base}/events"

    def events(self) -> list[dict]:
        """All events of requests that were answered with success, but for ends of streams."""
        return [event for event in self.all_events() if not is_stream_end(event)]

    def all_events(self) -> list[dict]:
        return [event for request in list(self.accepted) for event in request.events()]

    def raw_events(self) -> list[bytes]:
        return [event for request in list(self.accepted) for event in request.raw_events()]

    def summaries(self) -> list[str]:
        return [event["summary"] for event in self.events()]

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening, and cut all connections."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(connection, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            stream = connection.makefile("rb")
            if self._early is not None and stream.readline():
                self._early(connection)
                stream.close()
                return
            time.sleep(self._slow)
            while (request := _read_request(stream, number)) is not None:
                if self._knows_paths and NO_SUCH_PATH in request.path:
                    connection.sendall(answer(404))
                    continue
                self.requests.append(request)
                if not self._answer(connection, request):
                    break
            stream.close()
        except ValueError:  # no HTTP
            with contextlib.suppress(OSError):
                connection.sendall(answer(400))
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        response = self.respond(request)
        if callable(response):
            response(connection)
            return False
        if response is CLOSE:
            return False
        if response is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if response.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            self.accepted.append(request)
        connection.sendall(response)
        return not response.startswith(b"HTTP/1.0")


def _read_request(stream, number: int) -> Request | None:
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while header := stream.readline().rstrip(b"\r\n"):
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, number)
