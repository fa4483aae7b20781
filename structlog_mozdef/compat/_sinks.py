"""What instances with the same settings share: a sink, or connections for calls that wait.

Sinks close themselves at exit and reset themselves in a forked child, and so do the connections
here. Both are kept for a limited number of destinations: a program may set a new token on each of
its sessions, and each token is another destination.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Protocol

from structlog_mozdef._deadline import Deadline, monotonic
from structlog_mozdef._lock import locked
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.sink import Sink, capture
from structlog_mozdef.transports.base import Transport


class Destination(Protocol):
    """Where to send, and with which settings. Can be compared and hashed."""

    @property
    def failure(self) -> str:
        """The first words of an error message."""

    @property
    def seal(self) -> Any:
        """The key file that seals events, or None."""

    def transport(self, own_log: RateLimitedLogger) -> Transport:
        """Create a transport to this destination, which warns through *own_log*.

        Raises:
            ValueError: a setting cannot work.
            MozDefError: a library is missing.
        """


class _Entry:
    """A sink, and when it was last used, by a clock that nobody can set."""

    __slots__ = ("last_used", "sink")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.last_used = monotonic()


class Sinks:
    """The sinks of this process, one for each destination.

    Args:
        own_log: for the warnings of transports.
        limit: number of destinations. Beyond it, the sinks that were not used for the longest time
            are closed, unless events wait in them.
    """

    def __init__(self, own_log: RateLimitedLogger, limit: int = 32) -> None:
        self._own_log = own_log
        self._limit = limit
        self._entries: dict[Destination, _Entry] = {}
        # Another thread may have asked for a sink, and put its event after the sink was closed.
        self._closed: list[weakref.ref[Sink]] = []
        self._lock = threading.RLock()  # a signal handler may send while its thread does
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self._closed = []  # the parent delivers what they hold

    def sink_for(self, destination: Destination) -> Sink:
        """Return the sink of *destination*; raise what `Destination.transport` raises."""
        entry = self._entries.get(destination)
        if entry is None:
            entry, surplus = self._open(destination)
            for sink in surplus:
                sink.end_streams(0.0)
                sink.close(0.0)  # no other event waits in it
        entry.last_used = monotonic()
        return entry.sink

    def sealed(self, destination: Destination, event: bytes) -> bytes:
        """Return *event* with the next seal of its stream, where *destination* has a key file.

        Raises:
            Exception: what `sink_for` raises.
        """
        if destination.seal is None:
            return event
        sealed: bytes = self.sink_for(destination).sealer.seal(event)
        return sealed

    def all(self) -> list[Sink]:
        """Return all sinks in which events may wait."""
        closed = [sink for reference in self._closed if (sink := reference()) is not None]
        return [entry.sink for entry in list(self._entries.values())] + closed

    def flush(self, timeout: float) -> bool:
        """Flush all sinks within *timeout* seconds; return True if all events are settled."""
        deadline = Deadline.after(timeout)
        settled = True
        for sink in self.all():
            settled &= sink.flush(deadline.left())
        return settled

    @locked
    def _open(self, destination: Destination) -> tuple[_Entry, list[Sink]]:
        """Return the entry of *destination*, and the sinks to close for it."""
        entry = self._entries.get(destination)
        if entry is None:
            sink = Sink(
                destination.transport(self._own_log), handle_sigterm=True, seal=destination.seal
            )
            # A signal handler may have added one in the meantime.
            entry = self._entries.setdefault(destination, _Entry(sink))
        return entry, self._remove_surplus(entry)

    def _remove_surplus(self, newest: _Entry) -> list[Sink]:
        count = len(self._entries) - self._limit
        if count <= 0:
            return []
        idle = [
            (entry.last_used, destination)
            for destination, entry in list(self._entries.items())
            if entry is not newest and not entry.sink.stats().buffered
        ]
        idle.sort(key=lambda pair: pair[0])
        surplus = [self._entries.pop(destination).sink for _, destination in idle[:count]]
        alive = [reference for reference in self._closed if reference() is not None]
        self._closed = alive + [weakref.ref(sink) for sink in surplus]
        return surplus


class Connections:
    """The idle connections of this process, a few for each destination.

    Args:
        own_log: for the warnings of transports.
        limit: number of destinations.
        per_destination: number of connections that are kept for the next calls. More are opened,
            and closed again, if more calls wait at the same time.
    """

    def __init__(
        self, own_log: RateLimitedLogger, limit: int = 32, per_destination: int = 4
    ) -> None:
        self._own_log = own_log
        self._limit = limit
        self._per_destination = per_destination
        self._idle: dict[Destination, list[Transport]] = {}
        self._lock = threading.RLock()
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        for idle in self._idle.values():
            for transport in idle:
                transport.after_fork_in_child()

    def deliver(self, destination: Destination, event: bytes) -> None:
        """Deliver *event* in the calling thread; raise what `Transport.send` raises."""
        if capture.take(event):
            return
        transport = self._connect(destination)
        try:
            result = transport.send([event])
        except BaseException:
            transport.close()
            raise
        self._keep(destination, transport)
        if result.rejected:
            status = None if result.error is None else result.error.status
            raise TransportError(
                next(iter(result.rejected.values())), retryable=False, status=status
            )
        if result.retry:
            raise result.error or TransportError("the server asked for the event again")

    def _connect(self, destination: Destination) -> Transport:
        return self._take_idle(destination) or destination.transport(self._own_log)

    @locked
    def _take_idle(self, destination: Destination) -> Transport | None:
        idle = self._idle.get(destination)
        return idle.pop() if idle else None

    def _keep(self, destination: Destination, transport: Transport) -> None:
        for surplus in self._put_idle(destination, transport):
            surplus.close()

    @locked
    def _put_idle(self, destination: Destination, transport: Transport) -> list[Transport]:
        """Keep *transport*, and return those that are too many."""
        surplus: list[Transport] = []
        idle = self._idle.pop(destination, [])
        self._idle[destination] = idle  # at the end: it was used last
        (idle if len(idle) < self._per_destination else surplus).append(transport)
        while len(self._idle) > self._limit:
            surplus += self._idle.pop(next(iter(self._idle)))
        return surplus
