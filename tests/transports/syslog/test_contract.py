"""Syslog keeps the promises of the contract, whatever carries it; rsyslog is the receiver."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import tempfile

import pytest
from support.certificates import authority_file
from support.receivers import unused_port
from support.syslog_servers import ConnectionReceiver, Rsyslog, event_of, keep_open
from support.transport_contract import EVENTS, TransportContract

from structlog_mozdef.transports.syslog import SyslogTransport

pytestmark = pytest.mark.rsyslog


@pytest.fixture(scope="module", autouse=True)
def rsyslog():
    with Rsyslog() as server:
        SyslogContract.server = server
        yield server


class SyslogContract(TransportContract):
    """Events to one of the inputs of rsyslog."""

    server: Rsyslog
    kind = ""

    def options(self):
        return {}

    @contextlib.contextmanager
    def working(self):
        before = len(self.server.messages())
        sent = 0
        with contextlib.closing(
            SyslogTransport(self.server.url(self.kind), max_message_bytes=200_000, **self.options())
        ) as transport:
            send = transport.send

            def counting(events):
                nonlocal sent
                result = send(events)
                sent += len(events) - len(result.rejected)
                return result

            transport.send = counting
            yield transport, lambda: self.server.events(before + sent)[before:]
            self.server.events(before + sent)  # or the next test would find them

    @contextlib.contextmanager
    def unreachable(self):
        url = f"syslog+{self.kind}://127.0.0.1:{unused_port()}"
        with contextlib.closing(SyslogTransport(url)) as transport:
            yield transport


class TestUDP(SyslogContract):
    """One datagram each."""

    kind = "udp"

    @contextlib.contextmanager
    def working(self):
        # Datagrams may overtake each other, even within a machine: their order is not promised.
        with super().working() as (transport, arrived):
            yield transport, lambda: sorted(arrived())

    @pytest.mark.parametrize("text", ["", "\u65e5\u672c\U0001f600", 'quote " backslash \\'])
    def test_bytes_are_not_changed(self, text):
        """What fits into a datagram arrives as it is."""
        super().test_bytes_are_not_changed(text)

    def test_what_does_not_fit_is_rejected(self):
        """An event that fits into no datagram is rejected with the reason; the others arrive."""
        long = json.dumps({"summary": "x" * 90_000}).encode()
        with self.working() as (transport, _):
            before = len(self.server.messages())
            result = transport.send([EVENTS[0], long, EVENTS[1]])
            assert list(result.rejected) == [1]
            assert "do not fit into a datagram of UDP, which holds 65507" in result.rejected[1]
            assert self.server.events(before + 2)[before:] == EVENTS[:2]


class TestTCP(SyslogContract):
    """Messages after their length."""

    kind = "tcp"

    @contextlib.contextmanager
    def broken(self):
        with ConnectionReceiver(serve=socket.socket.close) as receiver:
            url = f"syslog+tcp://127.0.0.1:{receiver.port}"
            with contextlib.closing(SyslogTransport(url)) as transport:
                yield transport


class TestTCPWithNewlines(SyslogContract):
    """Messages on lines."""

    kind = "tcp"

    def options(self):
        return {"framing": "newline"}


class TestTLS(SyslogContract):
    """Messages after their length, over TLS."""

    kind = "tls"

    def options(self):
        return {"verify": self.server.folder / "authority.pem"}

    @contextlib.contextmanager
    def broken(self):
        with (
            ConnectionReceiver() as plain,
            contextlib.closing(
                SyslogTransport(f"syslog+tls://localhost:{plain.port}", connect_timeout=0.3)
            ) as transport,
        ):
            yield transport


class TestLocalDatagrams(SyslogContract):
    """The local socket as daemons open it."""

    kind = "local"

    @contextlib.contextmanager
    def broken(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver,
        ):
            receiver.bind(f"{folder}/log")  # and is never read from
            with contextlib.closing(
                SyslogTransport(f"syslog://{folder}/log", write_timeout=0.1)
            ) as transport:
                yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with contextlib.closing(SyslogTransport("syslog:///no/such/socket")) as transport:
            yield transport


class TestLocalConnection(TransportContract):
    """A local socket for connections, as some daemons open it."""

    @contextlib.contextmanager
    def working(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            ConnectionReceiver(f"{folder}/log") as receiver,
        ):
            transport = SyslogTransport(f"syslog://{folder}/log", max_message_bytes=200_000)

            def arrived():
                # The transport returns when everything was read.
                messages = receiver.all_received().split(b"\0")[:-1]
                return [event_of(message) for message in messages]

            with contextlib.closing(transport):
                yield transport, arrived

    @contextlib.contextmanager
    def broken(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            ConnectionReceiver(f"{folder}/log", serve=keep_open),
            contextlib.closing(
                SyslogTransport(f"syslog://{folder}/log", write_timeout=0.1)
            ) as transport,
        ):
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with tempfile.TemporaryDirectory() as folder:
            with socket.socket(socket.AF_UNIX) as gone:
                gone.bind(f"{folder}/log")
            with contextlib.closing(SyslogTransport(f"syslog://{folder}/log")) as transport:
                yield transport


def test_nobody_confirms(rsyslog):
    """Syslog has no acknowledgement, whatever carries it: events count as sent."""
    bundle = authority_file(pathlib.Path(rsyslog.folder))
    transports = [
        SyslogTransport(rsyslog.url(kind), **({"verify": bundle} if kind == "tls" else {}))
        for kind in ("udp", "tcp", "tls", "local")
    ]
    assert [transport.confirms for transport in transports] == [False] * 4
