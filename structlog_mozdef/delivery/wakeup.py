"""Waiting on both sides: the sender's thread for events, and callers for the sender's thread.

A log call only looks at `Wakeup.threshold`: from that backlog on it has more to do than to append.
The thread sets it, and so does the caller who wakes the thread:

- 0: there is no thread, and the log call starts one;
- 1: the thread waits for a first event;
- a batch: the thread waits for a batch to fill up, for the linger at most;
- a large backlog: the thread is busy, and log calls that outrun it give way to it;
- `FULL`: nothing can be done for the thread; it was woken, or waits for an outage to end.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

from structlog_mozdef._deadline import LONGEST_WAIT, Deadline
from structlog_mozdef.buffers.base import FULL, Buffer
from structlog_mozdef.delivery.shutdown import Shutdown

#: While the thread is busy, one log call of so many hands over the interpreter lock.
_YIELD_MASK = 63


@dataclass(frozen=True)
class Batching:
    """When events are sent.

    Attributes:
        events: number of events that makes a batch complete.
        size_bytes: their size that does.
        linger: seconds that an event waits for others to be sent with.
        yield_threshold: a backlog that the thread should be given a chance to work off.
    """

    events: int
    size_bytes: int
    linger: float
    yield_threshold: int


@dataclass(frozen=True)
class SenderTimings:
    """Times of a sender's thread that nobody needs to set, in seconds.

    Attributes:
        idle: how long it waits for a first event. Only a lost wake-up lasts that long.
        poll_interval: between two looks of a caller that waits for room or for a flush: what it
            waits for may need a new thread. And between two of the thread at a spool that cannot be
            read, for its disk has errors.
        closing: how long closing a connection may take where no time is left.
        restart_interval: until the next attempt to start a thread where none could be had.
    """

    idle: float = 10.0
    poll_interval: float = 0.1
    closing: float = 0.2
    restart_interval: float = 1.0


class Wakeup:
    """When the sender's thread sleeps, and what wakes it.

    Attributes:
        threshold: the backlog at which `Sink.put` must call `SenderThread.after_append`.
        is_lingering: whether the thread waits for events.
    """

    def __init__(
        self, buffer: Buffer, batching: Batching, timings: SenderTimings, shutdown: Shutdown
    ) -> None:
        self._buffer = buffer
        self._batching = batching
        self._idle = timings.idle
        self._shutdown = shutdown
        self.threshold = 0
        self.is_lingering = False
        # Its put is re-entrant: a signal handler may wake the thread while its own thread does.
        self._signals: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._was_idle = False
        self._flush_requested = False
        self._flush_until = 0

    # In the caller's thread.

    def wake(self) -> None:
        """Wake the thread; other log calls need not wake it as well."""
        self.is_lingering = False
        self.threshold = FULL
        self._signals.put(None)

    def request_flush(self) -> None:
        """Have all that waits now sent without a linger, once the thread is awake."""
        self._flush_requested = True

    def yield_to_thread(self, backlog: int) -> None:
        """Hand over the interpreter lock, once in a while.

        A tight loop of log calls keeps it from the thread, which needs it several times a batch
        and waits 5 ms for it each time. (Not under gevent, whose sleep is another.)
        """
        if not backlog & _YIELD_MASK and type(time.sleep) is types.BuiltinFunctionType:
            time.sleep(0)

    def renew(self) -> None:
        """Prepare for a new thread: what gevent replaces can have changed since the last one."""
        self._signals = queue.SimpleQueue()

    # In the sender's thread.

    def is_busy(self) -> None:
        """Note that the thread works."""
        self.threshold = self._batching.yield_threshold

    def wait_for_retry(self, seconds: float) -> None:
        """Sleep for *seconds*, or until woken, while nobody needs to wake us for more events."""
        self.threshold = FULL
        self._sleep(seconds)

    def wait_for_more(self, seconds: float) -> None:
        """Sleep for *seconds* as well, but for new events: those that wait are not due."""
        linger, batch = self._batching.linger, self._batching.events
        more = batch if linger else 1
        seconds = min(seconds, linger or seconds)
        self._sleep_until(len(self._buffer) + more, seconds, were_tried=True)
        self.is_busy()

    def wait_for_events(self) -> None:
        """Sleep until a batch is complete, its linger is over, or something else is to be sent."""
        if self._flush_requested:
            self._flush_requested = False
            self._flush_until = self._buffer.appended_count()
        linger, batch = self._batching.linger, self._batching.events
        backlog = len(self._buffer)
        if backlog:
            self._was_idle = False
            if not self._is_complete(backlog) and not self._is_urgent():
                self._sleep_until(batch, linger)
        elif self._was_idle or not linger:
            self._sleep_until(1, min(self._idle, self._buffer.rescan_interval))
            self._was_idle = False
            self._sleep_until(batch, linger)
        else:
            # More is likely to follow: the first event of it need not wake the thread.
            self._was_idle = True
            self._sleep_until(batch, linger)
        self.is_busy()

    def _is_complete(self, backlog: int) -> bool:
        return (
            backlog >= self._batching.events
            or self._buffer.size_bytes() >= self._batching.size_bytes
        )

    def _is_urgent(self) -> bool:
        return self._shutdown.is_requested() or self._buffer.settled_count() < self._flush_until

    def _sleep_until(self, backlog: int, seconds: float, *, were_tried: bool = False) -> None:
        """Sleep until so many events wait, for a flush or a stop, or for *seconds*.

        Where all that wait *were_tried*, only a flush or a stop that comes now wakes us.
        """
        self.is_lingering = True
        self.threshold = backlog
        # Looked at after the two are set: who comes later wakes us.
        is_awaited = self._flush_requested or self._shutdown.is_requested()
        is_awaited = is_awaited and not were_tried
        if seconds and len(self._buffer) < backlog and not is_awaited:
            self._sleep(seconds)
        self.is_lingering = False

    def _sleep(self, seconds: float) -> None:
        try:
            self._signals.get(timeout=min(seconds, LONGEST_WAIT))
            while True:  # several for the same cause
                self._signals.get_nowait()
        except queue.Empty:
            pass


class Waiters:
    """Callers that wait in `wait_for` until something is done; the thread calls `notify_all`.

    There is no lock that an interrupted caller could keep: each one waits for a lock of its own,
    that is held until somebody releases it. (A queue's ``get`` would wait forever, up to Python
    3.12, where a signal handler interrupts it and lasts beyond its timeout.)
    """

    def __init__(self) -> None:
        self._waiting: list[threading.Lock] = []

    def wait_for(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """Wait until *done*, or until *deadline*.

        Returns:
            Whether it is done.
        """
        signal = threading.Lock()
        signal.acquire()
        try:
            self._waiting.append(signal)
            while not done():
                left = deadline.left()
                if not left:
                    return False
                signal.acquire(timeout=left)
            return True
        finally:
            if signal in self._waiting:
                self._waiting.remove(signal)

    def notify_all(self) -> None:
        """Make all that wait look again. Costs next to nothing where nobody does."""
        for signal in list(self._waiting):
            with contextlib.suppress(RuntimeError):  # it is released already
                signal.release()
