"""The sink: accepts rendered events from any thread, and ships them from one of its own.

Before: `structlog_mozdef.logger` and `structlog_mozdef.handler` call `Sink.put`. After: the event
waits in one of `structlog_mozdef.buffers`, and `structlog_mozdef.delivery` ships it.

- `Sink` is below. `options`: what can be set of it, for type checkers; `config`: the same, checked.
- `parts`: its buffer and its transport; `nowhere`: what it has instead where it has no destination.
- `known`: all sinks of the process; `destination`: the sink that a handler or a tee is given.
- `stats`: `Stats`, what became of its events; `totals`: its last line, at the end of the process.
- `health`: whether it does its work, for readiness probes.
- `capture`: what tests use instead of a destination.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Self, Unpack

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._raised import clears_locals, pass_on, shows_half_made
from structlog_mozdef._validate import check_names, check_number
from structlog_mozdef.buffers.base import (
    NOT_BYTES,
    DeadLetter,
    error_reason,
)
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.delivery.feedback import is_sender
from structlog_mozdef.delivery.wakeup import SenderTimings
from structlog_mozdef.delivery.worker import SenderThread
from structlog_mozdef.process.exit import close_at_exit, close_at_sigterm
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.standard_error import write_line
from structlog_mozdef.processors import held_back
from structlog_mozdef.processors.sequence import StreamEnd
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import capture, known
from structlog_mozdef.sink.config import settings_of, split_options
from structlog_mozdef.sink.health import Health, health_of
from structlog_mozdef.sink.known import sinks
from structlog_mozdef.sink.nowhere import Discarded, is_nowhere
from structlog_mozdef.sink.options import SinkOptions
from structlog_mozdef.sink.parts import new_buffer, transport_of
from structlog_mozdef.sink.stats import Stats, stats_of
from structlog_mozdef.sink.totals import Totals
from structlog_mozdef.transports.base import Transport

__all__ = ["Sink", "Stats", "sinks"]

_NEWLINE = ord("\n")


class Sink:
    """Ship events to one destination, in batches, from a background thread.

    The thread starts with the first event, and again in a forked child. At exit the sink is closed
    within *exit_timeout*. Can be used as a context manager, which closes it.

    Args:
        url_or_transport: ``https://host:8443/events`` or an object that follows
            `structlog_mozdef.transports.base.Transport`. None or an empty URL: events are counted
            as dropped for want of a destination, and nothing is sent, kept, sealed or reported.
        spool: a folder in which events wait, so that they survive the process; None: in memory.
            It is created where it is missing, is used by any number of processes, and serves one
            destination. See `structlog_mozdef.buffers.spool`.
        sync: when spooled events are forced to the disk, for a crash of the machine: "interval"
            (default, once a second), "always" (before the log call returns) or "never".
        max_events: events that may wait. Default 100,000 in memory, no limit in a spool.
        max_bytes: their size together. Default 64 MiB in memory, 1 GiB in a spool.
        max_dead_letter_bytes: of *max_bytes*, what dead letters in a spool may take: half of it at
            most. Default a sixteenth (64 MiB). What is rejected beyond that counts as dropped. In
            memory a hundred dead letters are kept.
        when_full: "drop_newest" (default), "drop_oldest", or "block": the log call waits.
        batch_events: maximum of events that are sent together. Default 1000.
        batch_bytes: maximum of bytes that are sent together. Default 1,000,000.
        linger: seconds that an event waits for others to be sent with. Default 0.5.
        retry: when to try again: a `RetryPolicy`, or a mapping with some of its arguments.
        exit_timeout: seconds that the end of the process may take. Default 5.
        handle_sigterm: whether to close all sinks when SIGTERM ends the process, as at any other
            exit; then the process ends by the signal. Only where the program leaves the signal to
            the system, and the sink is made in the main thread. Default False; see `configure`.
        seal: a key file, by which each event gets a number and a seal: who takes over the machine
            later can neither change nor forge it unseen. See `structlog_mozdef.rendering.sealing`.
            Default None.
        options: these and, for the transport of the URL, ``verify``, ``cert``, ``auth``,
            ``headers``, ``proxies``, ``bulk``, ...: see `HTTPTransport`.

    A sink that nobody holds any more sends what it has accepted, and then ends its thread and
    closes its connection. One that was made of a URL can be pickled: another process gets its own
    sink with the same settings, or makes one. The pickle holds the settings, passwords included.

    Attributes:
        config: the settings, as a `SinkConfig`.
        settings: what it was made with, to compare it.
        own_log: the logger of this sink's own warnings.
        timings: times of the sender's thread, of the class.

    Raises:
        ValueError: for a URL or an option that cannot work.
        SpoolError: for a spool folder that cannot be used.
        TypeError: for an option that does not exist, or not for this transport.
    """

    timings: ClassVar[SenderTimings] = SenderTimings()

    @clears_locals
    def __init__(
        self,
        url_or_transport: str | Transport | None,
        spool: str | os.PathLike[str] | None = None,
        **options: Unpack[SinkOptions],
    ) -> None:
        check_names(options, SinkOptions.__annotations__, "a sink")
        settings: dict[str, Any] = {"spool": spool, **options}
        self.config, transport_options = split_options(settings)
        self.settings = settings_of(url_or_transport, settings)
        self._id = secrets.token_hex(8)
        self.own_log = RateLimitedLogger()
        self._is_alone = False
        self._ends: list[Callable[[], bytes | None]] = []
        self._is_nowhere = is_nowhere(url_or_transport)
        seal = None if self._is_nowhere else self.config.seal
        self._sealer: Any = None
        if seal is not None:
            # Loaded only where it is used, when the program is configured.
            from structlog_mozdef.rendering.sealing.in_order import render_in_order
            from structlog_mozdef.rendering.sealing.key_file import KeyFile
            from structlog_mozdef.rendering.sealing.sealer import Sealer

            self._sealer = Sealer(KeyFile(seal), self.own_log)
            render_in_order()
            self.before_end(StreamEnd(self._sealer.position, (MozDefRenderer(),)))
        self._transport = transport_of(url_or_transport, self.own_log, transport_options)
        self._spool_folder: Any = None
        if self._is_nowhere or capture.takers:
            spool = None  # nothing waits there; and a test leaves the disk alone
        if spool is not None:
            self._spool_folder = self._open_spool(spool, self._transport.name)
        self._begin()
        self._register()
        if self.config.handle_sigterm:
            close_at_sigterm()
        if spool is not None:
            self._sender_thread.start()  # others may have left something to deliver

    def _open_spool(self, spool: str | os.PathLike[str], destination: str) -> Any:
        # Loaded only where it is used, when the program is configured.
        from structlog_mozdef.buffers.spool.folder import SpoolFolder

        return SpoolFolder(spool, destination)

    def _register(self) -> None:
        known.remember(self._id, self)
        self.choose_append()  # once more: a capture that has just begun did not find it
        reset_after_fork(self)
        close_at_exit(self)

    def _begin(self) -> None:
        """Make everything that belongs to one process."""
        self._buffer = new_buffer(self.config, self._spool_folder, self.own_log)
        self._discarded = Discarded()
        append = self._discarded.discard if self._is_nowhere else self._buffer.append
        self._append_now = append if self._sealer is None else self._sealer.appending(append)
        self.choose_append()
        self._dispatcher = Dispatcher(
            self._buffer,
            self._transport,
            self.config.policy,
            self.own_log,
            batch_events=self.config.batch_events,
            batch_bytes=self.config.batch_bytes,
        )
        self._sender_thread = SenderThread(
            self._dispatcher,
            self.config.batching(),
            self.timings,
            self.config.exit_timeout,
        )
        self._wakeup = self._sender_thread.wakeup
        self._totals = Totals(self._dispatcher)

    def choose_append(self) -> None:
        """Let events wait in the buffer, or go to the tests that capture them."""
        self._append = self._append_captured if capture.takers else self._append_now

    def _append_captured(self, event: bytes) -> int:
        # -1 is a backlog that starts and wakes no thread. The last capture may just have ended.
        return -1 if capture.take(event) else self._append_now(event)

    def after_fork_in_child(self) -> None:
        """Replace everything that is the parent's, who sends what it accepted."""
        self._sender_thread.close_after_fork()
        self._buffer.close_after_fork()
        if self._sealer is not None:
            self._sealer.close_after_fork()
        self._begin()
        self._transport.after_fork_in_child()

    @property
    def sealer(self) -> Any:
        """The `Sealer` of events, or None."""
        return self._sealer

    def before_end(self, last_event: Callable[[], bytes | None]) -> None:
        """Accept one more event when the process ends.

        Args:
            last_event: returns the event, or None; see `StreamEnd`.
        """
        self._ends.append(last_event)

    def end_streams(self, patience: float = 1.0) -> None:
        """Accept the events that say that the streams in this sink have ended well.

        The end of the process does so for sinks that are still held, and so do the next call of
        `configure` and the end of a ``with`` block. Call it before `close` where a sink goes with a
        function. What is logged after that is followed by another such event.

        Args:
            patience: longest wait for a `RateLimiter` to tell what it has held back, in seconds.
        """
        if capture.takers:
            return  # to a test, it would be an event that nobody has logged
        held_back.tell(Deadline.after(patience))
        # Sealed events are one stream. The first chain that was named ends it.
        ends = self._ends if self._sealer is None else self._ends[1:2] or self._ends
        for last_event in ends:
            try:
                event = last_event()
            except Exception as error:  # a program's own: the process ends all the same
                pass_on(error)
                continue
            if event is not None:
                self.put(event)

    def put(self, event: bytes) -> None:
        """Accept one event: a JSON object as bytes, on one line.

        Never raises of its own and never waits, unless ``when_full="block"`` and the buffer is
        full. What a signal handler of the program raises meanwhile reaches the program. An event
        that is not ``bytes`` is dropped and counted; empty bytes are no event.
        """
        try:
            if not event or type(event) is not bytes or _NEWLINE in event:
                self._put_odd(event)
                return
            backlog = self._append(event)
        except Exception as error:  # no memory, or no stack, is left
            pass_on(error)
            self._lose(error)
            return
        if backlog >= self._wakeup.threshold:
            try:
                self._sender_thread.after_append(event, backlog)
            except Exception as error:
                pass_on(error)  # the event was appended; the next one comes here again

    def _put_odd(self, event: Any) -> None:
        if isinstance(event, (bytes, bytearray, memoryview)):
            # Between the tokens of JSON a newline is as good as a space.
            line = bytes(event).replace(b"\n", b" ")
            if line.strip():
                self.put(line)
        else:
            self._buffer.drop(NOT_BYTES)

    def _lose(self, error: Exception) -> None:
        try:
            self._buffer.drop(error_reason(error))
        except Exception as another:  # it was not counted, but a log call does not raise
            pass_on(another)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything that was accepted before this call is settled.

        Sends at once, without lingering. In the sender's own thread, and in a signal handler that
        interrupts a change of the buffer or the start of that thread, it does nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where all of it is delivered, a dead letter or dropped.
        """
        self._replace_what_threads_hold()
        deadline = Deadline.after(timeout)
        held_back.tell(deadline)
        appended = self._buffer.appended_count()
        return self._buffer.settled_count() >= appended or self._sender_thread.flush(
            appended, deadline
        )

    def close(self, timeout: float = 10.0) -> bool:
        """Send what is left and end the thread.

        A later event starts another thread: a closed sink loses nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where nothing is left unsent of what was accepted before this call.
        """
        self._replace_what_threads_hold()
        deadline = Deadline.after(timeout)
        held_back.tell(deadline)
        return self._sender_thread.close(deadline)

    @property
    def exit_timeout(self) -> float:
        """Seconds that the end of the process may take."""
        return self.config.exit_timeout

    def is_interrupted(self) -> bool:
        """Return whether a signal handler that calls this must not wait for anything here."""
        return self._sender_thread.is_interrupted()

    def begin_exit(self, deadline: Deadline) -> None:
        """Send without delay from now on, and report to standard error."""
        self.own_log.write_with(write_line)
        self.end_streams(deadline.left())
        self._sender_thread.begin_exit(deadline)

    def end_exit(self, deadline: Deadline) -> None:
        """Close by *deadline*."""
        self._sender_thread.close(deadline)

    def report_exit(self) -> None:
        """Write to standard error how many events did not arrive, and why."""
        self._append = self._append_at_exit
        self._sender_thread.warn_of_losses(at_once=True)
        self._totals.report()

    def _append_at_exit(self, event: bytes) -> int:
        self._replace_what_threads_hold()
        return self._append_now(event)

    def _replace_what_threads_hold(self) -> None:
        """While the interpreter ends, begin again as in a forked child.

        Python has stopped all other threads for good by then, whatever locks they held: a log call
        of a ``__del__`` must not wait for them.
        """
        if not sys.is_finalizing() or self._is_alone:
            return
        self._is_alone = True
        self._totals.report()
        deadline = Deadline.after(self._sender_thread.late_seconds)
        self.after_fork_in_child()
        self._sender_thread.begin_exit(deadline)
        self._sender_thread.report_late = self._totals.report  # nobody may do it later

    def mark_reported(self) -> None:
        """Note that the caller has reported what did not arrive: at exit it is not said again."""
        self._totals.mark_reported()

    def stats(self) -> Stats:
        """Return what became of the events so far."""
        return stats_of(
            self._buffer.counts(),
            self._sender_thread.blocked,
            self._dispatcher,
            discarded=self._discarded.counts(),
        )

    def healthy(self, max_age: float = 60.0) -> Health:
        """Return whether this sink does its work, with the reason if it does not.

        It does not while its buffer is nearly full (nine tenths of ``max_events`` or
        ``max_bytes``), while events wait in memory since its spool cannot be written, and while an
        event has waited for more than *max_age* and delivery fails, or no thread can be started. A
        backlog that is being delivered is healthy. For the readiness probe of a service, where a
        log that is not delivered is a reason to get no work.

        Args:
            max_age: seconds. Default 60.

        Raises:
            ValueError: *max_age* is no number of 0 or more.
        """
        check_number("max_age", max_age, minimum=0)
        beside_spool = 0 if self._spool_folder is None else self._buffer.volatile_count()
        return health_of(
            self.stats(),
            self.config.bounds(),
            max_age,
            beside_spool=beside_spool,
            is_sending=self._sender_thread.exists,
        )

    @property
    def destination(self) -> str:
        """The name of the destination, as it is in warnings: without passwords."""
        return self._transport.name

    def dead_letters(self) -> list[DeadLetter]:
        """Return the latest events that the destination will never accept, with the reasons."""
        return self._buffer.dead_letters()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end_streams()  # at the end of the process nobody may hold this any more
        self.close()
        if self._totals.unsent():
            self.own_log.warn("not sent", self._totals.sentence_on_unsent())

    def __del__(self) -> None:
        # Nobody holds it any more. The thread sends what is left, and ends for good.
        totals = self.__dict__.get("_totals")  # it is missing if the constructor failed
        if totals is None:
            return
        if sys.is_finalizing():
            totals.report()
        elif self._sender_thread.retire(self, self._end_for_good):
            self._register()  # the garbage collector has cleared what refers to it
        else:
            self._end_for_good()

    def _end_for_good(self) -> None:
        # Not by a log handler, whose lock may be held by the code that is interrupted here.
        self._totals.report()
        # Else it is open until the garbage collector finds the spool, whose parts know each other.
        if self._spool_folder is not None and not is_sender():
            self._spool_folder.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., Sink], tuple[str, str | None, dict[str, Any]]]:
        url, options = self.settings
        if url is not None and not isinstance(url, str):
            raise TypeError(
                f"{self!r} cannot be pickled: another process can make only a sink of a URL, and"
                " this one was made of a transport"
            )
        return known.sink_again, (self._id, url, options)

    @shows_half_made
    def __repr__(self) -> str:
        return f"<Sink to {self._transport.name}, {self._totals.waiting()}>"
