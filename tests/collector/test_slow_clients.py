"""Clients that are slow, or many, take a bounded number of connections for a bounded time."""

import contextlib
import socket

import pytest
from support.collecting import LINE
from support.running import wait_for

from structlog_mozdef.collector import Store
from structlog_mozdef.collector.http_protocol import Limits
from structlog_mozdef.collector.server_thread import ServerThread

HEAD = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(LINE)
DOWNLOAD = b"GET /api/v1/events.ndjson HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def server(limits):
    """Yield what connects to a server with these limits."""
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Store()))
        listener = socket.create_server(("127.0.0.1", 0))
        thread = ServerThread(store, listener, limits=limits)
        thread.start()
        stack.callback(thread.stop)

        def connect():
            client = socket.create_connection(listener.getsockname(), timeout=20)
            return stack.enter_context(client)

        yield connect


def is_closed(client):
    try:
        return client.recv(65536) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"POST /ev", HEAD, HEAD + LINE[:-1]])
def test_client_that_sends_slowly_is_left(sent):
    """A client that does not send its request in time loses its connection."""
    with server(Limits(seconds=0.2)) as connect:
        client = connect()
        client.sendall(sent)
        assert is_closed(client)


def test_client_that_does_not_read_is_left():
    """A client that asks for much and reads nothing loses its connection in time."""
    with server(Limits(seconds=0.2)) as connect:
        client = connect()
        body = LINE.replace(b"kang", b"k" * 1_000_000)
        for _ in range(8):
            head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            client.sendall(head % len(body) + body)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.sendall(DOWNLOAD)
        assert all(is_closed(connect()) for _ in range(3))  # more than as much time has passed
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(1_000_000):
                got = data
        assert not got.endswith(b"\r\n0\r\n\r\n")


def test_idle_connection_is_kept():
    """Between two requests the time of one request does not count."""
    with server(Limits(seconds=0.2)) as connect:
        client, other = connect(), connect()
        client.sendall(HEAD + LINE)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert is_closed(other)  # so much time has passed
        client.sendall(HEAD + LINE)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_connection_that_was_idle_for_longest_makes_room():
    """Beyond the limit, a new connection is answered, and the oldest idle one is closed."""
    with server(Limits(connections=3)) as connect:
        clients = []
        for _ in range(4):
            clients.append(connect())
            clients[-1].sendall(HEAD + LINE)
            assert clients[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
        assert is_closed(clients[0])
        clients[1].sendall(HEAD + LINE)
        assert clients[1].recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("sent", [b"", HEAD])
def test_connections_are_limited(sent):
    """Of many connections that are made at once, no more are kept than are allowed."""

    def is_open(client):
        try:
            return client.recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    with server(Limits(connections=10)) as connect:
        clients = [connect() for _ in range(200)]
        for client in clients:
            client.setblocking(False)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(sent)
        assert wait_for(lambda: sum(map(is_open, clients)) == 10)


def test_new_connection_is_closed_where_none_makes_room():
    """Beyond the limit, requests that are being sent are not interrupted for a new connection."""
    with server(Limits(connections=2)) as connect:
        clients = [connect(), connect()]
        for client in clients:
            client.sendall(HEAD + LINE + HEAD + LINE[:-1])
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert is_closed(connect())
        for client in clients:
            client.sendall(LINE[-1:])
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
