"""Servers that hang, drip, lie and close: every attempt ends in time, in our own error."""

import contextlib
import gc
import inspect
import os
import socket
import stat
import threading
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.errors import error_of
from support.receivers import CLOSE, OK, RESET, Receiver, answer, unused_port

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.http import HTTPTransport
from structlog_mozdef.transports.http.client import HTTPClient

EVENT = b'{"summary":"a"}'


def error_from(respond, events=(EVENT,), path="/_bulk", **options):
    """Return the error of sending to a server that answers with what *respond* gives."""
    options = {"read_timeout": 0.4, **options}
    with (
        Receiver(respond) as receiver,
        contextlib.closing(HTTPTransport(receiver.base + path, **options)) as transport,
    ):
        return error_of(transport.send, events)


def client(clock):
    return HTTPClient(
        "a server",
        auth=None,
        headers={},
        verify=True,
        cert=None,
        proxies={},
        connect_timeout=5,
        read_timeout=5,
        clock=clock,
    )


def drip(text, pause=0.05):
    """Answer with *text*, one byte at a time."""

    def send(connection):
        with contextlib.suppress(OSError):
            for index in range(len(text)):
                connection.sendall(text[index : index + 1])
                time.sleep(pause)

    return send


def hang(text=b""):
    """Answer with *text*, and then with nothing until the client goes."""

    def send(connection):
        connection.sendall(text)
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            connection.recv(1)

    return send


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n"
SLOW = [
    hang(),
    hang(b"HTTP/1.1 20"),
    hang(b"HTTP/1.1 200 OK\r\nContent-"),
    hang(HEAD + b"\r\n"),
    hang(HEAD + b"\r\n123"),
    hang(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12"),
    hang(b"HTTP/1.1 100 Continue\r\n\r\n"),
    hang(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20, 0.01),
    drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90),
    drip(HEAD + b"\r\n" + b"x" * 500),
    drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 90),
]


@pytest.mark.parametrize("server", SLOW)
def test_slow_answers_end_in_time(server):
    """A server that hangs or drips, wherever in its answer, is given up within the timeout."""
    start = time.monotonic()
    error_from(lambda request: server)
    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("server", SLOW)
def test_slow_answers_prove_nothing(server):
    """A server that was given up may have stored the events nevertheless."""
    error = error_from(lambda request: server)
    assert (error.retryable, error.ambiguous) == (True, True)


def test_slow_reader_ends_in_time():
    """A server that does not read the request is given up within the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/_bulk"
        with contextlib.closing(HTTPTransport(url, read_timeout=0.4)) as transport:
            start = time.monotonic()
            with pytest.raises(TransportError) as caught:
                transport.send([b"x" * 20_000_000])
    assert (time.monotonic() - start < 1.5, caught.value.ambiguous) == (True, True)


def test_large_request_may_take_the_read_timeout():
    """A body that takes longer to send than a connection to make is no failure."""

    def respond(request):
        return OK

    with Receiver(respond, slow=0.3) as receiver:
        url = f"{receiver.base}/_bulk"
        options = {"connect_timeout": 0.1, "read_timeout": 3}
        with contextlib.closing(HTTPTransport(url, **options)) as transport:
            transport.send([b'{"x":"%s"}' % (b"x" * 20_000_000)])
        assert len(receiver.accepted) == 1


def test_request_is_sent_in_few_pieces():
    """Head and body of a request leave together: each piece would let other threads go first."""
    pieces = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/_bulk"

        def serve():
            connection, _ = listener.accept()
            with connection:
                for _ in range(20):
                    pieces.append(connection.recv(65_536))
                    connection.sendall(OK)

        server = threading.Thread(target=serve)
        server.start()
        with contextlib.closing(HTTPTransport(url)) as transport:
            for _ in range(20):
                transport.send([EVENT])
        server.join()
    assert [(piece.startswith(b"POST"), piece.endswith(EVENT + b"\n")) for piece in pieces] == [
        (True, True)
    ] * 20


def test_connect_timeout():
    """A host that does not answer at all is given up, and has stored nothing."""
    # A full backlog: further connections are neither accepted nor refused.
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
        url = f"http://127.0.0.1:{address[1]}/_bulk"
        with (
            contextlib.closing(HTTPTransport(url, connect_timeout=0.2)) as transport,
            pytest.raises(TransportError) as caught,
        ):
            transport.send([EVENT])
    assert (str(caught.value), caught.value.ambiguous) == (
        "no connection within the connect timeout",
        False,
    )


def test_default_timeouts():
    """A connection may take 5 s, and an answer 30 s: MozDef answers after 19 s at times."""
    parameters = inspect.signature(HTTPTransport).parameters
    assert (parameters["connect_timeout"].default, parameters["read_timeout"].default) == (5, 30)


def test_first_answer_may_take_the_read_timeout():
    """Also that to an empty request, by which a server is asked for its `/_bulk`."""

    def respond(request):
        if not request.body:
            time.sleep(0.4)
        return OK

    with (
        Receiver(respond) as receiver,
        contextlib.closing(HTTPTransport(receiver.url, connect_timeout=0.2)) as transport,
    ):
        transport.send([EVENT])
    assert [request.path for request in receiver.accepted] == ["/_bulk", "/_bulk"]


def test_nobody_listens():
    """The error of a refused connection has the words of the system; nothing is stored."""
    url = f"http://127.0.0.1:{unused_port()}/_bulk"
    with pytest.raises(TransportError) as caught:
        HTTPTransport(url).send([EVENT])
    assert (str(caught.value), caught.value.retryable, caught.value.ambiguous) == (
        "no connection: Connection refused",
        True,
        False,
    )


def test_unknown_host():
    """A name that is not known is an outage like another."""
    with pytest.raises(TransportError) as caught:
        HTTPTransport("http://no-such-host.invalid/_bulk").send([EVENT])
    assert (str(caught.value), caught.value.retryable) == (
        "no connection: the host name is not known",
        True,
    )


@pytest.mark.parametrize(
    "end",
    [CLOSE, RESET, answer(200)[:-3], answer(200)[:-2], b"HTTP/1.1 200 OK\r\n", HEAD + b"\r\nabc"],
)
def test_cut_off_answers_prove_nothing(end):
    """A connection that ends during the request or the answer says nothing of what was stored."""
    error = error_from(lambda request: end if not isinstance(end, bytes) else _cut(end))
    assert (error.retryable, error.ambiguous) == (True, True)


def _cut(text):
    if text is RESET:
        return RESET
    return lambda connection: connection.sendall(text)


GARBAGE = [
    b"\r\n\r\n",
    b"\0" * 100,
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 99999 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x15\x03\x03\x00\x02\x02\x46",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 " + b"2" * 100_000,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100_000,
]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_no_success(text):
    """An answer that is not HTTP becomes our own error."""
    assert error_from(lambda request: _cut(text)).retryable


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail)
    | st.binary(max_size=100).map(lambda tail: HEAD + b"\r\n" + tail)
    | st.binary(max_size=60).map(
        lambda tail: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail
    )
)
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc")
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nabc")
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabc")
@example(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n")
@example(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
@example(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
def test_random_bytes(text):
    """Whatever bytes a server sends, the transport raises our own error only."""
    with (
        Receiver(lambda request: _cut(text)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk", read_timeout=0.3)) as transport,
        contextlib.suppress(TransportError),
    ):
        transport.send([EVENT])


def test_endless_body_ends():
    """A body without an end is left after 16 MB, and not kept in memory beyond that."""

    def pour(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        block = b"x" * 1_000_000
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(block)

    tracemalloc.start()
    error = error_from(lambda request: pour, read_timeout=20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (str(error), peak < 40_000_000) == ("the answer does not end", True)


@pytest.mark.parametrize("body", [b"x" * 100, b"x" * 20_000_000])
def test_answer_before_the_request_was_read(body):
    """A server that rejects a body before it has read it is understood, or survived."""

    def reject(connection):
        connection.sendall(answer(413))

    with Receiver(early=reject) as receiver:
        url = f"{receiver.base}/_bulk"
        with (
            contextlib.closing(HTTPTransport(url, read_timeout=2)) as transport,
            pytest.raises(TransportError) as caught,
        ):
            transport.send([body])
    assert str(caught.value).startswith(("HTTP 413", "the connection was lost"))


# Kept connections.


def closing_after(count, how):
    """Answer *count* requests on each connection; then close when the next one comes."""
    seen = {}

    def respond(request):
        seen[request.connection] = seen.get(request.connection, 0) + 1
        return OK if seen[request.connection] <= count else how

    return respond


@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_silent_close_is_no_failure(how, count):
    """A kept connection that the server closes without saying so is replaced at once."""
    with (
        Receiver(closing_after(count, how)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        for number in range(10):
            transport.send([b'{"summary":"%d"}' % number])
        assert receiver.summaries() == [str(number) for number in range(10)]


def test_close_between_requests_is_no_failure():
    """A connection that is found closed is replaced."""
    text = answer(200)
    with (
        Receiver(lambda request: lambda connection: connection.sendall(text)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        for _ in range(5):
            transport.send([EVENT])
            time.sleep(0.02)
        assert receiver.connections == 5


def test_only_a_kept_connection_is_replaced():
    """A new connection that is closed is a failure: the request may have been the reason."""
    with (
        Receiver(lambda request: CLOSE) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        with pytest.raises(TransportError):
            transport.send([EVENT])
        assert receiver.connections == 1


def test_replacement_that_is_closed_is_a_failure():
    """A request that closes the kept connection, and the new one, is tried no third time."""
    answers = iter([OK])
    with (
        Receiver(lambda request: next(answers, CLOSE)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        transport.send([EVENT])
        with pytest.raises(TransportError):
            transport.send([EVENT])
        assert len(receiver.requests) == 3


def test_answer_that_is_cut_off_is_not_repeated_at_once():
    """A server that began to answer has the events, perhaps: the dispatcher decides."""
    answers = iter([OK])
    with (
        Receiver(lambda request: next(answers, None) or _cut(HEAD + b"\r\nabc")) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        transport.send([EVENT])
        with pytest.raises(TransportError, match="cut off"):
            transport.send([EVENT])
        assert len(receiver.requests) == 2


def test_timeout_is_not_repeated_at_once():
    """A timeout on a kept connection is a timeout: the server may be at work."""
    answers = iter([OK])
    with (
        Receiver(lambda request: next(answers, None) or hang()) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk", read_timeout=0.2)) as transport,
    ):
        transport.send([EVENT])
        with pytest.raises(TransportError):
            transport.send([EVENT])
        assert len(receiver.requests) == 2


@pytest.mark.parametrize(("idle", "connections"), [(9, 1), (11, 2)])
def test_idle_connection_is_not_trusted(idle, connections):
    """A connection that was idle for more than 10 s is replaced before it fails."""
    now = [0.0]
    with (
        Receiver() as receiver,
        contextlib.closing(client(lambda: now[0])) as sender,
    ):
        request = sender.prepare(receiver.url, "application/json")
        sender.post(request, EVENT)
        now[0] += idle
        sender.post(request, EVENT)
        assert receiver.connections == connections


@pytest.mark.parametrize(("seconds", "connections"), [(299, 1), (301, 2), (601, 3)])
def test_connection_is_renewed(seconds, connections):
    """A connection that is used all the time is replaced after 5 min: DNS may have changed."""
    now = [0.0]
    with (
        Receiver() as receiver,
        contextlib.closing(client(lambda: now[0])) as sender,
    ):
        request = sender.prepare(receiver.url, "application/json")
        while now[0] <= seconds:
            sender.post(request, EVENT)
            now[0] += 1
        assert receiver.connections == connections


@pytest.mark.parametrize(
    "text", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"]
)
def test_server_that_closes_after_each_answer(text):
    """A server that closes after each answer gets a connection for each request."""
    with (
        Receiver(lambda request: _cut(text)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/custom/x")) as transport,
    ):
        for _ in range(4):
            transport.send([EVENT])
        assert (receiver.connections, len(receiver.requests)) == (4, 4)


@pytest.mark.parametrize(
    "text", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n"]
)
def test_closed_connection_is_not_taken_for_a_kept_one(text):
    """Where the server said that it closes, the next failure is one of a new connection."""
    answers = iter([_cut(text)])
    with (
        Receiver(lambda request: next(answers, CLOSE)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        transport.send([EVENT])
        with pytest.raises(TransportError):
            transport.send([EVENT])
        assert len(receiver.requests) == 2


def test_each_request_has_its_own_time():
    """A kept connection that is older than the timeout serves the next request as well."""
    with (
        Receiver() as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk", read_timeout=0.2)) as transport,
    ):
        transport.send([EVENT])
        time.sleep(0.3)
        transport.send([EVENT])
        assert (receiver.connections, len(receiver.accepted)) == (1, 2)


def test_second_answer_is_not_taken_for_the_next_one():
    """A server that answers twice cannot make a later request look delivered."""
    answers = iter([answer(200) + answer(200), answer(500)])
    with (
        Receiver(lambda request: next(answers)) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        transport.send([EVENT])
        time.sleep(0.02)
        with pytest.raises(TransportError, match="HTTP 500"):
            transport.send([EVENT])


def test_failures_leave_no_socket():
    """Whatever happened, no socket is collected with a warning after closing."""
    ends = [CLOSE, RESET, _cut(b"garbage\r\n\r\n"), hang(HEAD), _cut(HEAD + b"\r\nab"), answer(500)]
    for end in ends:
        error_from(lambda request, end=end: end, read_timeout=0.1)
    gc.collect()


def test_child_does_not_use_the_connection_of_its_parent():
    """After a fork a new connection is made, and nothing is said on the old one."""
    with (
        Receiver() as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        transport.send([EVENT])
        transport.after_fork_in_child()
        transport.send([EVENT])
        assert [request.connection for request in receiver.requests] == [1, 2]


def test_close_closes_the_connection():
    """A transport that is closed holds no connection: some servers serve one at a time."""
    with Receiver() as receiver:
        transport = HTTPTransport(f"{receiver.base}/_bulk")
        transport.send([EVENT])
        transport.close()
        deadline = time.monotonic() + 2
        while receiver.open_connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert receiver.open_connections == 0


def test_a_program_that_closes_our_connection():
    """What it opens then gets nothing of ours, since our numbers are high; nothing is lost."""
    with Receiver() as receiver, contextlib.closing(HTTPTransport(receiver.url)) as transport:
        transport.send([EVENT])
        numbers = [number for number in range(3, 2000) if peer_of(number) == receiver.port]
        for number in numbers:
            os.close(number)
        with contextlib.suppress(TransportError):
            transport.send([EVENT])
        transport.send([EVENT])
        assert (len(numbers), numbers[0] >= 64) == (1, True)
        assert len(receiver.summaries()) == 2


def peer_of(number):
    """The port that descriptor *number* is connected to, if it is a connection."""
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return None
        with socket.socket(fileno=os.dup(number)) as sock:
            return sock.getpeername()[1]
    except (OSError, IndexError):
        return None
