"""Receivers of syslog for tests: rsyslog on free ports, and connections to this process."""

from __future__ import annotations

import contextlib
import errno
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from support.certificates import authority
from support.running import free_port, wait_for

from structlog_mozdef import RetryPolicy

EVENT = b'{"summary": "a"}'
OTHER = b'{"summary": "b"}'
QUICK = RetryPolicy(wait_initial=0.05, wait_max=0.2)

PROGRAM = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"

_CONFIGURATION = """
global(
    workDirectory="{folder}"
    {maximum}
    defaultNetstreamDriver="ossl"
    defaultNetstreamDriverCAFile="{folder}/authority.pem"
    defaultNetstreamDriverCertFile="{folder}/server.pem"
    defaultNetstreamDriverKeyFile="{folder}/server.key"
)
main_queue(queue.type="LinkedList" queue.workerThreads="1")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" sysSock.use="off")
input(type="imudp" address="127.0.0.1" port="{udp}")
input(type="imtcp" address="127.0.0.1" port="{tcp}")
input(type="imtcp" address="127.0.0.1" port="{tls}" streamDriver.name="ossl"
      streamDriver.mode="1" {clients})
input(type="imuxsock" socket="{folder}/log" useSpecialParser="{special}" rateLimit.interval="0")
template(name="line" type="list") {{
    property(name="pri") constant(value="\\t")
    property(name="timereported" dateFormat="rfc3339") constant(value="\\t")
    property(name="hostname") constant(value="\\t")
    property(name="app-name") constant(value="\\t")
    property(name="procid") constant(value="\\t")
    property(name="msgid") constant(value="\\t")
    property(name="structured-data") constant(value="\\t")
    property(name="msg") constant(value="\\n")
}}
if $inputname != "rsyslogd" then action(type="omfile" file="{folder}/messages" template="line")
"""
_ANY_CLIENTS = 'streamDriver.authMode="anon"'
_NAMED_CLIENTS = 'streamDriver.authMode="x509/name" permittedPeer=["{}"]'


@dataclass(frozen=True)
class Message:
    """One message as rsyslog understood it."""

    pri: int
    timestamp: str
    hostname: str
    app_name: str
    procid: str
    msgid: str
    structured_data: str
    msg: str

    @property
    def event(self) -> bytes:
        """The message itself; the form of syslog(3) has a space before it."""
        return self.msg.removeprefix(" ").encode()


class Rsyslog:
    """A running rsyslogd; a context manager.

    Args:
        by: the issuer of its certificate. Default: the authority of the tests.
        names: of that certificate. Default: localhost.
        clients: the name that a client's certificate must have. Default: none is asked for.
        local_parser: the local socket reads what syslog(3) writes, as it does by default.
        maximum: of the size of a message; "": its default.
    """

    def __init__(
        self, *, by=None, names=("localhost",), clients="", local_parser=True, maximum="256k"
    ) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rsyslog-"))
        self.udp, self.tcp, self.tls = free_port(), free_port(), free_port()
        self.socket = self.folder / "log"
        authority().cert_pem.write_to_path(self.folder / "authority.pem")
        issued = (by or authority()).issue_cert(*names)
        (self.folder / "server.pem").write_bytes(
            b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        )
        issued.private_key_pem.write_to_path(self.folder / "server.key")
        (self.folder / "rsyslog.conf").write_text(
            _CONFIGURATION.format(
                folder=self.folder,
                udp=self.udp,
                tcp=self.tcp,
                tls=self.tls,
                clients=_NAMED_CLIENTS.format(clients) if clients else _ANY_CLIENTS,
                maximum=f'maxMessageSize="{maximum}"' if maximum else "",
                special="on" if local_parser else "off",
            )
        )
        self._process = None
        self._read_bytes = 0
        self._messages: list[Message] = []

    def url(self, kind: str) -> str:
        """The address of one of its inputs: udp, tcp, tls or local."""
        if kind == "local":
            return f"syslog://{self.socket}"
        host = "localhost" if kind == "tls" else "127.0.0.1"
        return f"syslog+{kind}://{host}:{getattr(self, kind)}"

    def messages(self) -> list[Message]:
        """What it has written so far; only complete lines."""
        path = self.folder / "messages"
        if path.exists():
            with path.open("rb") as file:
                file.seek(self._read_bytes)
                complete, newline, _ = file.read().rpartition(b"\n")
            self._read_bytes += len(complete + newline)
            for line in complete.decode().split("\n") if newline else ():
                pri, *rest = line.split("\t", 7)
                self._messages.append(Message(int(pri), *rest))
        return list(self._messages)

    def events(self, count: int = 0, timeout: float = 10) -> list[bytes]:
        """The events of its messages, as soon as there are *count* of them."""
        wait_for(lambda: len(self.messages()) >= count, timeout)
        return [message.event for message in self.messages()]

    def start(self) -> None:
        with (self.folder / "errors").open("w") as errors:
            self._process = subprocess.Popen(
                [PROGRAM, "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "pid"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        if not wait_for(self._is_ready, 20):
            self.kill()
            raise AssertionError((self.folder / "errors").read_text())

    def _is_ready(self) -> bool:
        return (
            all(_is_bound(socket.SOCK_STREAM, port) for port in (self.tcp, self.tls))
            and _is_bound(socket.SOCK_DGRAM, self.udp)
            and _accepts_datagrams(self.socket)
        )

    def pause(self) -> None:
        """Let it do nothing from now on, until it ends."""
        self._process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self._process.pid}/task")
        states = [task / "stat" for task in tasks.iterdir()]
        assert wait_for(lambda: all(") T " in state.read_text() for state in states))

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> None:
        """End it in order."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)


def _is_bound(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _accepts_datagrams(path: pathlib.Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class ConnectionReceiver:
    """A receiver of connections in this process; a context manager.

    Args:
        path: of a local socket. Default: TCP on a free port.
        tls: a server context.
        serve: called with each connection, instead of reading from it until it ends.

    Attributes:
        connections: sockets of all connections, in their order.
        received: what came over each connection.
        ends: how each of them that is over ended.
        port: of TCP.
    """

    def __init__(
        self,
        path=None,
        tls: ssl.SSLContext | None = None,
        serve: Callable[[socket.socket], object] | None = None,
    ) -> None:
        self._tls = tls
        self._serve_instead = serve
        self.received: list[bytes] = []
        self.ends: list[str] = []
        self.connections: list[socket.socket] = []
        self._reading = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(str(path) if path else ("127.0.0.1", 0))
        self._listener.listen(16)
        self.port = 0 if path else self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for connection in [self._listener, *self.connections]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _begin(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                self.received.append(b"")
                self._begin(self._serve, connection, len(self.received) - 1)

    def _serve(self, connection: socket.socket, number: int) -> None:
        if self._serve_instead is not None:
            self._serve_instead(connection)
            return
        end = "closed"
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(
                    connection, server_side=True, suppress_ragged_eofs=False
                )
                self.connections.append(connection)
            while self._read(connection, number):
                pass
            connection.close()
        except OSError as error:
            end = type(error).__name__
        self.ends.append(end)

    def _read(self, connection: socket.socket, number: int) -> bool:
        if self._tls is None:
            connection.recv(1, socket.MSG_PEEK)  # waits outside of the lock
        with self._reading if self._tls is None else contextlib.nullcontext():
            data = connection.recv(1_000_000)
            self.received[number] += data
        return bool(data)

    def all_received(self) -> bytes:
        """What came over all connections; waits for a read that has begun."""
        with self._reading:
            return b"".join(self.received)


def keep_open(connection: socket.socket) -> None:
    """Serve a connection by reading nothing from it."""


def reset(connection: socket.socket) -> None:
    """End a connection as a process does that is killed before it has read everything."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def numbered(first: int, last: int) -> list[bytes]:
    """Events of about 430 bytes."""
    return [b'{"summary": "%06d", "x": "%s"}' % (n, b"x" * 400) for n in range(first, last)]


def frames(data: bytes) -> list[bytes]:
    """The messages of a connection with counted octets; fails where one is torn."""
    found = []
    while data:
        count, _, data = data.partition(b" ")
        assert len(data) >= int(count)
        found.append(data[: int(count)])
        data = data[int(count) :]
    return found


def event_of(message: bytes) -> bytes:
    """The event of a message in either form."""
    return message[message.index(b"{") :]
