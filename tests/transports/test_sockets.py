"""Sockets are opened and waited for within one deadline."""

import contextlib
import errno
import functools
import socket
import threading
import time

import pytest
from support.certificates import authority_file, server_context
from support.errors import error_of
from support.running import wait_for

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.transports import sockets
from structlog_mozdef.transports.sockets import (
    connect,
    connect_tcp,
    limit,
    start_tls,
    time_left,
    wait_until_ready,
)
from structlog_mozdef.transports.tls import client_context


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def port(listener):
    return listener.getsockname()[1]


@pytest.fixture
def full_port(listener, port):
    """A port that answers nobody any more: its queue of connections is full."""
    listener.listen(0)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield port


def addresses(*ports):
    return [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))
        for port in ports
    ]


def test_numbers_are_high(port):
    """No connection has a number that a program is likely to use again once it closed all."""
    with connect("127.0.0.1", port, Deadline.after(5)) as sock:
        assert (sock.fileno() >= 64, sock.getpeername()[1]) == (True, port)


def test_time_left_counts_down():
    """The seconds until a deadline are those of its clock."""
    clock = iter([0.0, 3.0]).__next__
    assert time_left(Deadline.after(5, clock)) == 2.0


@pytest.mark.parametrize("use", [time_left, functools.partial(limit, socket.socket())])
def test_expired_deadline_is_a_timeout(use):
    """Once a deadline has expired, nothing begins any more."""
    error = error_of(use, Deadline.after(0), kind=TimeoutError)
    assert error.errno == errno.ETIMEDOUT


def test_connects(listener, port):
    """The connection is one with the receiver, without delays and with signs of life."""
    with contextlib.closing(connect_tcp("localhost", port, Deadline.after(5))) as sock:
        with listener.accept()[0] as accepted:
            assert accepted.getsockname() == sock.getpeername()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_next_address_is_tried(port, full_port, monkeypatch):
    """An address that does not answer leaves the next one its share of the time."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        known = addresses(full_port, other.getsockname()[1])
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: known)
        with contextlib.closing(connect("a", 1, Deadline.after(0.4))) as sock:
            assert sock.getpeername() == other.getsockname()


def test_no_address_answers(full_port, monkeypatch):
    """All addresses together take no longer than the deadline allows."""
    known = addresses(*[full_port] * 5)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: known)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        connect("a", 1, Deadline.after(0.2))
    assert time.monotonic() - start < 2


def test_host_without_an_address(monkeypatch):
    """A resolver that gives nothing is an error of the system."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [])
    error = error_of(connect, "a", 1, Deadline.after(1), kind=OSError)
    assert error.errno == errno.EADDRNOTAVAIL


def test_sockets_are_shown_before_they_connect(listener, port):
    """The caller knows each socket from the start, and can close it in a forked child."""
    shown = []
    with contextlib.closing(
        connect("127.0.0.1", port, Deadline.after(5), on_socket=shown.append)
    ) as sock:
        assert shown == [sock]


def test_failed_sockets_are_closed(port, listener):
    """A socket that did not connect is closed."""
    listener.close()
    shown = []
    with pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", port, Deadline.after(5), on_socket=shown.append)
    assert [sock.fileno() for sock in shown] == [-1]


def test_tls(listener, port, tmp_path):
    """TLS begins on a connection, with the name that is asked for."""
    server = server_context()

    def serve():
        with listener.accept()[0] as plain, server.wrap_socket(plain, server_side=True) as sock:
            sock.sendall(b"hello")

    thread = threading.Thread(target=serve)
    thread.start()
    deadline = Deadline.after(5)
    context = client_context(authority_file(tmp_path), None)
    with start_tls(connect_tcp("localhost", port, deadline), context, "localhost", deadline) as s:
        assert s.recv(5) == b"hello"
    thread.join()


def test_tls_with_a_peer_that_keeps_silent(listener, port, tmp_path):
    """A handshake that does not end fails with the deadline, and the socket is closed."""
    deadline = Deadline.after(0.1)
    plain = connect_tcp("localhost", port, deadline)
    shown = []
    with pytest.raises(TimeoutError):
        start_tls(plain, client_context(True, None), "localhost", deadline, on_socket=shown.append)
    assert (plain.fileno(), [sock.fileno() for sock in shown]) == (-1, [-1])


def test_waiting():
    """A wait ends when there is something to read, or space to write, as asked for."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wait_until_ready(ours, 0.01) is False
        assert wait_until_ready(ours, 5, read=False, write=True) is True
        theirs.send(b"x")
        assert wait_until_ready(ours, 5) is True
        assert wait_for(lambda: wait_until_ready(ours, 0, write=True))


def test_late_host_is_reported_while_it_is_waited_for(full_port, listener, monkeypatch):
    """An address that does not answer is reported, and connected to if it answers later."""
    monkeypatch.setattr(sockets, "LATE_SECONDS", 0.2)  # the kernel tries again after a second
    with connect(
        "127.0.0.1", full_port, Deadline.after(20), on_late=lambda: listener.listen(10)
    ) as sock:
        assert sock.getpeername()[1] == full_port


def test_host_that_stays_away(full_port, monkeypatch):
    """After the report an address has what is left of its time, and no more."""
    monkeypatch.setattr(sockets, "LATE_SECONDS", 0.1)
    late = []
    with pytest.raises(TimeoutError):
        connect("127.0.0.1", full_port, Deadline.after(0.5), on_late=lambda: late.append(True))
    assert late == [True]


@pytest.mark.parametrize(
    ("before", "is_set"), [(5.0, False), (5.005, False), (5.02, True), (4, True)]
)
def test_timeout_that_still_does_is_left(before, is_set):
    """A timeout is set where it has changed by more than a hundredth of a second."""
    now = [0.0]
    with socket.socket() as sock:
        sock.settimeout(before)
        limit(sock, Deadline.after(5.0, lambda: now[0]))
        assert sock.gettimeout() == (5.0 if is_set else before)


@pytest.mark.parametrize("before", [None, 0.0])
def test_socket_without_a_timeout_gets_one(before):
    """A socket that waits forever, or not at all, is given the time that is left."""
    with socket.socket() as sock:
        sock.settimeout(before)
        limit(sock, Deadline.after(0.005, lambda: 0.0))
        assert sock.gettimeout() == 0.005
