"""Connections for requests, which are bounded in time and put no secrets into log records.

- The timeouts of requests count from the start with every piece of data: a server that sends or
  reads one byte at a time would hold the sender for days. Here, sending a request and receiving
  its answer take no longer than the read timeout each, whatever the server does.
- urllib3 writes the URLs that it requests into log records. So it never sees their query, which
  may hold a token: the connection adds it.
- urllib3 warns with every connection that is not verified; the transport has said so once.
- A connection pool of urllib3 has a lock, which a forked child could find held forever. These
  pools are used by one thread at a time, and have none.
- Each system call gives the interpreter to the threads that log, and 5 ms pass until it comes back.
  So a request is sent in one piece, timeouts are set where they change, and files of certificates
  are looked for once.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from structlog_mozdef._deadline import Deadline, allowed
from structlog_mozdef.transports.sockets import RECORD_BYTES, limit, with_high_number


@dataclass
class _Exchange:
    """What the connections of one adapter need to know of the current request."""

    connect_timeout: float = 0.0
    timeout: float = 0.0
    query: str = ""


class BoundedAdapter(HTTPAdapter):
    """An adapter of requests for one thread, with the connections described above.

    It is for requests with the same *verify*, *cert* and *proxies*.
    """

    def __init__(self) -> None:
        self._exchange = _Exchange()
        # The URL of the last request, and what was found out for it: most requests have the same.
        self._url: str | None = None
        self._pool: Any = None
        self._target = ""
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0)

    def send(  # noqa: PLR0917 - requests has them so
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send *request*.

        The *timeout* is a pair of seconds: the longest time for connecting, and for sending a
        request as well as for receiving its answer. A kept connection keeps the latter.
        """
        self._exchange.connect_timeout, self._exchange.timeout = timeout
        return super().send(request, stream, self._exchange.timeout, verify, cert, proxies)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the pool of connections for *request*."""
        if request.url != self._url:
            self._pool = super().get_connection_with_tls_context(request, *args, **kwargs)
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Look for the files of certificates."""
        if url != self._url:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return the URL as urllib3 may see it; the query waits for `_BoundedConnection`."""
        if request.url != self._url:
            self._target, mark, query = super().request_url(request, proxies).partition("?")
            self._exchange.query = mark + query
            self._url = request.url
        return self._target

    def close(self) -> None:
        """Close all connections."""
        self._url = self._pool = None
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the manager of requests pools of our own."""
        super().init_poolmanager(*args, **kwargs)
        self._adapt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Give the manager of a proxy pools of our own."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._adapt(manager)
        return manager

    def _adapt(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: self._bounded(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _bounded(self, pool: Any) -> Any:
        connection = type(
            pool.ConnectionCls.__name__,
            (_BoundedConnection, pool.ConnectionCls),
            {"exchange": self._exchange},
        )
        return type(pool.__name__, (pool,), {"ConnectionCls": connection, "QueueCls": _Stack})


class _BoundedResponse(http.client.HTTPResponse):
    """An answer that comes within one timeout, that of the socket: head and body together."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        fp: Any = self.fp
        self._reader = _BoundedReader(fp.detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the head; http.client takes one that was cut off for a complete one.

        It also takes an interim answer (102, 103: RFC 9110, section 15.2) for the answer.
        """
        super().begin()
        while 100 < self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment] # as before the first
            super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")


class _BoundedReader(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = Deadline.after(allowed(sock.gettimeout() or 0.0))
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit(self._sock, self._deadline)
        count: int | None = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedConnection:
    """A base that comes before a connection class of urllib3; its methods call theirs."""

    exchange: _Exchange
    sock: Any = None
    timeout: Any
    is_verified: bool
    response_class = _BoundedResponse
    _send_by: Deadline | None = None
    # The head of a request, which is sent together with the body; before that, whether it comes.
    _head = b""
    _head_comes = False

    def __del__(self) -> None:
        # After a fork nobody closes it: urllib3 2 would, 1 leaves it to Python, which warns.
        if self.sock is not None:
            self.sock.close()

    def connect(self) -> None:
        # An empty body is sent when the answer is asked for: that has another timeout.
        timeout, self.timeout = self.timeout, self.exchange.connect_timeout
        super().connect()  # type: ignore[misc]
        self.timeout = timeout
        self.is_verified = True  # or not, but the warning has been given
        self._send_by = None  # a proxy was spoken to in between

    def _new_conn(self) -> Any:
        return with_high_number(super()._new_conn())  # type: ignore[misc]

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._send_by = None
        super().putrequest(  # type: ignore[misc]
            method, url + self.exchange.query, *args, **kwargs
        )

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self._head_comes = True
        super().endheaders(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        if self._head:  # nothing came behind it
            self.send(b"")
        return super().getresponse(*args, **kwargs)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self._head_comes:
            self._head_comes, self._head = False, data
            return
        head, self._head = self._head, b""
        if self.sock is None:
            self.connect()
        if self._send_by is None:
            self._send_by = Deadline.after(allowed(self.exchange.timeout))
        view = memoryview(data)
        if head:
            view = view[self._send_head(head, view, self._send_by) :]
        # The timeout of a plain socket is for all of the data, that of TLS for each record.
        size = RECORD_BYTES if isinstance(self.sock, ssl.SSLSocket) else max(len(view), 1)
        for start in range(0, len(view), size):
            limit(self.sock, self._send_by)
            super().send(view[start : start + size])  # type: ignore[misc]

    def _send_head(self, head: bytes, body: memoryview, deadline: Deadline) -> int:
        """Send *head* with the beginning of *body*; return how many bytes of that."""
        limit(self.sock, deadline)
        if isinstance(self.sock, ssl.SSLSocket) or not hasattr(self.sock, "sendmsg"):
            size = max(RECORD_BYTES - len(head), 0)
            super().send(head + body[:size])  # type: ignore[misc]
            return size
        unsent = len(head) - int(self.sock.sendmsg([head, body]))
        if unsent > 0:
            super().send(head[-unsent:])  # type: ignore[misc]
        return max(-unsent, 0)


class _Stack:
    """The part of `queue.LifoQueue` that a pool needs, without locks."""

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._items: list[Any] = []

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not self._items:
            raise queue.Empty
        return self._items.pop()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if len(self._items) >= self._maxsize:
            raise queue.Full
        self._items.append(item)

    def qsize(self) -> int:
        return len(self._items)
