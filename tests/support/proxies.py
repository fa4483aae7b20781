"""Servers in the middle, on real sockets: an HTTP proxy, and a relay that counts and cuts."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class _Middle:
    """A server that passes connections on; a context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in list(self._threads):
            thread.join(5)
        for each in self._open:
            each.close()

    def cut(self) -> None:
        """End all connections."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _start(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        raise NotImplementedError


class Relay(_Middle):
    """A relay to a port of this machine.

    Args:
        target: the port.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target
        #: The ports from which it has connected to the server, one for each connection.
        self.ports: list[int] = []
        #: Bytes that came from the server.
        self.received = 0

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open.append(server)
            self.ports.append(server.getsockname()[1])
            self._start(self._answer, server, client)
            _pump(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
                self.received += len(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)


class Proxy(_Middle):
    """An HTTP proxy: tunnels with CONNECT, and passes on plain requests.

    Args:
        credentials: user and password that it asks for, or None.
        status: to answer every request with, or None.
    """

    def __init__(
        self, credentials: tuple[str, str] | None = None, status: int | None = None
    ) -> None:
        super().__init__()
        self._credentials = credentials
        self._status = status
        #: The first lines of what it was asked for.
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65_536)
                if not piece:
                    return
                head += piece
            first = head.split(b"\r\n", 1)[0].decode()
            self.requests.append(first)
            if not self._admits(head):
                client.sendall(
                    b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                client.shutdown(socket.SHUT_RDWR)
            elif self._status:
                client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self._status)
                client.shutdown(socket.SHUT_RDWR)
            else:
                self._pass_on(client, head, *first.split(" ")[:2])

    def _admits(self, head: bytes) -> bool:
        if self._credentials is None:
            return True
        token = base64.b64encode(":".join(self._credentials).encode())
        return b"proxy-authorization: basic " + token.lower() in head.lower()

    def _pass_on(self, client: socket.socket, head: bytes, method: str, target: str) -> None:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        server = socket.create_connection(("127.0.0.1", parts.port))
        self._open.append(server)
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = target.split(parts.netloc, 1)[1]
            server.sendall(head.replace(target.encode(), path.encode(), 1))
        self._start(_pump, server, client)
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
