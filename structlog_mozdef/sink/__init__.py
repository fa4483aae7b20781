"""The sink: accepts rendered events from any thread, and ships them from one of its own.

Before: `structlog_mozdef.logger` and `structlog_mozdef.handler` call `Sink.put`. After: the event
waits in one of `structlog_mozdef.buffers`, and `structlog_mozdef.delivery` ships it.

- `Sink` is below. `stats`: `Stats`, what became of its events.
"""

from __future__ import annotations

import os
import sys
import time
import types
from typing import Any, Self

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._validate import check_choice, check_number
from structlog_mozdef.buffers.base import Buffer, DeadLetter, SyncMode, WhenFull
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.delivery.worker import LONGEST_WAIT, SenderThread
from structlog_mozdef.process.exit import close_at_exit
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.sink.stats import Stats
from structlog_mozdef.transports.base import Transport
from structlog_mozdef.transports.registry import transport_for_url

__all__ = ["Sink", "Stats"]

_NEWLINE = ord("\n")
_MEMORY_EVENTS = 100_000
_MEMORY_BYTES = 64 * 1024 * 1024
_SPOOL_BYTES = 1024 * 1024 * 1024
_NO_LIMIT = sys.maxsize


class Sink:
    """Ship events to one destination, in batches, from a background thread.

    The thread starts with the first event, and anew in a forked child. At exit the sink is closed
    within *exit_timeout*. Can be used as a context manager, which closes it.

    Args:
        url_or_transport: ``https://host:8443/events`` or an object that follows
            `structlog_mozdef.transports.base.Transport`.
        spool: a folder in which events wait, so that they survive the process; None: in memory.
            It is made where it is missing, is used by any number of processes, and serves one
            destination. See `structlog_mozdef.buffers.spool`.
        sync: when spooled events are forced to the disk, for a crash of the machine: "interval"
            (default, once a second), "always" (before the log call returns) or "never".
        max_events: events that may wait. Default 100,000 in memory, no limit in a spool.
        max_bytes: their size together. Default 64 MiB in memory, 1 GiB in a spool.
        when_full: "drop_newest" (default), "drop_oldest", or "block": the log call waits.
        batch_events: most events that are sent together. Default 1000.
        batch_bytes: most bytes that are sent together. Default 1,000,000.
        linger: seconds that an event waits for others to be sent with. Default 0.5.
        retry: when to try again.
        exit_timeout: seconds that the end of the process may take. Default 5.
        transport_options: passed on to the transport of the URL (``verify``, ``cert``, ``auth``,
            ``headers``, ``proxies``, ``bulk``, ...: see `HTTPTransport`).

    Raises:
        ValueError: for a URL or an option that cannot work.
        SpoolError: for a spool folder that cannot be used.
        TypeError: for an option that the transport does not know.
    """

    def __init__(
        self,
        url_or_transport: str | Transport,
        spool: str | os.PathLike[str] | None = None,
        *,
        sync: SyncMode = "interval",
        max_events: int | None = None,
        max_bytes: int | None = None,
        when_full: WhenFull = "drop_newest",
        batch_events: int = 1000,
        batch_bytes: int = 1_000_000,
        linger: float = 0.5,
        retry: RetryPolicy | None = None,
        exit_timeout: float = 5.0,
        **transport_options: Any,
    ) -> None:
        if spool is not None and (not isinstance(spool, (str, os.PathLike)) or not str(spool)):
            raise ValueError(f"spool is {spool!r}; it must be the path of a folder, or None")
        check_choice("sync", sync, ("interval", "always", "never"))
        if max_events is not None:
            check_number("max_events", max_events, minimum=1, integer=True)
        if max_bytes is not None:
            check_number("max_bytes", max_bytes, minimum=1, integer=True)
        check_number("batch_events", batch_events, minimum=1, integer=True)
        check_number("batch_bytes", batch_bytes, minimum=1, integer=True)
        check_number("linger", linger, minimum=0)
        check_number("exit_timeout", exit_timeout, minimum=0)
        check_choice("when_full", when_full, ("drop_newest", "drop_oldest", "block"))
        if retry is not None and not isinstance(retry, RetryPolicy):
            raise ValueError(f"retry is {retry!r}; it must be a RetryPolicy or None")
        self._own_log = RateLimitedLogger()
        if isinstance(url_or_transport, str):
            self._transport = transport_for_url(url_or_transport, self._own_log, transport_options)
        elif not callable(getattr(url_or_transport, "send", None)):
            raise ValueError(
                f"url_or_transport is {url_or_transport!r}; it must be a URL or a transport"
            )
        elif transport_options:
            names = ", ".join(transport_options)
            raise TypeError(f"{names}: such options belong to the transport that was given")
        else:
            self._transport = url_or_transport
        self.exit_timeout = min(exit_timeout, LONGEST_WAIT)
        self._max_events = max_events or (_MEMORY_EVENTS if spool is None else _NO_LIMIT)
        self._max_bytes = max_bytes or (_MEMORY_BYTES if spool is None else _SPOOL_BYTES)
        self._when_full = when_full
        self._sync = sync
        self._spool_folder: Any = None
        if spool is not None:
            # Loaded only where it is used, by whoever configures.
            from structlog_mozdef.buffers.spool.folder import SpoolFolder

            self._spool_folder = SpoolFolder(spool, self._transport.name)
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._linger = linger
        self._retry = retry or RetryPolicy()
        self._begin()
        reset_after_fork(self)
        close_at_exit(self)
        if spool is not None:
            self._sender_thread.start()  # others may have left something to deliver

    def _begin(self) -> None:
        """Make all that belongs to one process."""
        self._buffer = self._new_buffer()
        self._append = self._buffer.append
        self._dispatcher = Dispatcher(
            self._buffer,
            self._transport,
            self._retry,
            self._own_log,
            batch_events=self._batch_events,
            batch_bytes=self._batch_bytes,
        )
        # A small buffer never holds a whole batch.
        batch_events = max(1, min(self._batch_events, self._max_events // 2))
        self._sender_thread = SenderThread(
            self,
            self._buffer,
            self._dispatcher,
            self._transport,
            self._own_log,
            batch_events=batch_events,
            batch_bytes=self._batch_bytes,
            yield_threshold=max(batch_events * 4, min(self._max_events, _MEMORY_EVENTS) // 8),
            linger=self._linger,
        )

    def _new_buffer(self) -> Buffer:
        if self._spool_folder is None:
            return MemoryBuffer(self._max_events, self._max_bytes, self._when_full)
        from structlog_mozdef.buffers.spool import Spool

        return Spool(
            self._spool_folder,
            max_events=self._max_events,
            max_bytes=self._max_bytes,
            when_full=self._when_full,
            sync=self._sync,
            own_log=self._own_log,
        )

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it accepted, and begin anew."""
        self._sender_thread.abandon()
        self._buffer.close_after_fork()
        self._begin()
        self._transport.after_fork_in_child()

    def put(self, event: bytes) -> None:
        """Take one event: a JSON object as bytes, on one line.

        Never raises and never waits, unless ``when_full="block"`` and the buffer is full. An
        event that is no bytes is dropped and counted.
        """
        try:
            if type(event) is not bytes or _NEWLINE in event:
                self._put_odd(event)
                return
            backlog = self._append(event)
        except Exception as error:  # no memory, or no stack, is left
            self._lose(error)
            return
        sender_thread = self._sender_thread
        if backlog >= sender_thread.wake_threshold:
            try:
                sender_thread.after_append(event, backlog)
            except Exception:
                pass  # the event is taken; the next one comes here again

    def _put_odd(self, event: Any) -> None:
        if isinstance(event, (bytes, bytearray, memoryview)):
            # Between the tokens of JSON a newline is as good as a blank.
            self.put(bytes(event).replace(b"\n", b" "))
        else:
            self._buffer.drop("not bytes")

    def _lose(self, error: Exception) -> None:
        try:
            self._buffer.drop(type(error).__name__)
        except Exception:
            pass  # it was not counted, but a log call does not raise

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was accepted before this call is settled.

        Sends at once, without lingering. In the sender's own thread it does nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where all of it is delivered, a dead letter or dropped.
        """
        mark = self._buffer.appended_count()
        return self._buffer.settled_count() >= mark or self._sender_thread.flush(
            mark, min(timeout, LONGEST_WAIT)
        )

    def close(self, timeout: float = 10.0) -> bool:
        """Send what is left and end the thread.

        A later event starts a new one: a sink that is closed loses nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where nothing is left unsent of what was accepted before this call.
        """
        return self._sender_thread.stop(time.monotonic() + min(timeout, LONGEST_WAIT))

    def begin_exit(self, deadline: float) -> None:
        """Send without delay from now on, and report to standard error."""
        self._own_log.to_stderr()
        self._sender_thread.begin_exit(deadline)

    def end_exit(self, deadline: float) -> None:
        """Close by *deadline* (of ``time.monotonic``); what cannot be sent is reported."""
        if not self._sender_thread.stop(deadline) and not self._buffer.durable:
            self._own_log.warn(
                "exit", f"{len(self._buffer)} events were not delivered to {self._transport.name}"
            )

    def stats(self) -> Stats:
        """What became of the events so far."""
        counts = self._buffer.counts()
        confirmed = getattr(self._transport, "confirms", True)
        return Stats(
            accepted=counts.accepted,
            delivered=counts.delivered if confirmed else 0,
            sent=0 if confirmed else counts.delivered,
            dead_lettered=counts.dead_lettered,
            dropped=sum(counts.dropped.values()),
            dropped_by_reason=types.MappingProxyType(dict(counts.dropped)),
            buffered=counts.buffered,
            buffered_bytes=counts.buffered_bytes,
            oldest_age=counts.oldest_age,
            failed_attempts=self._dispatcher.failed_attempts,
            last_error=self._dispatcher.last_error,
        )

    def dead_letters(self) -> list[DeadLetter]:
        """The latest events that the destination will never take, with the reasons."""
        return self._buffer.dead_letters()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        try:
            return f"<Sink to {self._transport.name}, {len(self._buffer)} events wait>"
        except AttributeError:  # in the traceback of a constructor that failed
            return "<Sink that was not made>"
