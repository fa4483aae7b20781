"""Ending the sender's thread: who asks for it, by when, and what is still worth a try."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.process.threads import is_in_closed_loop, main_thread_has_ended

#: Events, whenever they come.
ALL_EVENTS = sys.maxsize


class Stop(NamedTuple):
    """Somebody waits for the thread to end.

    Attributes:
        deadline: until when.
        until: how many of the events appended concern them, from the first on.
    """

    deadline: Deadline
    until: int


class Shutdown:
    """Decide when the thread of *dispatcher* ends.

    Args:
        dispatcher: what the thread runs.
        exit_timeout: seconds that the end of the process may take.

    Attributes:
        exit_deadline: by when the process wants to end; None while it does not.
        late_seconds: what is left of this time for events that come after the sink was closed.
        stopped_early: whether the thread ends though events wait and time is left.
    """

    def __init__(self, dispatcher: Dispatcher, exit_timeout: float) -> None:
        self._dispatcher = dispatcher
        self._exit_timeout = exit_timeout
        self._buffer = dispatcher.buffer
        self._stops: dict[object, Stop] = {}
        self._had_final_attempt = False
        # Until when callers may wait for room at the end, if nothing is settled meanwhile.
        self._room_by = Deadline.after(0.0)
        self._settled_before = -1
        self.exit_deadline: Deadline | None = None
        self.late_seconds = 0.0
        self.stopped_early = False

    # In the caller's thread.

    def begin_exit(self, deadline: Deadline) -> None:
        """Have everything sent by *deadline*, at the end of the process."""
        self.exit_deadline = deadline
        self.late_seconds = deadline.left()
        self._stops[object()] = Stop(deadline, ALL_EVENTS)

    def request(self, stop: Stop, wait: Callable[[], None]) -> None:
        """Ask the thread to end, for as long as *wait* runs."""
        # As in `_lock`: a request that stayed after a signal handler raised would end each thread
        # at once.
        stops, key = self._stops, object()
        try:
            stops[key] = stop
            wait()
        finally:
            stops.pop(key, None)

    def is_requested(self) -> bool:
        """Return whether anybody waits for the thread to end."""
        return bool(self._stops)

    def leaves_the_rest(self) -> bool:
        """Return whether nobody should wait for an outage: at exit, a spool keeps the events."""
        return (
            self.exit_deadline is not None
            and self._buffer.durable
            and self._dispatcher.last_error is not None
        )

    def lets_callers_go(self) -> bool:
        """Return whether callers that wait for room are to give up.

        When the main thread has ended, Python waits for the others, and for executors: in an
        outage, callers that wait for room would keep the process forever. So would those in
        asyncio's executor, which ``asyncio.run`` waits for; as a program may go on after that, they
        have as long as an exit takes for anything to be delivered.
        """
        is_exit = self.exit_deadline is not None or main_thread_has_ended()
        if not is_exit and not is_in_closed_loop():
            return False
        settled = self._buffer.settled_count()
        if settled != self._settled_before:
            self._settled_before = settled
            self._room_by = Deadline.after(self._exit_timeout)
        return (is_exit and self._dispatcher.last_error is not None) or self._room_by.expired

    # In the sender's thread.

    def is_due(self) -> bool:
        """Return whether the thread is to end now."""
        stops = list(self._stops.values())
        if not stops:
            self._had_final_attempt = False
            return False
        settled = self._buffer.settled_count()
        return (
            self.stopped_early
            or settled >= self._buffer.appended_count()
            or all(settled >= stop.until for stop in stops)
            or max(stop.deadline for stop in stops).expired
        )

    def allows_wait(self, seconds: float) -> bool:
        """Return whether to wait for *seconds* before the next attempt.

        Where that would be too late, the next attempt is made at once, the last one; and where
        there was one already, the thread is to end.
        """
        last = max((stop.deadline for stop in list(self._stops.values())), default=None)
        if self.leaves_the_rest():
            self.stopped_early = True
        elif last is None or seconds < last.left():
            return True
        elif self._had_final_attempt or self._buffer.durable:
            self.stopped_early = True  # what is on disk is not lost, and not to be risked
        else:
            self._had_final_attempt = True
            self._dispatcher.final_attempt()
        return False
