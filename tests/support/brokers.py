"""RabbitMQ for tests: Debian's own server, on ports and in a folder of its own, as any user.

Nothing of the machine is read or touched: no configuration in /etc, no Erlang cookie of the user,
no port mapper that others use. A broker ends with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

_PROGRAMS = Path("/usr/lib/rabbitmq/bin")
#: Below the ports that the system gives to outgoing connections: one that is free stays free.
_PORTS = range(20_000, 32_000)
#: Seconds. About four are normal on an idle machine.
_START_LIMIT = 90.0
_HELLO = b"AMQP\x00\x00\x09\x01"
#: Runs its arguments until its input ends; then it kills them, itself, and all their children.
_LEASH = 'exec 3<&0; "$@" </dev/null 3<&- & read -r _ <&3; kill -KILL 0'
_names = itertools.count(1)


def free_port() -> int:
    """A port that is free, and that no outgoing connection will be given."""
    for port in random.sample(_PORTS, 500):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Leashed:
    """A process with all its children, killed at the latest when this process ends."""

    def __init__(self, command: list[str], env: dict[str, str], output: Path) -> None:
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _LEASH, "sh", *command],
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to all of them."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def is_stopped(self) -> bool:
        """Whether none of their threads runs any more, after SIGSTOP."""
        for thread in Path("/proc").glob("[0-9]*/task/*/stat"):
            with contextlib.suppress(OSError):  # it has ended
                state, _, group = thread.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self._process.pid and state not in "TZX":
                    return False
        return True

    def kill(self) -> None:
        """Kill all of them at once."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


class PortMapper:
    """Erlang's port mapper for brokers that know of each other; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._process = Leashed(
            ["epmd", "-port", str(self.port), "-address", "127.0.0.1"],
            dict(os.environ),
            folder / "epmd.log",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()


class Broker:
    """One RabbitMQ; a context manager that starts it, and removes all of it in the end.

    Args:
        mapper: of the cluster that it belongs to; None: one of its own.
        joins: a broker whose cluster it joins.
        certificate: a certificate of trustme; it listens for TLS as well, on `tls_port`.
        plugins: names, separated by commas.
        settings: more lines of the configuration.
    """

    def __init__(
        self,
        *,
        mapper: PortMapper | None = None,
        joins: Broker | None = None,
        certificate=None,
        plugins: str = "",
        settings: str = "",
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="broker-"))
        self.port, self.tls_port, self._distribution_port = (free_port() for _ in range(3))
        self.name = f"broker{os.getpid()}x{next(_names)}@localhost"
        self._own_mapper = PortMapper(self.folder) if mapper is None else None
        mapper = mapper or self._own_mapper
        self._speaks_tls = certificate is not None
        assert mapper is not None
        self._process: Leashed | None = None
        config = self.folder / "rabbitmq.conf"
        lines = [
            f"listeners.tcp.1 = 127.0.0.1:{self.port}",
            "log.console = false",
            "log.file.level = info",
            "disk_free_limit.absolute = 1MB",
            "vm_memory_high_watermark.absolute = 1GB",
            settings,
        ]
        if certificate is not None:
            lines += self._tls(certificate)
        if joins is not None:
            lines += [
                "cluster_formation.peer_discovery_backend = classic_config",
                f"cluster_formation.classic_config.nodes.1 = {joins.name}",
                f"cluster_formation.classic_config.nodes.2 = {self.name}",
            ]
        config.write_text("\n".join(lines) + "\n")
        (self.folder / "plugins").write_text(f"[{plugins}].\n")
        (self.folder / "environment").write_text("")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text("structlogmozdef")
        cookie.chmod(0o600)
        self._environment = {
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(mapper.port),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CTL_DIST_PORT_MIN": "32001",
            "RABBITMQ_CTL_DIST_PORT_MAX": "32700",
            # Several of them share two processors with the tests: no busy waiting.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
            " +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _tls(self, certificate) -> list[str]:
        from support.certificates import authority

        server, key, trusted = (self.folder / name for name in ("server.pem", "key.pem", "ca.pem"))
        server.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        certificate.private_key_pem.write_to_path(key)
        authority().cert_pem.write_to_path(trusted)
        return [
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}",
            f"ssl_options.certfile = {server}",
            f"ssl_options.keyfile = {key}",
            f"ssl_options.cacertfile = {trusted}",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = false",
        ]

    @property
    def url(self) -> str:
        return f"amqp://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"amqps://localhost:{self.tls_port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process is not None:
            self._process.kill()
        if self._own_mapper is not None:
            self._own_mapper.__exit__()
        for _ in range(50):  # what was killed may still write for a moment
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.1)

    def start(self, *, wait: bool = True) -> None:
        """Start it, or restart it on the same data."""
        self._process = Leashed(
            [str(_PROGRAMS / "rabbitmq-server")], self._environment, self.folder / "output.log"
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers, and listens for TLS where it shall: it opens that port later."""
        deadline = time.monotonic() + _START_LIMIT
        while not (self.answers() and (self._listens_for_tls() or not self._speaks_tls)):
            if time.monotonic() > deadline:
                paths = [*self.folder.glob("*.log"), *self.folder.glob("log/*.log")]
                logs = [path.read_text(errors="replace")[-4000:] for path in paths]
                raise AssertionError("the broker does not start:\n" + "\n".join(logs))
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether it greets a client that speaks AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(_HELLO)
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _listens_for_tls(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.tls_port), timeout=5).close()
            return True
        return False

    def sync(self) -> None:
        """Have what was declared written to the disk, which it does itself some seconds later."""
        self.control("eval", "catch mnesia:sync_log(), ok.")

    def kill(self) -> None:
        """Kill it with SIGKILL; its data stay."""
        assert self._process is not None
        self._process.kill()

    def pause(self) -> None:
        """Let it do nothing until `resume`; its connections stay."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        while not self._process.is_stopped():
            time.sleep(0.01)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.signal(number)

    def log(self) -> str:
        """What it has logged so far."""
        return "".join(path.read_text() for path in (self.folder / "log").glob("*.log"))

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl``."""
        command = [str(_PROGRAMS / "rabbitmqctl"), "--quiet", *arguments]
        finished = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=110
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


class Queue:
    """MozDef's exchange and a queue, as its worker declares them; a context manager.

    A client of another library than that of the transport looks at what arrives. Each look is a
    connection of its own: the broker may have been killed since the last one.

    Args:
        broker: where to declare them.
        bound: bind the queue to the exchange.
        arguments: of the queue.
    """

    def __init__(self, broker: Broker, *, bound: bool = True, **arguments: object) -> None:
        self.broker = broker
        self._bound = bound
        self._arguments = {name.replace("_", "-"): value for name, value in arguments.items()}

    def __enter__(self) -> Self:
        with self._channel() as channel:
            channel.exchange_declare("eventtask", "direct", durable=True)
            channel.queue_declare("eventtask", durable=True, arguments=self._arguments)
        if self._bound:
            self.bind()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._channel() as channel:
            channel.queue_delete("eventtask")
            channel.exchange_delete("eventtask")

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        import pika

        parameters = pika.ConnectionParameters("127.0.0.1", self.broker.port, heartbeat=0)
        with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
            yield connection.channel()

    def bind(self) -> None:
        with self._channel() as channel:
            channel.queue_bind("eventtask", "eventtask", "eventtask")

    def __len__(self) -> int:
        with self._channel() as channel:
            return channel.queue_declare("eventtask", passive=True).method.message_count

    def purge(self) -> int:
        """Throw away what waits; return the number of messages."""
        with self._channel() as channel:
            return channel.queue_purge("eventtask").method.message_count

    def messages(self) -> list:
        """Read what waits: triples of delivery, properties and body."""
        with self._channel() as channel:
            count = channel.queue_declare("eventtask", passive=True).method.message_count
            if not count:
                return []
            consumer = channel.consume("eventtask", exclusive=True)
            messages = []
            while len(messages) < count:
                # A quorum queue hands out 2000 that are not acknowledged, and no more.
                messages += itertools.islice(consumer, min(1000, count - len(messages)))
                channel.basic_ack(messages[-1][0].delivery_tag, multiple=True)
            return messages

    def bodies(self) -> list[bytes]:
        """Read the bodies of what waits."""
        return [body for _, _, body in self.messages()]


@contextlib.contextmanager
def cluster() -> Iterator[tuple[Broker, Broker, Broker]]:
    """Three brokers that are one: of its copies a quorum queue needs more than a half."""
    with tempfile.TemporaryDirectory() as folder, PortMapper(Path(folder)) as mapper:
        first = Broker(mapper=mapper)
        with (
            first,
            Broker(mapper=mapper, joins=first) as second,
            Broker(mapper=mapper, joins=first) as third,
        ):
            yield first, second, third
