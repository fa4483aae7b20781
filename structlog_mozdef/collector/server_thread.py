"""uvicorn in a thread of its own: quiet, quick to stop, and ignoring Expect as MozDef does."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import ssl
import threading
from typing import TYPE_CHECKING

import uvicorn

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.collector.api.questions import Questions
from structlog_mozdef.collector.http_app import create_app
from structlog_mozdef.collector.http_protocol import DEFAULT_LIMITS, HttpProtocol, Limits
from structlog_mozdef.exceptions import CollectorError
from structlog_mozdef.process.threads import start_without_signals

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

    from structlog_mozdef.collector.store import Store

# nginx's default. A client must not lose a pooled connection that MozDef would have kept open.
KEEP_ALIVE_SECONDS = 75

_LOGGERS = ("asyncio", "uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error")


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Leave logging alone: it belongs to the application."""


class _Server(uvicorn.Server):
    """uvicorn's server, with a start and a stop that do not wait for its ten polls a second.

    A test suite that runs a collector in each test would spend most of its time in those polls.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        grace: float,
        after_start: Callable[[], None] | None,
        before_stop: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._grace = grace
        self._after_start = after_start
        self._before_stop = before_stop
        self.is_up = threading.Event()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask the server to stop; called by another thread."""
        self.should_exit = True
        if self._loop is not None:
            # The loop is closed already if the server has failed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and set ``is_up``."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._after_start is not None:
            self._after_start()
        self.is_up.set()

    async def main_loop(self) -> None:
        """Wait for the stop. The tick, once a second, updates the Date header."""
        while not await self.on_tick(0):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections at once, and those with half-sent requests after a moment."""
        self._before_stop()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        deadline = Deadline.after(self._grace)
        while connections and not deadline.expired:  # noqa: ASYNC110 - the set has no event
            await asyncio.sleep(0.005)
        for connection in list(connections):
            connection.transport.abort()
        # A handler notices that its client is gone, and ends.
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=self._grace)


class _DropRecordsOfThread(logging.Filter):
    """Drop the records of one thread, except errors.

    The application may use the loggers of uvicorn and asyncio as well, and their levels and
    handlers belong to it. Only what the collector's thread logs through them is dropped.
    """

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread.ident or record.levelno >= logging.ERROR


class ServerThread:
    """The server and its thread.

    Args:
        store: for what is received; the caller closes it after ``stop()``.
        listener: a bound and listening socket.
        ssl_certfile: path of a PEM certificate, or None for plain HTTP.
        ssl_keyfile: path of its private key, or None if it is in ``ssl_certfile``.
        hostname: stored as ``mozdefhostname``, or None for this machine's.
        allowed_hosts: see ``create_app``.
        grace: how long requests that are half sent may delay the stop, in seconds.
        limits: for clients.

    Raises:
        CollectorError: if the certificate cannot be used.
    """

    def __init__(
        self,
        store: Store,
        listener: socket.socket,
        *,
        ssl_certfile: str | os.PathLike[str] | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        hostname: str | None = None,
        allowed_hosts: Collection[str] = (),
        grace: float = 0.3,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._questions = Questions(store)
        app = create_app(self._questions, hostname=hostname, allowed_hosts=allowed_hosts)
        config = _Config(
            app,
            http=functools.partial(HttpProtocol, app.state.record_rejection, limits),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ssl_certfile=None if ssl_certfile is None else os.fspath(ssl_certfile),
            ssl_keyfile=None if ssl_keyfile is None else os.fspath(ssl_keyfile),
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise CollectorError(
                f"The certificate {ssl_certfile!s} cannot be used: {error}."
            ) from error
        self._listener = listener
        after_start = self._questions.start if store.forgets else None
        self._server = _Server(config, grace, after_start, self._questions.stop)
        self._thread = threading.Thread(
            target=self._run, name="structlog-mozdef-collector", daemon=True
        )
        self._filter = _DropRecordsOfThread(self._thread)

    def start(self) -> None:
        """Start, and return when connections are accepted.

        Raises:
            CollectorError: if the server fails; the thread prints the error itself.
        """
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._filter)
        start_without_signals(self._thread)
        self._server.is_up.wait()
        if not self._server.started:
            self.stop()
            raise CollectorError("The collector's server has failed to start.")

    def stop(self) -> None:
        """Stop within a second, whatever connections clients keep open."""
        self._server.stop()
        self._thread.join()
        self._questions.close()
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        finally:
            self._server.is_up.set()
