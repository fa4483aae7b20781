"""A little HTTP proxy on a real socket: tunnels with CONNECT, and passes on plain requests."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """A context manager.

    Args:
        credentials: user and password that it asks for, or None.
        refuse: a status to answer every request with, or None.
    """

    def __init__(
        self, credentials: tuple[str, str] | None = None, refuse: int | None = None
    ) -> None:
        self._credentials = credentials
        self._refuse = refuse
        #: The first lines of what it was asked for.
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for each in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join(5)
        for each in self._open:
            each.close()

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
            elif self._refuse:
                client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self._refuse)
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
