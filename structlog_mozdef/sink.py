"""The sink: takes rendered events from any thread, and ships them from one of its own."""

from __future__ import annotations

import queue
import threading
import time
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from structlog_mozdef import senders
from structlog_mozdef.buffers.base import FULL, DeadLetter, WhenFull
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.delivery import Courier
from structlog_mozdef.exits import close_at_exit, finalize_in_worker
from structlog_mozdef.fork import reset_after_fork
from structlog_mozdef.options import check_choice, check_number
from structlog_mozdef.reporting import Reporter
from structlog_mozdef.retry import RetryPolicy
from structlog_mozdef.transports.base import Transport
from structlog_mozdef.transports.choose import transport_for_url
from structlog_mozdef.uwsgi import uwsgi_runs_no_threads

# The backlog that a log call cares about; FULL always is.
_NEVER = FULL
_NEWLINE = ord("\n")
#: While the sender is busy, one put of so many gives up the interpreter lock once.
_YIELD_MASK = 63
#: Seconds between two looks of a caller that waits for room or for a flush. Only a lost wake-up
#: ever takes that long.
_LOOK_AGAIN = 0.1


@dataclass(frozen=True)
class Stats:
    """What became of the events of a sink, all read at the same moment.

    ``accepted == delivered + dead_lettered + dropped + buffered`` holds at every moment.

    Attributes:
        accepted: events that `Sink.put` was called with.
        delivered: events that the destination confirmed.
        dead_lettered: events that the destination will never take.
        dropped: events that were lost, all reasons together.
        dropped_by_reason: reason -> events.
        buffered: events that wait, those that are being sent included.
        buffered_bytes: their size.
        oldest_age: seconds that the oldest of them has waited, 128 events behind at most.
        failed_attempts: attempts to deliver that failed.
        last_error: why the last attempt failed; None while deliveries succeed.
    """

    accepted: int
    delivered: int
    dead_lettered: int
    dropped: int
    dropped_by_reason: Mapping[str, int]
    buffered: int
    buffered_bytes: int
    oldest_age: float
    failed_attempts: int
    last_error: str | None


class Sink:
    """Ship events to one destination, in batches, from a background thread.

    The thread starts with the first event, and anew in a forked child. At exit the sink is closed
    within *exit_timeout*. Can be used as a context manager, which closes it.

    Args:
        url_or_transport: ``https://host:8443/events`` or an object that follows
            `structlog_mozdef.transports.base.Transport`.
        spool: not available in this version; None.
        max_events: events that may wait. Default 100,000.
        max_bytes: their size together. Default 64 MiB.
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
        TypeError: for an option that the transport does not know.
    """

    def __init__(
        self,
        url_or_transport: str | Transport,
        spool: None = None,
        *,
        max_events: int = 100_000,
        max_bytes: int = 64 * 1024 * 1024,
        when_full: WhenFull = "drop_newest",
        batch_events: int = 1000,
        batch_bytes: int = 1_000_000,
        linger: float = 0.5,
        retry: RetryPolicy | None = None,
        exit_timeout: float = 5.0,
        **transport_options: Any,
    ) -> None:
        if spool is not None:
            raise ValueError("spool is not available in this version; it must be None")
        check_number("max_events", max_events, least=1, whole=True)
        check_number("max_bytes", max_bytes, least=1, whole=True)
        check_number("batch_events", batch_events, least=1, whole=True)
        check_number("batch_bytes", batch_bytes, least=1, whole=True)
        check_number("linger", linger, least=0)
        check_number("exit_timeout", exit_timeout, least=0)
        check_choice("when_full", when_full, ("drop_newest", "drop_oldest", "block"))
        if retry is not None and not isinstance(retry, RetryPolicy):
            raise ValueError(f"retry is {retry!r}; it must be a RetryPolicy or None")
        self._reporter = Reporter()
        if isinstance(url_or_transport, str):
            self._transport = transport_for_url(url_or_transport, self._reporter, transport_options)
        elif transport_options:
            names = ", ".join(transport_options)
            raise TypeError(f"{names}: such options belong to the transport that was given")
        else:
            self._transport = url_or_transport
        self.exit_timeout = exit_timeout
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._linger = linger
        self._retry = retry or RetryPolicy()
        # A log call wakes the sender when a batch is complete; a smaller buffer never has one.
        self._wake_at = max(1, min(batch_events, max_events // 2))
        self._busy_at = max(self._wake_at * 4, max_events // 8)
        self._begin()
        reset_after_fork(self)
        close_at_exit(self)

    def _begin(self) -> None:
        """All state that belongs to one process."""
        self._buffer = MemoryBuffer(self._max_events, self._max_bytes, self._when_full)
        self._append = self._buffer.append
        self._courier = Courier(
            self._buffer,
            self._transport,
            self._retry,
            self._reporter,
            batch_events=self._batch_events,
            batch_bytes=self._batch_bytes,
        )
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._courier_lock = threading.Lock()
        # Its put is re-entrant: a signal handler may wake the sender while its own thread does.
        self._wakeups: queue.SimpleQueue[None] = queue.SimpleQueue()
        # The backlog from which a log call has more to do than to append.
        self._attention = _NEVER
        self._lingering = False
        self._flush_until = 0
        self._stop_by: float | None = None
        self._had_last_chance = False
        self._progress = threading.Condition()
        self._watchers = 0
        self._reported_drops: dict[str, int] = {}
        self._exit_deadline: float | None = None

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it accepted, and begin anew."""
        self._begin()
        self._transport.after_fork_in_child()

    # The log call: everything below, down to `_wait_for_room`, runs in the caller's thread.

    def put(self, event: bytes) -> None:
        """Take one event: a JSON object as bytes, on one line.

        Never raises and never waits, unless ``when_full="block"`` and the buffer is full. An
        event that is no bytes is dropped and counted.
        """
        if type(event) is not bytes or _NEWLINE in event:
            self._put_odd(event)
            return
        backlog = self._append(event)
        if backlog >= self._attention:
            self._attend(event, backlog)
        if self._thread is None:
            self._start()

    def _put_odd(self, event: Any) -> None:
        if isinstance(event, (bytes, bytearray, memoryview)):
            # Between the tokens of JSON a newline is as good as a blank.
            self.put(bytes(event).replace(b"\n", b" "))
        else:
            self._buffer.drop("not bytes")

    def _attend(self, event: bytes, backlog: int) -> None:
        if backlog == FULL:
            self._wait_for_room(event)
        elif self._lingering:
            self._wake()
        elif not backlog & _YIELD_MASK and type(time.sleep) is types.BuiltinFunctionType:
            # A tight loop of log calls keeps the interpreter lock from the sender, which needs it
            # several times a batch and waits 5 ms for it each time. This hands it over.
            # (Not under gevent, whose sleep is another.)
            time.sleep(0)

    def _wake(self) -> None:
        self._lingering = False
        self._attention = _NEVER
        self._wakeups.put(None)

    def _wait_for_room(self, event: bytes) -> None:
        if senders.is_sender():  # waiting for itself
            self._buffer.drop("buffer full")
            return
        while self._append(event) == FULL:
            if self._thread is None:
                self._start()
                if self._thread is None:  # nobody will make room
                    self._buffer.drop("buffer full")
                    return
            self._wake()
            self._watch(lambda: False, _LOOK_AGAIN)

    def _watch(self, done: Any, timeout: float) -> bool:
        """Wait until *done* or *timeout*; looked at whenever the sender made progress."""
        deadline = time.monotonic() + timeout
        with self._progress:
            self._watchers += 1
        try:
            while not done():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                with self._progress:
                    self._progress.wait(min(left, _LOOK_AGAIN))
        finally:
            with self._progress:
                self._watchers -= 1
        return True

    def _start(self) -> None:
        # Not waited for: who holds it starts the thread, perhaps the very thread that a signal
        # handler interrupted here.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._exit_deadline is not None:
                # A daemon thread could be gone before it has sent anything.
                self._deliver_here(self._exit_deadline)
            elif self._thread is None:
                self._start_thread()
        finally:
            self._starting.release()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="structlog-mozdef-sender", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError as error:
            # The limit is reached, or the interpreter is shutting down. The events wait for the
            # next attempt, at the latest for the exit.
            self._thread = None
            self._reporter.warn("no thread", f"no thread to send from: {error}")
            return
        finalize_in_worker()
        if uwsgi_runs_no_threads():
            self._reporter.warn(
                "uwsgi", "uWSGI runs without enable-threads = true: events wait until the exit"
            )

    # The sender's thread.

    def _run(self) -> None:
        me = threading.current_thread()
        buffer, courier = self._buffer, self._courier
        senders.enter(self._transport.loggers)
        try:
            with self._courier_lock:
                while self._thread is me and not self._may_stop():
                    self._pause(self._step(courier), buffer)
        finally:
            senders.leave()
            if self._thread is me:
                self._thread = None  # the next event starts another
            self._tell_watchers()

    def _step(self, courier: Courier) -> float | None:
        try:
            wait = courier.step()
        except Exception as error:
            self._reporter.warn(
                f"sender {type(error).__name__}", f"unexpected {error!r} while delivering"
            )
            wait = 1.0
        self._report_drops()
        self._tell_watchers()
        return wait

    def _pause(self, wait: float | None, buffer: Any) -> None:
        if wait is None or wait == 0:
            backlog = len(buffer)
            flushing = buffer.settled() < self._flush_until or self._stop_by is not None
            if backlog and (flushing or backlog >= self._wake_at):
                self._attention = self._busy_at
                return
            self._sleep(self._linger)
        else:
            # An outage: nobody needs to wake us for more of the same.
            self._attention = _NEVER
            if self._stop_by is None:
                self._take_wakeup(wait)
            elif time.monotonic() + wait < self._stop_by:
                time.sleep(wait)
            else:
                self._give_up_soon()

    def _give_up_soon(self) -> None:
        """The next attempt would come too late: make one at once, the last."""
        if self._had_last_chance:
            self._stop_by = 0.0
        else:
            self._had_last_chance = True
            self._courier.last_chance()

    def _sleep(self, seconds: float) -> None:
        self._lingering = True
        self._attention = self._wake_at
        if len(self._buffer) >= self._wake_at:  # came in between
            self._lingering = False
        else:
            self._take_wakeup(seconds)
        self._lingering = False
        self._attention = self._busy_at

    def _take_wakeup(self, seconds: float) -> None:
        try:
            self._wakeups.get(timeout=seconds)
        except queue.Empty:
            pass

    def _may_stop(self) -> bool:
        if self._stop_by is None:
            return False
        return not self._buffer or time.monotonic() >= self._stop_by

    def _tell_watchers(self) -> None:
        if self._watchers:
            with self._progress:
                self._progress.notify_all()

    def _report_drops(self) -> None:
        dropped = self._buffer.counts().dropped
        for reason, count in dropped.items():
            new = count - self._reported_drops.get(reason, 0)
            if new:
                self._reported_drops[reason] = count
                self._reporter.warn(f"dropped {reason}", f"{new} events were dropped: {reason}")

    # Flushing and closing.

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was accepted before this call is settled.

        Sends at once, without lingering. In the sender's own thread it does nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where all of it is delivered, a dead letter or dropped.
        """
        mark = self._buffer.position()
        if self._buffer.settled() >= mark:
            return True
        if senders.is_sender():
            return False
        self._flush_until = max(self._flush_until, mark)
        if self._thread is None:
            self._start()
        self._courier.hurry()
        self._wake()
        return self._watch(lambda: self._buffer.settled() >= mark, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Send what is left and end the thread.

        A later event starts a new one: a sink that is closed loses nothing.

        Args:
            timeout: longest wait, in seconds.

        Returns:
            True where nothing is left unsent.
        """
        return self._close(time.monotonic() + timeout)

    def _close(self, deadline: float) -> bool:
        if senders.is_sender():
            return False
        thread = self._thread
        if thread is not None:
            self._had_last_chance = False
            self._stop_by = deadline
            self._courier.hurry()
            self._wake()
            thread.join(max(deadline - time.monotonic(), 0.0) + _LOOK_AGAIN)
            self._stop_by = None
        if self._thread is None:
            # What came in while the thread was ending, or had none to be sent by.
            self._deliver_here(deadline)
        if self._courier_lock.acquire(blocking=False):
            try:
                self._transport.close()
            finally:
                self._courier_lock.release()
        return not self._buffer

    def _deliver_here(self, deadline: float) -> None:
        """Deliver in the calling thread, where no other can be had."""
        left = max(deadline - time.monotonic(), 0.0)
        if senders.is_sender() or not self._courier_lock.acquire(timeout=left):
            return
        senders.enter(self._transport.loggers)
        try:
            while self._buffer:
                if self._courier.last_error is not None and time.monotonic() >= deadline:
                    break
                wait = self._step(self._courier)
                if wait is None or (wait and time.monotonic() + wait >= deadline):
                    break
                time.sleep(wait)
        finally:
            senders.leave()
            self._courier_lock.release()

    def close_at_exit(self, deadline: float) -> None:
        """Close by *deadline* (of ``time.monotonic``); what cannot be sent is reported."""
        self._reporter.to_stderr()
        self._exit_deadline = deadline
        if not self._close(deadline):
            self._reporter.warn(
                "exit", f"{len(self._buffer)} events were not delivered to {self._transport.name}"
            )

    def stats(self) -> Stats:
        """What became of the events so far."""
        counts = self._buffer.counts()
        return Stats(
            accepted=counts.accepted,
            delivered=counts.delivered,
            dead_lettered=counts.dead_lettered,
            dropped=sum(counts.dropped.values()),
            dropped_by_reason=types.MappingProxyType(dict(counts.dropped)),
            buffered=counts.buffered,
            buffered_bytes=counts.buffered_bytes,
            oldest_age=counts.oldest_age,
            failed_attempts=self._courier.failed_attempts,
            last_error=self._courier.last_error,
        )

    def dead_letters(self) -> list[DeadLetter]:
        """The latest events that the destination will never take, with the reasons."""
        return self._buffer.dead_letters()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Sink to {self._transport.name}, {len(self._buffer)} events wait>"
