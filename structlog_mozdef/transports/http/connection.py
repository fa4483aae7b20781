"""Connections for requests: bounded in time as a whole, and without secrets in log records.

- The time-outs of requests count anew with every piece of data: a peer that sends or takes one
  byte at a time would hold the sender for days. Here, sending a request and receiving its answer
  take no longer than the read time-out each, whatever the peer does.
- urllib3 writes the addresses that it requests into log records. So it is not told their query,
  which may hold a token: the connection adds it.
- urllib3 warns with every connection that is not verified; the transport has said so once.
- A connection pool of urllib3 has a lock, which a forked child could find held for ever. These
  are used by one thread at a time, and have none.
"""

from __future__ import annotations

import http.client
import io
import queue
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

#: What TLS packs into one record at most: a larger piece could take its time-out many times.
_RECORD_BYTES = 16_384


@dataclass
class _Exchange:
    """What the connections of one adapter have to know of the request at hand."""

    timeout: float
    query: str = ""


class BoundedAdapter(HTTPAdapter):
    """An adapter of requests for one thread, with the connections described above.

    Args:
        timeout: the longest time that sending, or receiving, may take as a whole, in seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._exchange = _Exchange(timeout)
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0)

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

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """The URL as urllib3 may know it; the query waits for `_BoundedConnection`."""
        url, mark, query = super().request_url(request, proxies).partition("?")
        self._exchange.query = mark + query
        return url

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
    """Receives within the time-out of the socket as a whole, head and body together."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        fp: Any = self.fp
        self._reader = _BoundedReader(fp.detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        """Read the head; http.client takes one that was cut off for a whole one."""
        super().begin()
        if self._reader.ended:
            raise http.client.IncompleteRead(b"")


class _BoundedReader(io.RawIOBase):
    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        _limit(self._sock, self._deadline)
        count: int | None = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedConnection:
    """Comes before a connection class of urllib3; its methods call theirs."""

    exchange: _Exchange
    sock: Any = None
    is_verified: bool
    response_class = _BoundedResponse
    _send_by: float | None = None

    def __del__(self) -> None:
        # After a fork nobody closes it: urllib3 2 would, 1 leaves it to Python, which warns.
        if self.sock is not None:
            self.sock.close()

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.is_verified = True  # or not, but the warning has been given
        self._send_by = None  # a proxy was spoken to in between

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._send_by = None
        super().putrequest(  # type: ignore[misc]
            method, url + self.exchange.query, *args, **kwargs
        )

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self._send_by is None:
            self._send_by = time.monotonic() + self.exchange.timeout
        view = memoryview(data)
        # A plain socket takes its time-out for all of the data, TLS for each record.
        size = _RECORD_BYTES if isinstance(self.sock, ssl.SSLSocket) else max(len(view), 1)
        for start in range(0, len(view), size):
            _limit(self.sock, self._send_by)
            super().send(view[start : start + size])  # type: ignore[misc]


class _Stack:
    """As much of `queue.LifoQueue` as a pool needs, without locks."""

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


def _limit(sock: socket.socket, deadline: float) -> None:
    """Let the next operation on *sock* end by *deadline*."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    sock.settimeout(left)
