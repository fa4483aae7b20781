"""The collector as a running server: in a thread for tests, in the foreground for people."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector.store import MEMORY, Row, Store
from structlog_mozdef.exceptions import CollectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from structlog_mozdef.collector.differences import Difference
    from structlog_mozdef.collector.server_thread import ServerThread

INSTALL_HINT = 'The collector needs an extra: pip install "structlog-mozdef[collector]"'

DEFAULT_PORT = 8080

#: With ``keep``, a database in memory has at most about so many bytes.
KEEP_BYTES = 512 * 1024 * 1024

# What ``on_news`` is called after, in seconds: an eye sees no difference.
_NEWS_INTERVAL = 0.1

_PORT_MAX = 65_535


class RunningCollector:
    """A collector that is listening; ``running_collector`` creates it.

    Args:
        base_url: scheme, host and port, without a slash at the end.
        store: what it has received.
    """

    def __init__(self, base_url: str, store: Store) -> None:
        self.base_url = base_url
        self.store = store

    @property
    def url(self) -> str:
        """The URL for events, as MozDef's users know it: ``http://127.0.0.1:PORT/events``."""
        return f"{self.base_url}/events"

    @property
    def bulk_url(self) -> str:
        """The URL for many events in one request: ``http://127.0.0.1:PORT/_bulk``."""
        return f"{self.base_url}/_bulk"

    @property
    def received(self) -> int:
        """Number of events that arrived, including those that MozDef would have lost.

        A body that could not be parsed and was answered with an error counts as one.
        """
        return self.store.received

    @property
    def stored(self) -> int:
        """Number of events that MozDef would have stored."""
        return self.store.stored

    def documents(
        self, *, limit: int | None = None, tag: str | None = None
    ) -> list[dict[str, Any]]:
        """Return what MozDef would have stored, in the order of arrival.

        Args:
            limit: the maximum number; the first ones are returned. Default None: all.
            tag: only documents that have this tag. Default None: all.
        """
        return list(self.store.documents(limit=limit, tag=tag))

    def clear(self) -> int:
        """Remove all events, and count from zero; return how many there were."""
        return self.store.clear()

    def differences(self) -> list[Difference]:
        """Return what MozDef would have lost or changed, and why, in the order of arrival."""
        return list(self.store.differences())

    def rows(self) -> list[Row]:
        """Return everything that arrived, as it was sent, with its document and differences."""
        return list(self.store.rows())


@contextlib.contextmanager
def running_collector(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    database: str | os.PathLike[str] = MEMORY,
    ssl_certfile: str | os.PathLike[str] | None = None,
    ssl_keyfile: str | os.PathLike[str] | None = None,
    hostname: str | None = None,
    allowed_hosts: Collection[str] = (),
    keep: int | None = None,
) -> Iterator[RunningCollector]:
    """Run a collector in a background thread for the duration of a ``with`` block.

    It is ready when the block starts. It does not write to stdout, and does not change the
    configuration of ``logging``. Read the documents inside the block: the database in memory is
    gone after it.

    Args:
        host: name or IP address to listen on. Default 127.0.0.1, which no other machine reaches.
        port: TCP port. Default 0: any free port.
        database: path of a SQLite file, to which events are added. Default: in memory.
        ssl_certfile: path of a PEM certificate; with it the collector speaks only TLS.
        ssl_keyfile: path of its private key. Default: in ``ssl_certfile``.
        hostname: stored as ``mozdefhostname``. Default: this machine's.
        allowed_hosts: names that the Host header may have, in addition to localhost and loopback
            addresses, if the collector listens on loopback; ``"*"`` allows every name. On other
            addresses every name is allowed to programs, and to browsers addresses, names without
            a dot, and these.
        keep: the maximum number of events that are kept: the oldest go first. A database in memory
            then also has at most 512 MB. Default None: all.

    Yields:
        The running collector.

    Raises:
        ImportError: if the extra ``collector`` is not installed.
        CollectorError: if the address, the database or the certificate cannot be used.
    """
    server_thread = _import_server_thread()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        is_bounded = keep is not None and os.fspath(database) == MEMORY
        store = Store(database, keep=keep, keep_bytes=KEEP_BYTES if is_bounded else None)
        stack.callback(store.close)
        address, bound_port = listener.getsockname()[:2]
        thread: ServerThread = server_thread.ServerThread(
            store,
            listener,
            ssl_certfile=ssl_certfile,
            ssl_keyfile=ssl_keyfile,
            hostname=hostname,
            # Other machines may use any name for this one: it cannot be checked.
            allowed_hosts=(*allowed_hosts, host, *(() if _is_loopback(address) else ("*",))),
        )
        thread.start()
        stack.callback(thread.stop)
        scheme = "http" if ssl_certfile is None else "https"
        yield RunningCollector(f"{scheme}://{_in_url(host)}:{bound_port}", store)


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    database: str | os.PathLike[str] = MEMORY,
    *,
    on_start: Callable[[RunningCollector], None] | None = None,
    on_news: Callable[[RunningCollector], None] | None = None,
    **options: Any,
) -> None:
    """Run a collector in the foreground, until SIGINT (Ctrl-C), SIGTERM or SIGHUP.

    Call it in the main thread: only the main thread can handle signals.

    Args:
        host: name or IP address to listen on. Default 127.0.0.1, which no other machine reaches.
        port: TCP port. Default 8080; 0 means any free port.
        database: path of a SQLite file, to which events are added. Default: in memory.
        on_start: called once with the running collector when it is ready.
        on_news: called with it ten times a second, and a last time at the end.
        **options: ``ssl_certfile``, ``ssl_keyfile``, ``hostname``, ``allowed_hosts`` and ``keep``,
            as for ``running_collector``.

    Raises:
        ImportError: if the extra ``collector`` is not installed.
        CollectorError: if the address, the database or the certificate cannot be used.
        KeyboardInterrupt: at a second signal, where ``on_news`` does not return.
    """
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signals = [signal.SIGINT, signal.SIGTERM]
    # Windows has none, and ``nohup`` wants it to be ignored.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        signals.append(hangup)
    previous = [signal.signal(number, on_signal) for number in signals]
    try:
        with running_collector(host=host, port=port, database=database, **options) as collector:
            if on_start is not None:
                on_start(collector)
            if on_news is None:
                stop.wait()
                return
            while not stop.wait(_NEWS_INTERVAL):
                on_news(collector)
            on_news(collector)
    finally:
        for number, handler in zip(signals, previous, strict=True):
            signal.signal(number, handler)


def _import_server_thread() -> Any:
    """Import the module that needs the extra, which is loaded only when it is used."""
    try:
        import starlette  # noqa: F401 - only to see whether it is installed
        import uvicorn  # noqa: F401 - only to see whether it is installed
    except ImportError as error:
        raise ImportError(INSTALL_HINT) from error
    from structlog_mozdef.collector import server_thread

    return server_thread


def _listen(host: str, port: int) -> socket.socket:
    """Bind before the server starts, so that the port is reserved and known."""
    if not 0 <= port <= _PORT_MAX:  # getaddrinfo() would silently use it modulo 65,536
        raise CollectorError(f"The port is {port}; it must be from 0 to {_PORT_MAX}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    try:
        # A collector that is started again must not wait for the connections of the last one.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host: str, port: int, error: Exception) -> CollectorError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CollectorError(f"The collector cannot listen on {_in_url(host)}:{port}: {why}.")


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
