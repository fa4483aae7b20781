"""The background thread of a sink, and all that belongs to one process.

A log call only looks at `SenderThread.wake_threshold`: from that backlog on it has more to do than
to append. The thread sets it, and who wakes the thread:

- 0: there is no thread, and the log call starts one;
- 1: the thread waits for a first event;
- a batch: the thread waits for a batch to fill up, for the linger at most;
- a large backlog: the thread is busy, and log calls that outrun it give way to it;
- `FULL`: nothing can be done for the thread, it was woken or waits for an outage to end.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
import types
from collections.abc import Callable

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.base import BUFFER_FULL, FULL, Buffer
from structlog_mozdef.delivery import feedback
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.delivery.loss_report import LossReporter
from structlog_mozdef.delivery.progress import Progress
from structlog_mozdef.process.exit import finalize_in_worker
from structlog_mozdef.process.fork import watch_forks
from structlog_mozdef.process.uwsgi import uwsgi_runs_no_threads
from structlog_mozdef.transports.base import Transport

#: While the thread is busy, one put of so many gives up the interpreter lock once.
_YIELD_MASK = 63
#: Seconds between two looks of a caller that waits for room or for a flush: what it waits for may
#: need a new thread.
_POLL_INTERVAL = 0.1
#: Seconds that the thread waits for a first event. Only a lost wake-up ever takes that long.
_IDLE = 10.0
#: More seconds than anybody waits, and fewer than any function refuses.
LONGEST_WAIT = 1e6
#: Seconds until the next attempt to start a thread where none could be had.
_START_AGAIN = 1.0


class SenderThread:
    """Run *dispatcher* in a thread that is started lazily.

    Args:
        owner: is kept alive while the thread runs, so that it can be closed at exit.
        buffer, dispatcher, transport, own_log: the parts to use.
        batch_events, batch_bytes: what makes a batch complete.
        many_events: a backlog that the thread should be given a chance to work off.
        linger: seconds that an event waits for others to be sent with.
    """

    def __init__(
        self,
        owner: object,
        buffer: Buffer,
        dispatcher: Dispatcher,
        transport: Transport,
        own_log: RateLimitedLogger,
        *,
        batch_events: int,
        batch_bytes: int,
        yield_threshold: int,
        linger: float,
    ) -> None:
        self._owner = owner
        self._buffer = buffer
        self._dispatcher = dispatcher
        self._transport = transport
        self._idle: Callable[[], None] | None = getattr(transport, "idle", None)
        self._own_log = own_log
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._yield_threshold = yield_threshold
        self._linger = linger
        self.wake_threshold = 0
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._starter = 0
        self._start_not_before = 0.0
        self._working = threading.Lock()
        self._progress = Progress()
        # Its put is re-entrant: a signal handler may wake the thread while its own thread does.
        self._wakeups: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lingering = False
        self._was_idle = False
        # Events of dead processes wait.
        self._others_wait = False
        self._flush_asked = False
        self._flush_until = 0
        # Those that wait for the thread to end: their deadlines, and the positions up to which
        # events concern them.
        self._stops: list[tuple[float, int]] = []
        self._had_final_attempt = False
        self._stopped_early = False
        self._exit_deadline: float | None = None
        self._reported_drops: dict[str, int] = {}
        self._losses = LossReporter(buffer)

    def abandon(self) -> None:
        """In a forked child: whatever of the parent's thread lives on here (gevent's does) ends."""
        self._thread = None

    # In the caller's thread.

    def after_append(self, event: bytes, backlog: int) -> None:
        """Do what a log call has to do when the *backlog* reaches `attention`."""
        if backlog == FULL:
            self._wait_for_room(event)
        elif self._thread is None:
            self._start()
        elif self._lingering:
            self._wake()
        elif not backlog & _YIELD_MASK and type(time.sleep) is types.BuiltinFunctionType:
            # A tight loop of log calls keeps the interpreter lock from the thread, which needs it
            # several times a batch and waits 5 ms for it each time. This hands it over.
            # (Not under gevent, whose sleep is another.)
            time.sleep(0)

    def _wake(self) -> None:
        self._lingering = False
        self.wake_threshold = FULL  # other log calls need not wake it as well
        self._wakeups.put(None)
        if self._thread is None:  # it ended meanwhile
            self.wake_threshold = 0

    def _wait_for_room(self, event: bytes) -> None:
        me = threading.get_ident()
        # Who sends, or was interrupted by a signal while it starts the thread, would wait for
        # itself.
        while not feedback.is_sender() and self._starter != me:
            can_ship = self._thread is not None or self._start()
            if self._append_now(event):
                return
            if not can_ship:
                break
            self._wake()
            if self._progress.wait_for(lambda: self._append_now(event), _POLL_INTERVAL):
                return
        self._buffer.drop(BUFFER_FULL)

    def _append_now(self, event: bytes) -> bool:
        return self._buffer.append(event) != FULL

    def _start(self, patience: float = 0.0) -> bool:
        """Start the thread; at exit, deliver without it.

        Args:
            patience: seconds to wait for another thread that is here already.

        Returns:
            Whether there is a thread now, or will be in a moment.
        """
        while True:
            # Log calls do not wait: who holds it starts the thread, and perhaps it is the very
            # thread that a signal handler interrupted here.
            if not self._starting.acquire(timeout=patience):
                return self._starter != threading.get_ident()
            self._starter = threading.get_ident()
            try:
                if self._exit_deadline is None:
                    return self._thread is not None or self._start_thread()
                # A daemon thread could be gone before it has sent anything.
                delivered = self._deliver_here(self._exit_deadline)
            finally:
                self._starter = 0
                self._starting.release()
            # What another thread has put meanwhile was left to this one.
            if not delivered or self._is_done():
                return False

    def _start_thread(self) -> bool:
        now = time.monotonic()
        if now < self._start_not_before:
            return False
        finalize_in_worker()
        watch_forks()
        # Made anew: what gevent replaces can have changed since the last one was made.
        self._wakeups = queue.SimpleQueue()
        try:
            thread = threading.Thread(target=self._run, name="structlog-mozdef-sender", daemon=True)
            self._thread = thread
            thread.start()
        except Exception as error:
            # The limit is reached, or the interpreter is shutting down. The events wait for the
            # next attempt, at the latest for the exit.
            self._thread = None
            self._start_not_before = now + _START_AGAIN
            self._own_log.warn("no thread", f"no thread to send from: {error}")
            return False
        if uwsgi_runs_no_threads():
            self._own_log.warn(
                "uwsgi", "uWSGI runs without enable-threads = true: events wait until the exit"
            )
        return True

    def start(self) -> None:
        """Start the thread before there is an event."""
        self._start()

    def flush(self, mark: int, timeout: float) -> bool:
        """Wait until all events before position *mark* are settled, for *timeout* seconds at most.

        Returns:
            Whether they are.
        """
        deadline = time.monotonic() + timeout
        if feedback.is_sender():
            return self._is_settled(mark)
        self._dispatcher.retry_now()
        while not self._is_settled(mark):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._thread is None and not self._start() and self._thread is None:
                self._deliver_here(deadline, mark)
                return self._is_settled(mark)
            self._flush_asked = True
            self._wake()
            self._progress.wait_for(lambda: self._is_settled(mark), min(left, _POLL_INTERVAL))
        return True

    def _is_settled(self, mark: int) -> bool:
        return self._buffer.settled_count() >= mark

    def begin_exit(self, deadline: float) -> None:
        """Send without delay, and end by *deadline*. Does not wait."""
        self._exit_deadline = deadline
        self._stops.append((deadline, sys.maxsize))
        self._dispatcher.retry_now()
        self._wake()

    def stop(self, deadline: float) -> bool:
        """Send what waits and end the thread by *deadline*, of ``time.monotonic``.

        Returns:
            Whether nothing is left unsent of what was accepted before this call.
        """
        if feedback.is_sender():
            return False
        self._tell_losses(final_attempt=True)
        mark = self._buffer.appended_count()
        # Who goes on logging meanwhile must not keep this from ending, except at exit, where
        # nobody comes after.
        until = mark if self._exit_deadline is None else sys.maxsize
        thread = self._thread
        if thread is not None:
            stop = (deadline, until)
            self._stops.append(stop)
            self._dispatcher.retry_now()
            self._wake()
            left = max(deadline - time.monotonic(), 0.0) + _POLL_INTERVAL
            try:
                if self._progress.wait_for(lambda: self._thread is not thread, left):
                    self._join(thread)
            finally:
                self._stops.remove(stop)
        if self._thread is None:
            # What came in while the thread was ending, or had none to be sent by.
            self._deliver_here(deadline, until)
        is_settled = self._is_settled(mark)
        if self._working.acquire(blocking=False):
            self._close_parts()
        if self._is_settled(until) and not self._is_done() and self._thread is None:
            self._start()  # for what came after
        return is_settled

    def _is_done(self) -> bool:
        """Whether all events of this process are settled; those of others can wait on disk."""
        return self._is_settled(self._buffer.appended_count())

    def _close_parts(self) -> None:
        feedback.enter(self._transport.loggers)
        try:
            self._buffer.close()
            self._transport.close()
        except Exception as error:  # a transport of somebody else, or a disk
            self._own_log.warn("close", f"closing {self._transport.name} failed: {error!r}")
        finally:
            feedback.leave()
            self._working.release()

    def _join(self, thread: threading.Thread) -> None:
        """Wait for the last steps of *thread*, so that it is gone before a fork may follow."""
        try:
            thread.join(_POLL_INTERVAL)
        except RuntimeError:
            pass  # it could not be started

    def _deliver_here(self, deadline: float, until: int = sys.maxsize) -> bool:
        """Deliver in the calling thread, where no other can be had, up to the position *until*.

        Returns:
            Whether nothing of it was left at the end.
        """
        left = max(deadline - time.monotonic(), 0.0)
        if feedback.is_sender() or not self._working.acquire(timeout=left):
            return False
        feedback.enter(self._transport.loggers)
        try:
            while not self._is_done() and not self._is_settled(until):
                failing = self._dispatcher.last_error is not None
                if self._leaves_the_rest() or (failing and time.monotonic() >= deadline):
                    return False
                wait = self._step()
                # When the interpreter clears its modules, what fails now fails for ever.
                hopeless = sys.is_finalizing() or time.monotonic() + (wait or 0) >= deadline
                if wait is None or (wait and (hopeless or self._leaves_the_rest())):
                    return False
                time.sleep(wait)
        finally:
            feedback.leave()
            self._working.release()
        return True

    def _leaves_the_rest(self) -> bool:
        """Whether nobody should wait for an outage: at exit, what is on disk is the next one's."""
        return (
            self._exit_deadline is not None
            and self._buffer.durable
            and self._dispatcher.last_error is not None
        )

    # In the thread.

    def _run(self) -> None:
        me = threading.current_thread()
        feedback.enter(self._transport.loggers)
        try:
            with self._working:
                self.wake_threshold = self._yield_threshold
                self._stopped_early = False
                while self._thread is me and not self._may_stop():
                    self._pause(self._step())
        finally:
            feedback.leave()
            if self._thread is me:
                self._thread = None
                self.wake_threshold = 0  # the next event starts another thread
                self._progress.notify_all()
                if not self._is_done() and not self._stops:
                    # Left by an error, or came in between. Who started this thread may not be
                    # through with it.
                    self._start(patience=_POLL_INTERVAL)

    def _step(self) -> float | None:
        """Make one attempt; the result is that of `Dispatcher.step`. Never raises."""
        try:
            self._others_wait = self._buffer.adopt_orphans()
            wait = self._dispatcher.step()
            if wait is None and self._idle is not None:
                self._idle()
            self._tell_losses(final_attempt=bool(self._stops))
            self._report_drops()
        except (Exception, SystemExit) as error:
            self._own_log.warn(
                f"sender {type(error).__name__}", f"unexpected {error!r} while delivering"
            )
            wait = 1.0
        self._progress.notify_all()
        return wait

    def _tell_losses(self, *, final_attempt: bool) -> None:
        if self._dispatcher.last_error is None:  # in an outage the buffer has no room for it
            self._losses.report(final_attempt=final_attempt)

    def _report_drops(self) -> None:
        for reason, count in self._buffer.dropped().items():
            new = count - self._reported_drops.get(reason, 0)
            if new:
                self._reported_drops[reason] = count
                self._own_log.warn(f"dropped {reason}", f"{new} events were dropped: {reason}")

    def _may_stop(self) -> bool:
        stop_by = self._stop_by()
        if stop_by is None:
            self._had_final_attempt = False
            return False
        if self._is_done() or self._stopped_early or time.monotonic() >= stop_by:
            return True
        return all(self._is_settled(until) for _, until in list(self._stops))

    def _stop_by(self) -> float | None:
        return max((deadline for deadline, _ in list(self._stops)), default=None)

    def _pause(self, wait: float | None) -> None:
        if wait:
            self._wait_for_retry(wait)
            return
        if self._others_wait and wait is not None:
            return  # events of dead processes have waited long enough, and more may follow
        if self._flush_asked:
            self._flush_asked = False
            self._flush_until = self._buffer.appended_count()
        backlog = len(self._buffer)
        if backlog:
            self._was_idle = False
            complete = (
                backlog >= self._batch_events or self._buffer.size_bytes() >= self._batch_bytes
            )
            hurried = self._stops or not self._is_settled(self._flush_until)
            if not complete and not hurried:
                self._sleep(self._linger, self._batch_events)
        elif self._was_idle or not self._linger:
            self._sleep(min(_IDLE, self._buffer.rescan_interval), 1)
            self._was_idle = False
            self._sleep(self._linger, self._batch_events)
        else:
            # More is likely to follow: the first event of it need not wake the thread.
            self._was_idle = True
            self._sleep(self._linger, self._batch_events)
        self.wake_threshold = self._yield_threshold

    def _sleep(self, seconds: float, until: int) -> None:
        """Wait for *seconds*, until *until* events wait, or for a flush or a stop."""
        self._lingering = True
        self.wake_threshold = until
        if seconds and len(self._buffer) < until and not self._flush_asked and not self._stops:
            self._take_wakeups(seconds)
        self._lingering = False

    def _take_wakeups(self, seconds: float) -> None:
        try:
            self._wakeups.get(timeout=min(seconds, LONGEST_WAIT))
            while True:  # several for the same cause
                self._wakeups.get_nowait()
        except queue.Empty:
            pass

    def _wait_for_retry(self, wait: float) -> None:
        self.wake_threshold = FULL  # nobody needs to wake us for more of the same
        stop_by = self._stop_by()
        if self._leaves_the_rest():
            self._stopped_early = True
        elif stop_by is None or time.monotonic() + wait < stop_by:
            self._take_wakeups(wait)
        elif self._had_final_attempt or self._buffer.durable:
            self._stopped_early = True  # what is on disk is not lost, and not to be risked
        else:
            # The next attempt would come too late: make one at once, the last.
            self._had_final_attempt = True
            self._dispatcher.final_attempt()
