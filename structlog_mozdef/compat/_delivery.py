"""How the documents of the old classes are delivered: by sinks, or while the caller waits."""

from __future__ import annotations

import http
import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef.compat._sinks import Connections, Destination, Sinks
from structlog_mozdef.compat._syslog import LocalSyslog
from structlog_mozdef.delivery.feedback import is_sender
from structlog_mozdef.exceptions import MozDefError, TransportError
from structlog_mozdef.process.exit import close_at_exit
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.standard_error import write_line


class UnsentEvents:
    """Warn of events that no sink ever got, as their settings cannot work.

    The warnings have their number; the last one comes when the process ends.

    Args:
        own_log: logs the warnings.
    """

    exit_timeout = 0.0

    def __init__(self, own_log: RateLimitedLogger) -> None:
        self._own_log = own_log
        self.after_fork_in_child()
        reset_after_fork(self)
        close_at_exit(self)

    def after_fork_in_child(self) -> None:
        self._warning = CountedWarning(self._own_log, "settings")  # the parent reports its own

    def add(self, reason: object) -> None:
        """Count an event that was not sent because of *reason*."""
        self._warning.add(
            1,
            lambda count: (
                f"an event was not sent: {reason}"
                if count == 1
                else f"{count:,} events were not sent, the last one: {reason}"
            ),
        )
        self._warning.report()

    def begin_exit(self, deadline: Deadline) -> None:
        self._own_log.write_with(write_line)

    def end_exit(self, deadline: Deadline) -> None:
        """Do nothing: nobody can send them."""

    def is_interrupted(self) -> bool:
        """Return False: `end_exit` waits for nobody."""
        return False

    def report_exit(self) -> None:
        self._warning.report(at_once=True)


class SharedDelivery:
    """What all instances of the old classes in this process share.

    Args:
        syslog: the local syslog.
    """

    def __init__(self, syslog: LocalSyslog | None = None) -> None:
        self._own_log = RateLimitedLogger()
        self._own_log.never_wait_where(is_sender)
        self._unsent = UnsentEvents(self._own_log)
        self._sinks = Sinks(self._own_log)
        self._connections = Connections(self._own_log)
        self._syslog = syslog or LocalSyslog()
        # Sinks of the program that were given events, by their ids.
        self._given: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        # What a signal handler sent in the middle of the import of a transport.
        self._deferred: list[tuple[Callable[[], Destination], bytes]] = []

    def deliver(
        self,
        destination: Callable[[], Destination],
        event: bytes,
        *,
        fire_and_forget: bool,
        sink: Any = None,
    ) -> None:
        """Put *event* into the sink of a destination, or deliver it and wait for the answer.

        Args:
            destination: creates the destination; it may raise anything, as the settings of the
                program may have any type.
            event: one JSON object on one line.
            fire_and_forget: put it into a sink, and warn of settings that cannot work.
            sink: put it into this one instead, if it is not None.

        Raises:
            MozDefError: a library is missing; unless *fire_and_forget*, anything but success.
        """
        if sink is not None:
            self._put_into(sink, event, fire_and_forget=fire_and_forget)
            return
        try:
            self._deliver(destination, event, fire_and_forget=fire_and_forget)
        finally:
            while self._deferred and not _interrupts_itself():
                self._deliver_deferred()

    def _put_into(self, sink: Any, event: bytes, *, fire_and_forget: bool) -> None:
        if not callable(getattr(sink, "put", None)):
            reason = f"sink is a {type(sink).__name__}; it must be a Sink, or None"
        elif not fire_and_forget:
            reason = "sink is given, which delivers in the background: nothing can wait for that"
        else:
            self._given[id(sink)] = sink
            sink.put(event)
            return
        if not fire_and_forget:
            raise MozDefError(reason)
        self._unsent.add(reason)

    def _deliver_deferred(self) -> None:
        destination, event = self._deferred.pop(0)
        try:
            self._deliver(destination, event, fire_and_forget=True)
        except MozDefError as error:
            self._unsent.add(error)
        except BaseException:  # of another signal handler; the next call delivers it
            self._deferred.append((destination, event))
            raise

    def _deliver(
        self, destination: Callable[[], Destination], event: bytes, *, fire_and_forget: bool
    ) -> None:
        try:
            where = destination()
            if fire_and_forget:
                self._sinks.sink_for(where).put(event)
            else:
                self._connections.deliver(where, self._sinks.sealed(where, event))
        except TransportError as error:
            raise _raised_for(_sentence(where.failure, error), error) from error
        except MozDefError:
            raise
        except Exception as error:
            reason = _reason(error)
        else:
            return
        if fire_and_forget and _interrupts_itself():
            # What it needs is only half imported. The interrupted call delivers this event, too.
            self._deferred.append((destination, event))
            return
        # The settings cannot work. The old clients were silent about it.
        if not fire_and_forget:
            raise MozDefError(reason)
        self._unsent.add(reason)

    def write_syslog(
        self, line: str, severity: object, *, must: bool, facility: int | None = None
    ) -> None:
        """Write *line* to the local syslog, with the priority of *severity*.

        Args:
            line: without line breaks.
            severity: as for `LocalSyslog.write`.
            must: the event is sent nowhere else, and the caller waits for success.
            facility: as for `LocalSyslog.write`.

        Raises:
            MozDefError: the line cannot be written and *must* be; otherwise that is a warning.
        """
        try:
            self._syslog.write(line, severity, facility)
        except MozDefError as error:
            if must:
                raise
            self._own_log.warn("syslog", str(error))

    def flush(self, timeout: float) -> bool:
        deadline = Deadline.after(timeout)
        settled = self._sinks.flush(timeout)
        for sink in [sink for held in self._given.valuerefs() if (sink := held()) is not None]:
            settled &= sink.flush(deadline.left())
        return settled


#: Looked up at each call, so that tests can replace it.
shared = SharedDelivery()


def flush(timeout: float = 10.0) -> bool:
    """Wait until everything that was sent in fire-and-forget mode is settled.

    Args:
        timeout: the longest wait, in seconds.

    Returns:
        True if all of it is delivered, rejected or dropped.
    """
    return shared.flush(timeout)


def _raised_for(message: str, error: TransportError) -> MozDefError:
    if error.code is None:
        return MozDefError(message)
    from structlog_mozdef.transports.sqs.client_error import SQSError

    return SQSError(message, error.code)


def _interrupts_itself() -> bool:
    """Return whether the caller runs in a signal handler that has interrupted `deliver`."""
    count = 0
    frame = inspect.currentframe()
    while frame is not None:
        count += frame.f_code is _DELIVER
        frame = frame.f_back
    return count > 1


_DELIVER = SharedDelivery.deliver.__code__


def _reason(error: Exception) -> str:
    """What is wrong with the settings, in our own words, which show no secrets."""
    if sys.is_finalizing():
        return "the interpreter is shutting down, and loads no module any more"
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, TypeError):
        return f"a setting is of a type that cannot be used: {error}"
    return f"a setting cannot be used: {type(error).__name__}"


def _sentence(failure: str, error: TransportError) -> str:
    message = str(error)
    start = f"HTTP {error.status}"
    if error.status is None or not message.startswith(start):
        return f"{failure}: {message}"
    try:
        reason = f" ({http.HTTPStatus(error.status).phrase})"
    except ValueError:
        reason = ""
    return f"{failure} with code {error.status}{reason}{message.removeprefix(start)}"
