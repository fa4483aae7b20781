"""The connections of clients: HTTP as nginx reads it, and bounds for slow clients and many.

A client that sends or reads slowly keeps its connection for a minute. Where there are too many
connections, the one that has been idle for longest makes room.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from structlog_mozdef.collector import json_like_mozdef

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Limits:
    """What clients may take.

    Args:
        connections: the maximum number that are open at the same time.
        seconds: how long one may take to send a request, and how long it may not read an answer.
    """

    connections: int = 256
    seconds: float = 60


DEFAULT_LIMITS = Limits()

_CONTENT_LENGTH = re.compile(rb"^content-length[ \t]*:(.*)", re.IGNORECASE | re.MULTILINE)


class _Connection(h11.Connection):
    @property
    def they_are_waiting_for_100_continue(self) -> bool:
        """False: MozDef never answers ``Expect: 100-continue``."""
        return False

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return what has arrived.

        Raises:
            h11.RemoteProtocolError: also for a second Content-Length, as nginx: answered 400.
        """
        unread = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        event = super().next_event()
        if isinstance(event, h11.Request):
            head = unread[: len(unread) - len(self.trailing_data[0])]
            lengths = _CONTENT_LENGTH.findall(head)
            # h11 reads the same length twice as one.
            if len(lengths) > 1 or b"," in b"".join(lengths):
                raise h11.RemoteProtocolError("There are two Content-Length headers.")
        return event


class HttpProtocol(H11Protocol):
    """One connection.

    Args:
        record_rejection: called with the path and a sentence for what is not HTTP.
        limits: for clients.
        **kwargs: those of uvicorn.
    """

    def __init__(
        self, record_rejection: Callable[[str, str], None], limits: Limits, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.conn = _Connection(h11.SERVER)
        self._record_rejection = record_rejection
        self._limits = limits
        self._head = b""
        self._sending: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._idle_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, or close it where no other makes room."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._sending = self._start_timer()  # for its first request, all of it
        if len(self.connections) > self._limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_sending_timer()
        self._stop_reading_timer()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether the client has sent nothing that was not answered."""
        return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def data_received(self, data: bytes) -> None:
        """Handle what has arrived."""
        if self.conn.their_state is h11.IDLE:
            self._head = data
            if self._sending is None:
                self._sending = self._start_timer()
        super().data_received(data)
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._stop_sending_timer()

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if self.is_idle:
            self._stop_sending_timer()

    def pause_writing(self) -> None:
        """Wait for the client to read, for a time."""
        self._reading = self._reading or self._start_timer()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stop_reading_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that HTTP does not allow: a bare status, as nginx."""
        path = self._head.split(b"\r\n")[0].split(b" ")[1:2]
        self._record_rejection(
            json_like_mozdef.to_text(b"".join(path)),
            "The request is not valid HTTP, or has two Content-Length headers: nginx answers 400.",
        )
        super().send_400_response("")

    def _make_room(self) -> None:
        # Those that were closed a moment ago are still among them.
        others = [
            other
            for other in self.connections
            if isinstance(other, HttpProtocol) and not other.transport.is_closing()
        ]
        if len(others) > self._limits.connections:
            idle = [other for other in others if other.is_idle and other is not self]
            oldest = min(idle, key=lambda other: other._idle_since, default=self)  # noqa: SLF001
            oldest.transport.abort()

    def _start_timer(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self._limits.seconds, self.transport.abort)

    def _stop_sending_timer(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _stop_reading_timer(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
