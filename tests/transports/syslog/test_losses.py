"""What syslog loses when a receiver ends, and what it does not; as the documentation says."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import struct
import threading
import time

import pytest
from support.receivers import unused_port
from support.running import wait_for
from support.syslog_servers import Rsyslog, StreamReceiver, event_of, frames

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.syslog import SyslogTransport, connection
from structlog_mozdef.transports.syslog import datagrams as datagrams_module
from structlog_mozdef.transports.syslog.connection import TAIL_BYTES

EVENT = b'{"summary": "a"}'
OTHER = b'{"summary": "b"}'
QUICK = RetryPolicy(wait_initial=0.05, wait_max=0.2)


@pytest.fixture
def rsyslog():
    with Rsyslog() as server:
        yield server


@pytest.fixture
def datagrams():
    """A receiver of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        yield receiver


def to(receiver, **options):
    port = receiver.getsockname()[1]
    return contextlib.closing(SyslogTransport(f"syslog+udp://127.0.0.1:{port}", **options))


def numbered(first, last):
    return [b'{"summary": "%06d", "x": "%s"}' % (n, b"x" * 400) for n in range(first, last)]


def test_unread_events_are_repeated(rsyslog):
    """What a receiver had not read when it was killed is sent again to the next one."""
    with contextlib.closing(SyslogTransport(rsyslog.url("tcp"))) as transport:
        transport.send([EVENT])
        assert rsyslog.events(1) == [EVENT]
        rsyslog.pause()
        transport.send(numbered(0, 100))
        rsyslog.kill()
        rsyslog.start()
        transport.send(numbered(100, 101))
        assert rsyslog.events(103)[1:] == [EVENT, *numbered(0, 101)]


def test_nothing_is_repeated_after_an_orderly_end():
    """A receiver that closes has read everything: the next connection begins with what is new."""
    with StreamReceiver() as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        with contextlib.closing(SyslogTransport(url)) as transport:
            transport.send([EVENT])
            assert wait_for(lambda: receiver.received and receiver.received[0])
            receiver._open[0].shutdown(socket.SHUT_WR)
            transport.send([OTHER])
            assert wait_for(lambda: len(receiver.received) == 2 and receiver.received[1])
        assert [event_of(frame) for frame in frames(receiver.received[1])] == [OTHER]


def test_the_tail_is_bounded():
    """No more is kept for a repeat than the documentation says, and the last batch in any case."""
    with StreamReceiver() as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        with contextlib.closing(SyslogTransport(url)) as transport:
            for _ in range(8):
                transport.send(numbered(0, 1000))
            channel = transport._channel
            assert channel._tail_bytes == sum(map(len, channel._tail)) <= TAIL_BYTES
            transport.send([b"x" * 100_000] * 11)  # more than TAIL_BYTES
            assert len(channel._tail) == 1


def test_a_receiver_that_does_not_read():
    """A batch that is not taken within the time-out is perhaps delivered, and is kept."""
    with StreamReceiver(reads=False) as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        with contextlib.closing(SyslogTransport(url, write_timeout=0.3)) as transport:
            began = time.monotonic()
            with pytest.raises(TransportError, match="connection failed: timed out") as caught:
                transport.send([b"x" * 100_000] * 500)
            assert (caught.value.retryable, caught.value.ambiguous) == (True, True)
        assert time.monotonic() - began < 20


def test_closing_repeats_what_was_not_read(rsyslog):
    """A receiver that was killed before the end gets what it had not read from the last batches."""
    transport = SyslogTransport(rsyslog.url("tcp"))
    transport.send([EVENT])
    assert rsyslog.events(1) == [EVENT]
    rsyslog.pause()
    transport.send([OTHER])
    rsyslog.kill()
    rsyslog.start()
    transport.close()
    assert rsyslog.events(3)[1:] == [EVENT, OTHER]


def test_closing_waits_for_the_receiver(caplog, monkeypatch):
    """Closing ends when all was read; where it was not, a warning says so, in bounded time."""
    monkeypatch.setattr(connection, "_FAREWELL", 0.5)
    with StreamReceiver(reads=False) as receiver:
        transport = SyslogTransport(f"syslog+tcp://127.0.0.1:{receiver.port}")
        transport.send([EVENT])
        began = time.monotonic()
        transport.close()
        assert 0.4 < time.monotonic() - began < 10
    assert "the receiver did not read everything before the connection ended" in caplog.text
    caplog.clear()
    with StreamReceiver() as receiver:
        transport = SyslogTransport(f"syslog+tcp://127.0.0.1:{receiver.port}")
        transport.send([EVENT])
        transport.close()
        assert receiver.received[0].endswith(EVENT)
    assert caplog.text == ""


def test_a_receiver_that_talks():
    """What a receiver says means nothing, and does not stop the delivery."""
    with StreamReceiver() as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        with contextlib.closing(SyslogTransport(url)) as transport:
            transport.send([EVENT])
            assert wait_for(lambda: receiver._open)
            receiver._open[0].sendall(b"hello\n" * 1000)
            transport.send([OTHER])
        assert len(frames(receiver.received[0])) == 2


def test_killed_under_load(rsyslog):
    """A receiver is killed again and again: nothing is torn, and only what it had read is lost."""
    sink = Sink(rsyslog.url("tcp"), retry=QUICK, linger=0.02)
    count, kills = 0, 3
    for _ in range(kills):
        for event in numbered(count, count + 3000):
            sink.put(event)
        count += 3000
        before = len(rsyslog.messages())
        wait_for(lambda before=before: len(rsyslog.messages()) > before + 100, 10)
        rsyslog.kill()
        rsyslog.start()
    seen = set(rsyslog.events())
    for event in numbered(count, count + 500):
        sink.put(event)
    assert sink.close(30)
    stats = sink.stats()
    assert (stats.sent, stats.delivered, stats.buffered) == (count + 500, 0, 0)
    sent = set(numbered(0, count + 500))
    last = set(numbered(count, count + 500))
    assert wait_for(lambda: last <= set(rsyslog.events()))
    arrived = set(rsyslog.events())
    # rsyslog's own file may have a torn line where it was killed, which is none of ours.
    assert len(arrived - sent) <= kills
    assert arrived >= seen


def test_restarted_in_order(rsyslog):
    """A receiver that is restarted as an administrator does loses nothing."""
    sink = Sink(rsyslog.url("tcp"), retry=QUICK, linger=0.02)
    for part in range(3):
        for event in numbered(part * 1000, part * 1000 + 1000):
            sink.put(event)
        assert sink.flush(10)
        rsyslog.stop()
        rsyslog.start()
    assert sink.close(30)
    assert set(rsyslog.events(3000)) >= set(numbered(0, 3000))


def test_udp_counts_as_sent(rsyslog):
    """What goes over UDP is counted as sent, and nothing as delivered."""
    with Sink(rsyslog.url("udp")) as sink:
        for event in numbered(0, 50):
            sink.put(event)
        assert sink.flush(10)
        stats = sink.stats()
    assert (stats.sent, stats.delivered, stats.buffered) == (50, 0, 0)
    assert sorted(rsyslog.events(50)) == numbered(0, 50)


def test_udp_too_large_is_a_dead_letter(rsyslog):
    """An event that no datagram holds is kept as a dead letter, and never cut."""
    large = json.dumps({"summary": "x" * 70_000}).encode()
    with Sink(rsyslog.url("udp")) as sink:
        sink.put(large)
        sink.put(EVENT)
        assert sink.flush(10)
        assert [letter.event for letter in sink.dead_letters()] == [large]
        assert sink.stats().sent == 1
    assert rsyslog.events(1) == [EVENT]


def test_udp_waits_for_a_receiver():
    """While the host says that nobody is there, events are kept."""
    port = unused_port()
    sink = Sink(f"syslog+udp://127.0.0.1:{port}", retry=QUICK, linger=0.01)
    for event in numbered(0, 20):
        sink.put(event)
    assert wait_for(lambda: sink.stats().failed_attempts > 2)
    assert (sink.stats().sent, sink.stats().buffered) == (0, 20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(10)
        arrived = {event_of(receiver.recv(65_536)) for _ in range(20)}
    assert arrived == set(numbered(0, 20))
    assert sink.close(10)


def test_udp_refusal_repeats_the_batch(datagrams):
    """A refusal says that a datagram was lost, not which one: the whole batch is kept."""
    with to(datagrams) as transport:
        transport.send([EVENT])
        datagrams.close()
        with pytest.raises(TransportError, match="cannot be reached: ") as caught:
            transport.send([EVENT, OTHER])
        assert caught.value.retryable is True


def test_udp_refusal_of_one_event(datagrams):
    """A refusal that comes with the last datagram of a batch is seen with that batch."""
    with to(datagrams) as transport:
        transport.send([EVENT])
        datagrams.close()
        with pytest.raises(TransportError):
            transport.send([EVENT])


@pytest.mark.parametrize("age", [60.0, 0.0])
def test_udp_late_refusal(datagrams, monkeypatch, age):
    """A refusal that came after the last batch is an error of the next one, before it is sent."""
    monkeypatch.setattr(datagrams_module, "_ADDRESS_AGE", age)
    with to(datagrams) as transport:
        transport.send([EVENT])
        port = datagrams.getsockname()[1]
        datagrams.close()
        transport._channel._sock.send(b"x")  # is refused at once, and nobody has looked yet
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
            back.bind(("127.0.0.1", port))
            back.settimeout(10)
            with pytest.raises(TransportError):
                transport.send([OTHER])
            transport.send([OTHER])
            assert event_of(back.recv(65_536)) == OTHER


def test_udp_address_is_asked_for_again(datagrams, monkeypatch):
    """A name that leads elsewhere by now is noticed after a minute."""
    with to(datagrams) as transport:
        transport.send([EVENT])
        first = transport._channel._sock
        transport.send([EVENT])
        assert transport._channel._sock is first
        monkeypatch.setattr(datagrams_module, "_ADDRESS_AGE", 0.0)
        transport.send([EVENT])
        assert transport._channel._sock is not first


def local(path, kind=socket.SOCK_DGRAM):
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, kind)
    receiver.bind(str(path))
    receiver.settimeout(10)
    return receiver


def reading(receiver, count, into):
    def read():
        for _ in range(count):
            into.append(event_of(receiver.recv(65_536)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_local_socket_is_replaced(tmp_path):
    """A daemon that made the socket anew gets what comes next, also while the old one is open."""
    path = tmp_path / "log"
    arrived: list[bytes] = []
    with (
        contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport,
        local(path) as old,
    ):
        reading(old, 1, arrived)
        transport.send([EVENT])
        with local(path) as new:
            thread = reading(new, 1, arrived)
            transport.send([OTHER])
            thread.join(10)
    assert arrived == [EVENT, OTHER]


def test_local_socket_becomes_a_stream(tmp_path):
    """Another daemon may open the socket as a stream."""
    path = tmp_path / "log"
    arrived: list[bytes] = []
    old = local(path)
    with contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport:
        reading(old, 1, arrived)
        transport.send([EVENT])
        old.close()
        path.unlink()
        with StreamReceiver(path) as receiver:
            transport.send([OTHER])
            assert wait_for(lambda: receiver.received[0].endswith(OTHER + b"\0"))


def test_local_daemon_is_away(tmp_path):
    """Without a daemon events are kept; whether its socket is left or not."""
    path = tmp_path / "log"
    with contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport:
        with pytest.raises(TransportError, match="No such file"):
            transport.send([EVENT])
        local(path).close()
        with pytest.raises(TransportError, match="Connection refused") as caught:
            transport.send([EVENT])
        assert (caught.value.retryable, caught.value.ambiguous) == (True, False)
        arrived: list[bytes] = []
        with local(path) as receiver:
            thread = reading(receiver, 1, arrived)
            transport.send([EVENT])
            thread.join(10)
        assert arrived == [EVENT]


@pytest.mark.parametrize("successor", [False, True])
def test_local_daemon_ends_before_it_reads(tmp_path, successor):
    """What a daemon took and did not read when it ended is not counted as sent."""
    path = tmp_path / "log"
    with contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport:
        receiver = local(path)

        def end():
            wait_for(lambda: transport._channel._datagrams._sock is not None)
            time.sleep(0.05)
            with local(path) if successor else contextlib.nullcontext():
                receiver.close()
                ended.wait(10)

        ended = threading.Event()
        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(TransportError) as caught:
            transport.send([EVENT, OTHER])
        ended.set()
        thread.join(10)
    assert caught.value.ambiguous is True


def test_local_daemon_that_is_slow(tmp_path):
    """A daemon that reads nothing holds the sender for the time-out, and nothing counts as sent."""
    path = tmp_path / "log"
    with (
        local(path),
        contextlib.closing(SyslogTransport(f"syslog://{path}", write_timeout=0.2)) as transport,
    ):
        began = time.monotonic()
        with pytest.raises(TransportError, match="timed out") as caught:
            transport.send(numbered(0, 500))  # the kernel holds a handful
        assert time.monotonic() - began < 5
        assert caught.value.retryable is True


def test_local_event_that_does_not_fit(tmp_path):
    """What the kernel takes in no datagram is refused with the reason."""
    path = tmp_path / "log"
    arrived: list[bytes] = []
    with (
        local(path) as receiver,
        contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport,
    ):
        reading(receiver, 1, arrived)
        result = transport.send([b"{" + b" " * 20_000_000 + b"}", EVENT])
        assert list(result.rejected) == [0]
        assert "do not fit into a datagram of the local syslog" in result.rejected[0]


@pytest.mark.parametrize("size", [210_000, 5_000_000])
def test_event_larger_than_a_frame_of_rsyslog(rsyslog, size):
    """Behind it rsyslog would lose everything on this connection: it is a dead letter."""
    large = b'{"x": "' + b"x" * size + b'"}'
    with contextlib.closing(SyslogTransport(rsyslog.url("tcp"))) as transport:
        assert list(transport.send([EVENT, large, OTHER]).rejected) == [1]
        assert list(transport.send([large]).rejected) == [0]
        assert not transport.send([EVENT]).rejected
        assert rsyslog.events(3) == [EVENT, OTHER, EVENT]


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE])
def test_local_event_for_which_there_is_no_buffer(tmp_path, code):
    """Where the send buffers are large, Linux refuses 5 MB so; it must not block the others."""
    path = tmp_path / "log"
    arrived: list[bytes] = []
    with (
        local(path) as receiver,
        contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport,
    ):
        reading(receiver, 2, arrived)
        transport.send([EVENT])
        channel = transport._channel._datagrams
        channel._sock = _NoRoom(channel._sock, code)
        result = transport.send([b"{" + b" " * 5_000_000 + b"}", OTHER])
        assert list(result.rejected) == [0]
        assert wait_for(lambda: [event_of(each) for each in arrived] == [EVENT, OTHER])


def test_local_memory_shortage_is_waited_out(tmp_path):
    """An event that usually fits is kept."""
    path = tmp_path / "log"
    with (
        local(path) as receiver,
        contextlib.closing(SyslogTransport(f"syslog://{path}")) as transport,
    ):
        reading(receiver, 1, [])
        transport.send([EVENT])
        channel = transport._channel._datagrams
        channel._sock = _NoRoom(channel._sock, errno.ENOBUFS, limit=10)
        transport._channel._find_kind = lambda: channel
        channel._connect = lambda sock=channel._sock: sock
        with pytest.raises(TransportError) as caught:
            transport.send([OTHER])
        assert caught.value.retryable is True


class _NoRoom:
    """A socket whose kernel has no buffer for what is large."""

    def __init__(self, sock, code, limit=4_000_000):
        self._sock, self._code, self._limit = sock, code, limit

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def send(self, message):
        if len(message) > self._limit:
            raise OSError(self._code, "no room")
        return self._sock.send(message)


def reset(listener):
    """End the next connection as a process does that is killed before it has read everything."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("is_back", [True, False])
def test_closing_repeats_what_is_left_of_a_lost_connection(caplog, is_back):
    """An attempt between the loss and the end must not make the loss forgotten."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        transport = SyslogTransport(f"syslog+tcp://127.0.0.1:{address[1]}")
        transport.send([EVENT])
        reset(listener)
    with pytest.raises(TransportError, match="no connection"):
        transport.send([OTHER])
    if not is_back:
        transport.close()
        assert "the receiver did not read everything" in caplog.text
        return
    with socket.create_server(address) as listener:
        listener.settimeout(10)
        closing = threading.Thread(target=transport.close)
        closing.start()
        with listener.accept()[0] as connection:
            received = b""
            while data := connection.recv(65_536):
                received += data
        closing.join()
    assert [event_of(frame) for frame in frames(received)] == [EVENT]
    assert not caplog.text
