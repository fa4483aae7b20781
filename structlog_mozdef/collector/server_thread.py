"""uvicorn in a thread of its own: quiet, quick to stop, and as deaf to Expect as MozDef."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from structlog_mozdef.collector.http_app import create_app
from structlog_mozdef.exceptions import CollectorError

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

    from structlog_mozdef.collector.store import Store

# nginx's default. A client must not lose a pooled connection that MozDef would have kept.
KEEP_ALIVE_SECONDS = 75

# How long requests that are half sent may hold up the stop, in seconds.
_GRACE_SECONDS = 0.3

_LOGGERS = ("asyncio", "uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error")


class _ConnectionWithoutContinue(h11.Connection):
    @property
    def they_are_waiting_for_100_continue(self) -> bool:
        """False: MozDef never answers ``Expect: 100-continue``."""
        return False


class _Protocol(H11Protocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _ConnectionWithoutContinue(h11.SERVER)


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Leave logging alone: it belongs to the application."""


class _Server(uvicorn.Server):
    """uvicorn's server, but started and stopped at once: it polls ten times a second itself.

    A test suite that runs a receiver in each test would spend most of its time in those polls.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask it to stop, from another thread."""
        self.should_exit = True
        if self._loop is not None:
            # The loop is closed already where the server has failed.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and tell the thread that waits for it."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        """Wait for the stop; the tick, once a second, renews the Date header."""
        while not await self.on_tick(0):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close idle connections at once, and those of half-sent requests after a moment."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        deadline = time.monotonic() + _GRACE_SECONDS
        while connections and time.monotonic() < deadline:  # noqa: ASYNC110 - the set has no event
            await asyncio.sleep(0.005)
        for connection in list(connections):
            connection.transport.abort()
        # A handler whose client is gone notices it and ends.
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE_SECONDS)


class _OtherThreads(logging.Filter):
    """Pass the records of all threads but one, errors excepted.

    The loggers of uvicorn and asyncio may be in use by the application as well, and their levels
    and handlers are its own. Only what the receiver's thread says through them is held back.
    """

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread.ident or record.levelno >= logging.ERROR


class ServerThread:
    """The server and its thread.

    Args:
        store: where arrivals go; the caller closes it after ``stop()``.
        listener: a bound and listening socket.
        ssl_certfile: path of a PEM certificate, or None for plain HTTP.
        ssl_keyfile: path of its private key, or None where it is in ``ssl_certfile``.
        hostname: stored as ``mozdefhostname``, or None for this machine's.
        allowed_hosts: see ``create_app``.

    Raises:
        CollectorError: where the certificate cannot be used.
    """

    def __init__(
        self,
        store: Store,
        listener: socket.socket,
        *,
        ssl_certfile: str | os.PathLike[str] | None,
        ssl_keyfile: str | os.PathLike[str] | None,
        hostname: str | None,
        allowed_hosts: Collection[str],
    ) -> None:
        config = _Config(
            create_app(store, hostname=hostname, allowed_hosts=allowed_hosts),
            http=_Protocol,
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
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="mozdef-collector", daemon=True)
        self._filter = _OtherThreads(self._thread)

    def start(self) -> None:
        """Start, and return when connections are accepted.

        Raises:
            CollectorError: where the server fails; the error itself is printed by the thread.
        """
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._filter)
        self._thread.start()
        self._server.is_up.wait()
        if not self._server.started:
            self.stop()
            raise CollectorError("The server of the receiver has failed to start.")

    def stop(self) -> None:
        """Stop within a second, whatever connections clients keep."""
        self._server.stop()
        self._thread.join()
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        finally:
            self._server.is_up.set()
