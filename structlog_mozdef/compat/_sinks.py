"""What instances with the same settings share: a sink, or connections for those who wait.

Sinks close themselves at exit and begin anew in a forked child; so do connections, here. Both are
kept for a limited number of settings: a program may set a new token on each of its sessions.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Protocol

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.base import Transport

#: Settings for which sinks, or connections, are kept.
MOST_SETTINGS = 32
#: Connections with the same settings that are kept for the next who waits for an answer.
MOST_CONNECTIONS = 4


class Destination(Protocol):
    """Where to, and how. Can be compared and hashed."""

    @property
    def failure(self) -> str:
        """How an error begins."""

    def transport(self) -> Transport:
        """A transport to this destination.

        Raises:
            ValueError: for a setting that cannot work.
            MozDefError: where a library is missing.
        """


class _Home:
    """A sink, and when it was last asked for, of ``time.monotonic``."""

    __slots__ = ("sink", "used")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.used = time.monotonic()


class Sinks:
    """The sinks of this process, one for each destination.

    Where there are more than `MOST_SETTINGS`, those that nobody has asked for longest are closed,
    unless events wait in them.
    """

    def __init__(self) -> None:
        self._homes: dict[Destination, _Home] = {}
        # A thread may have asked for one, and put its event only after it was closed.
        self._retired: list[weakref.ref[Sink]] = []
        self._opening = threading.RLock()  # a signal handler may send while its thread does
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._opening = threading.RLock()
        self._retired = []  # what they hold is the parent's to deliver

    def of(self, destination: Destination) -> Sink:
        """The sink of *destination*; raises what `Destination.transport` raises."""
        home = self._homes.get(destination)
        if home is None:
            home = self._open(destination)
        home.used = time.monotonic()
        return home.sink

    def all(self) -> list[Sink]:
        """All in which events may wait."""
        retired = [sink for reference in self._retired if (sink := reference()) is not None]
        return [home.sink for home in list(self._homes.values())] + retired

    def _open(self, destination: Destination) -> _Home:
        with self._opening:
            home = self._homes.get(destination)
            if home is None:
                sink = Sink(destination.transport())
                # A signal handler may have made one in the middle of that.
                home = self._homes.setdefault(destination, _Home(sink))
            surplus = self._retire_surplus(home)
        for sink in surplus:
            sink.close(0.0)  # nothing waits in it
        return home

    def _retire_surplus(self, newest: _Home) -> list[Sink]:
        count = len(self._homes) - MOST_SETTINGS
        if count <= 0:
            return []
        idle = [
            (home.used, destination)
            for destination, home in list(self._homes.items())
            if home is not newest and not home.sink.stats().buffered
        ]
        idle.sort(key=lambda entry: entry[0])
        surplus = [self._homes.pop(destination).sink for _, destination in idle[:count]]
        alive = [reference for reference in self._retired if reference() is not None]
        self._retired = alive + [weakref.ref(sink) for sink in surplus]
        return surplus


class Connections:
    """The idle connections of this process, a few for each destination."""

    def __init__(self) -> None:
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
        transport = self._take(destination)
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

    def _take(self, destination: Destination) -> Transport:
        with self._lock:
            idle = self._idle.get(destination)
            if idle:
                return idle.pop()
        return destination.transport()

    def _keep(self, destination: Destination, transport: Transport) -> None:
        surplus: list[Transport] = []
        with self._lock:
            idle = self._idle.pop(destination, [])
            self._idle[destination] = idle  # the last one, as the one that was used last
            (idle if len(idle) < MOST_CONNECTIONS else surplus).append(transport)
            while len(self._idle) > MOST_SETTINGS:
                surplus += self._idle.pop(next(iter(self._idle)))
        for one in surplus:
            one.close()
