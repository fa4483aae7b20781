"""The background thread of a sink, and what other threads do with it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from structlog_mozdef._deadline import LONGEST_WAIT, Deadline, monotonic, run_by
from structlog_mozdef._lock import Turn
from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.base import BUFFER_FULL, FULL
from structlog_mozdef.delivery import feedback
from structlog_mozdef.delivery.blocked import BlockedCalls
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.delivery.loss_report import LossReporter
from structlog_mozdef.delivery.shutdown import ALL_EVENTS, Shutdown, Stop
from structlog_mozdef.delivery.wakeup import Batching, SenderTimings, Waiters, Wakeup
from structlog_mozdef.process.exit import ClosedAtExit, finalize_in_worker, keep_until_exit
from structlog_mozdef.process.fork import watch_forks
from structlog_mozdef.process.threads import start_without_signals
from structlog_mozdef.process.uwsgi import uwsgi_runs_no_threads


class SenderThread:
    """Run *dispatcher* in a thread that is started lazily.

    Args:
        dispatcher: what makes the attempts.
        batching: when events are sent.
        timings: of the thread itself.
        exit_timeout: seconds that the end of the process may take.

    Attributes:
        wakeup: what a log call has to look at.
        blocked: log calls that wait for room.
        report_late: called when an event that comes after the exit could not be sent; None while
            somebody reports that later.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        batching: Batching,
        timings: SenderTimings,
        exit_timeout: float,
    ) -> None:
        # Who used it and has gone, kept until all is sent, so that it can be closed at exit; and
        # what is called then.
        self._retired: object = None
        self._report: Callable[[], None] | None = None
        self._dispatcher = dispatcher
        self._buffer = dispatcher.buffer
        self._transport = dispatcher.transport
        self._own_log = dispatcher.own_log
        self._own_log.never_wait_where(feedback.is_sender)
        self._timings = timings
        self._idle: Callable[[], None] | None = getattr(dispatcher.transport, "idle", None)
        self._shutdown = Shutdown(dispatcher, exit_timeout)
        self.wakeup = Wakeup(dispatcher.buffer, batching, timings, self._shutdown)
        self.blocked = BlockedCalls()
        self.report_late: Callable[[], None] | None = None
        self._waiters = Waiters()
        self._losses = LossReporter(dispatcher.buffer)
        self._thread: threading.Thread | None = None
        # Of the thread that starts the sender's; and of the one thread that makes attempts.
        self._starting = Turn()
        self._working = Turn()
        self._start_not_before = 0.0
        self._start_requested = False
        self._orphans_wait = False

    def close_after_fork(self) -> None:
        """In a forked child: end what lives on here of the parent's thread (gevent's does)."""
        self._thread = None

    # In the caller's thread: log calls.

    def after_append(self, event: bytes, backlog: int) -> None:
        """Do what a log call has to do when the *backlog* reaches `Wakeup.threshold`."""
        if backlog == FULL:
            self._wait_for_room(event)
        elif self._thread is None:
            self.start()
        elif self.wakeup.is_lingering:
            self._wake()
        else:
            self.wakeup.yield_to_thread(backlog)

    def _wake(self) -> None:
        self.wakeup.wake()
        if self._thread is None:  # it ended meanwhile
            self.wakeup.threshold = 0

    def _wait_for_room(self, event: bytes) -> None:
        if not self.blocked.wait(lambda: self._append_once_there_is_room(event)):
            self._buffer.drop(BUFFER_FULL)

    def _append_once_there_is_room(self, event: bytes) -> bool:
        # The sender, and a thread that a signal interrupted while it starts the sender, would wait
        # for themselves.
        while not feedback.is_sender() and not self._starting.is_mine():
            can_send = self._thread is not None or self.start()
            if self._append(event):
                return True
            if not can_send or self._shutdown.lets_callers_go():
                break
            self._wake()
            poll = Deadline.after(self._timings.poll_interval)
            if self._waiters.wait_for(lambda: self._append(event), poll):
                return True
            self.blocked.warn(self._own_log, self._transport.name, len(self._buffer))
        return False

    def _append(self, event: bytes) -> bool:
        return self._buffer.append(event) != FULL

    # In the caller's thread: starting.

    def start(self) -> bool:
        """Start the thread; at exit, deliver without it.

        Returns:
            Whether there is a thread now, or will be in a moment.
        """
        while True:
            self._start_requested = True
            succeeded = self._starting.take(self._start_or_deliver)
            if succeeded is None:
                # Another thread does it, and will see the request; or this very one does, which
                # a signal handler interrupted.
                return not self._starting.is_mine()
            if (
                not succeeded
                and self._shutdown.exit_deadline is not None
                and self.report_late is not None
            ):
                self.report_late()
            if not (succeeded and self._start_requested):
                return succeeded and self._shutdown.exit_deadline is None

    def _start_or_deliver(self) -> bool:
        self._start_requested = False
        if self._shutdown.exit_deadline is None:
            return self._thread is not None or self._start_thread()
        # A daemon thread could be gone before it has sent anything.
        deadline = Deadline.after(self._shutdown.late_seconds)
        delivered = self._deliver_here(deadline)
        self._shutdown.late_seconds = deadline.left()
        return delivered

    def _start_thread(self) -> bool:
        now = monotonic()
        # While the interpreter ends, Python 3.11 would wait for a new thread forever.
        if now < self._start_not_before or sys.is_finalizing():
            return False
        finalize_in_worker()
        watch_forks()
        self.wakeup.renew()
        try:
            thread = threading.Thread(target=self._run, name="structlog-mozdef-sender", daemon=True)
            self._thread = thread
            start_without_signals(thread)
        except BaseException as error:
            # A signal handler can raise before the thread is there, or when it runs already. One
            # that comes after all wakes, sees that it is not wanted, and ends.
            if self._thread is not None and not self._thread.is_alive():
                self._thread = None
                self._wake()
            pass_on(error)
            if not isinstance(error, Exception):
                raise
            # The limit is reached, or the interpreter is shutting down. The events wait for the
            # next attempt, at the latest for the exit.
            self._start_not_before = now + self._timings.restart_interval
            if self._shutdown.exit_deadline is not None:
                return False  # Python starts none at the end of a process
            self._own_log.warn("no thread", f"no thread to send from: {error}")
            return False
        if uwsgi_runs_no_threads():
            self._own_log.warn(
                "uwsgi", "uWSGI runs without enable-threads = true: events wait until the exit"
            )
        return True

    @property
    def exists(self) -> bool:
        """Whether there is a thread, or one is about to be started."""
        return self._thread is not None

    @property
    def late_seconds(self) -> float:
        """Seconds that are left at exit for events that come late."""
        return self._shutdown.late_seconds

    # In the caller's thread: waiting.

    def retire(self, owner: ClosedAtExit, report: Callable[[], None]) -> bool:
        """Send what waits, and end for good: nobody holds *owner*, who used this, any more.

        Called by a finalizer, in any thread: neither waits nor raises. Where the thread has ended
        though events wait, after a `close` that did not succeed, these are tried again at exit:
        starting a thread in a finalizer could wait for a lock that its own thread holds.

        Args:
            owner: kept as long as events wait.
            report: called once none waits any more.

        Returns:
            Whether *owner* is kept for a while; else the caller has to report.
        """
        try:
            if self._thread is not None:
                self._report = report
                self._retired = owner
                self._wake()
            elif not self._is_done() and not self._buffer.durable:
                self._retired = owner
                keep_until_exit(owner)
            elif not feedback.is_sender():  # else it interrupts the work here
                self._close_in_turn()
        except Exception as error:
            pass_on(error)
        return self._retired is not None

    def flush(self, until: int, deadline: Deadline) -> bool:
        """Wait until the first *until* events that were appended are settled.

        Returns:
            Whether they are; False at *deadline*, or where this can wait for nobody.
        """
        if feedback.is_sender() or self.is_interrupted():
            return self._is_settled(until)
        retries = self._dispatcher.retry_now()
        while not self._is_settled(until):
            # The attempt that is under way may fail: one more is made at once, and no third one.
            retries = retries or self._dispatcher.retry_now()
            if deadline.expired:
                return False
            if self._thread is None and not self.start() and self._thread is None:
                self._deliver_here(deadline, until)
                return self._is_settled(until)
            self.wakeup.request_flush()
            self._wake()
            poll = min(deadline, Deadline.after(self._timings.poll_interval))
            self._waiters.wait_for(lambda: self._is_settled(until), poll)
        return True

    def is_interrupted(self) -> bool:
        """Return whether a signal handler that calls this must not wait for the sender.

        It interrupts a change of the buffer, which the sender waits for, or the sender's start.
        """
        is_starting = self._starting.is_mine() and self._thread is not None
        return is_starting or self._buffer.is_interrupted()

    def begin_exit(self, deadline: Deadline) -> None:
        """Send without delay, and end by *deadline*. Does not wait."""
        self._shutdown.begin_exit(deadline)
        self._dispatcher.retry_now()
        self._wake()

    def close(self, deadline: Deadline) -> bool:
        """Send what waits, end the thread and close buffer and transport by *deadline*.

        Returns:
            Whether nothing is left unsent of what was accepted before this call.
        """
        if feedback.is_sender() or self.is_interrupted():
            return False
        try:
            self._report_losses(final_attempt=True)
        except Exception:
            pass  # while the interpreter ends, a spool may open no more files; totals have them
        appended = self._buffer.appended_count()
        # Threads that go on logging meanwhile must not keep this from ending, except at exit,
        # where nobody comes after.
        until = appended if self._shutdown.exit_deadline is None else ALL_EVENTS
        if self._thread is None and not self._is_done() and not self._shutdown.leaves_the_rest():
            # A transport may hold a thread for longer than this can wait.
            self._starting.take(self._start_thread)
        self._end_thread(Stop(deadline, until))
        if self._thread is None:
            # What came in while the thread was ending, or had none to be sent by.
            self._deliver_here(deadline, until)
        is_settled = self._is_settled(appended)
        closed_by = max(deadline, Deadline.after(self._timings.closing))
        run_by(closed_by, self._close_in_turn)
        self.warn_of_losses(at_once=True)
        self._shutdown.late_seconds = deadline.left()
        if self._is_settled(until) and not self._is_done() and self._thread is None:
            self.start()  # for what came after
        return is_settled

    def _end_thread(self, stop: Stop) -> None:
        thread = self._thread
        if thread is None:
            self._dispatcher.retry_now()
            return
        self._shutdown.request(stop, lambda: self._wait_for_end(thread, stop.deadline))

    def _wait_for_end(self, thread: threading.Thread, deadline: Deadline) -> None:
        self._dispatcher.retry_now()
        self._wake()
        end = Deadline.after(deadline.left() + self._timings.poll_interval)
        if not self._waiters.wait_for(lambda: self._thread is not thread, end):
            return
        try:
            # For its last steps, so that it is gone before a fork may follow.
            thread.join(self._timings.poll_interval)
        except RuntimeError as error:  # it could not be started
            pass_on(error)

    def _close_in_turn(self) -> None:
        loggers = self._transport.loggers
        self._working.take(lambda: feedback.run_as_sender(loggers, self._close_parts))

    def _close_parts(self) -> None:
        try:
            self._buffer.close()
            self._transport.close()
        except Exception as error:  # a transport of somebody else, or a disk
            pass_on(error)
            self._own_log.warn("close", f"closing {self._transport.name} failed: {error!r}")

    def warn_of_losses(self, *, at_once: bool = False) -> None:
        """Warn of events that were dropped or rejected; see `CountedWarning.report`."""
        self._losses.warn(self._own_log, at_once=at_once)
        self._dispatcher.rejections.report(at_once=at_once)

    def _is_settled(self, until: int) -> bool:
        return self._buffer.settled_count() >= until

    def _is_done(self) -> bool:
        """Return whether all events of this process are settled; others can wait on disk."""
        return self._is_settled(self._buffer.appended_count())

    def _deliver_here(self, deadline: Deadline, until: int = ALL_EVENTS) -> bool:
        """Deliver the first *until* events in the calling thread, where no other can be had.

        Returns:
            Whether nothing of them was left at the end.
        """
        if feedback.is_sender():
            return False
        loggers = self._transport.loggers
        return bool(
            self._working.take(
                lambda: feedback.run_as_sender(
                    loggers, lambda: run_by(deadline, lambda: self._deliver(deadline, until))
                ),
                patience=deadline.left(),
            )
        )

    def _deliver(self, deadline: Deadline, until: int) -> bool:
        while not self._is_done() and not self._is_settled(until):
            if self._shutdown.leaves_the_rest() or deadline.expired:
                return False
            wait = self._step()
            if wait is None or (wait and not self._can_wait(wait, deadline)):
                return False
            time.sleep(wait)
        return True

    def _can_wait(self, seconds: float, deadline: Deadline) -> bool:
        # When the interpreter clears its modules, what fails now fails forever.
        return not (
            sys.is_finalizing() or seconds >= deadline.left() or self._shutdown.leaves_the_rest()
        )

    # In the sender's thread.

    def _run(self) -> None:
        me = threading.current_thread()
        try:
            feedback.run_as_sender(
                self._transport.loggers,
                lambda: self._working.take(lambda: self._work(me), patience=LONGEST_WAIT),
            )
        finally:
            if self._thread is me:
                self._thread = None
                self.wakeup.threshold = 0  # the next event starts another thread
                self._waiters.notify_all()
                if self._retired is not None and self._is_done():
                    report, self._retired, self._report = self._report, None, None
                    if report is not None and self._shutdown.exit_deadline is None:
                        report()  # at exit it is called when everything was tried
                if not self._is_done() and not self._shutdown.is_requested():
                    self.start()  # left by an error, or events came in between
            elif self._thread is None:  # its start was interrupted
                self.wakeup.threshold = 0

    def _work(self, me: threading.Thread) -> None:
        self.wakeup.is_busy()
        self._shutdown.stopped_early = False
        while self._thread is me and not self._shutdown.is_due():
            wait = self._step()
            if self._retired is not None and self._is_done():
                self._close_parts()
                self.warn_of_losses(at_once=True)
                break
            self._pause(wait)

    def _step(self) -> float | None:
        """Make one attempt; return what `Dispatcher.step` returned. Never raises."""
        try:
            self._orphans_wait = self._buffer.adopt_orphans()
            wait = self._dispatcher.step()
            if wait is None and self._idle is not None:
                self._idle()
            is_last = self._retired is not None or self._shutdown.is_requested()
            self._report_losses(final_attempt=is_last)
            self.warn_of_losses()
        except (Exception, SystemExit) as error:
            self._own_log.warn(
                f"sender {type(error).__name__}", f"unexpected {error!r} while delivering"
            )
            wait = 1.0
        self._waiters.notify_all()
        return wait

    def _report_losses(self, *, final_attempt: bool) -> None:
        if self._dispatcher.last_error is None:
            self._losses.report(final_attempt=final_attempt)

    def _pause(self, wait: float | None) -> None:
        if wait:
            if not self._shutdown.allows_wait(wait):
                return
            if self._dispatcher.none_is_due:
                self.wakeup.wait_for_more(wait)
            else:
                self.wakeup.wait_for_retry(wait)
        elif wait is None and self._dispatcher.none_is_due:
            self.wakeup.wait_for_more(self._timings.poll_interval)
        elif wait is None or not (self._orphans_wait or self._dispatcher.is_searching()):
            self.wakeup.wait_for_events()
        # Else what waits has waited long enough: events of dead processes, or parts of a batch.
