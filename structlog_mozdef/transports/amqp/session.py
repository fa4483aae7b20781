"""One connection to one broker, with a channel in confirm mode.

py-amqp opens it, authenticates, and parses what the broker says; messages are written by
`PublishFrames`, and every wait is that of `BoundedSocket`.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import amqp  # type: ignore[import-untyped]
from amqp.sasl import EXTERNAL, PLAIN  # type: ignore[import-untyped]

from structlog_mozdef._deadline import Deadline, allowed, monotonic
from structlog_mozdef._version import __version__
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.amqp.confirms import DELIVERED, UNPUBLISHED, Ledger
from structlog_mozdef.transports.amqp.errors import transport_error_of
from structlog_mozdef.transports.amqp.frames import PublishFrames
from structlog_mozdef.transports.amqp.options import Settings
from structlog_mozdef.transports.amqp.socket import BoundedSocket
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.sockets import LATE_SECONDS

_BLOCKED = "the broker accepts nothing: it blocks connections (memory or disk alarm)"
#: Bytes that go into one write. Between two writes, what the broker says is read.
_CHUNK_BYTES = 65_536
#: The sizes of frames that AMQP 0-9-1 and RabbitMQ start from.
_MIN_FRAME_BYTES, _MAX_FRAME_BYTES = 4096, 131_072
#: A broker closes a connection after it has received nothing for two heartbeats. A connection on
#: which either side was silent for longer than this many is not used again: it could be closed, or
#: dead, while it is written to.
_SILENT_HEARTBEATS = 1.5


@dataclass
class Outcome:
    """What became of the events of one `Session.publish`, by their index.

    Attributes:
        retry: indices of events that the broker has not accepted, in ascending order.
        unrouted: whether the broker found no queue for some of them.
        error: why the attempt came to an end; None if the broker answered for every event.
        is_over: whether the session cannot be used any more.
    """

    retry: list[int]
    unrouted: bool
    error: TransportError | None
    is_over: bool


class _Connection(amqp.Connection):  # type: ignore[misc] # py-amqp has no types
    """A connection of py-amqp, over a socket that it is given."""

    def __init__(self, socket: BoundedSocket, **options: Any) -> None:
        self.bounded_socket = socket
        super().__init__(**options)

    def Transport(self, *args: Any, **kwargs: Any) -> BoundedSocket:  # noqa: N802 - its name there
        return self.bounded_socket


class Session:
    """A connection with its channel; made by `open`, used by one thread.

    Args:
        host: name or address of the broker.
        port: of the broker.
        settings: everything else.
        clock: returns seconds, monotonic.
        on_late: called when opening or publishing takes long; `waits_for` says what for.
    """

    def __init__(
        self,
        host: str,
        port: int,
        settings: Settings,
        clock: Callable[[], float] = monotonic,
        on_late: Callable[[], object] = lambda: None,
    ) -> None:
        self._host = host
        self._port = port
        self._settings = settings
        self._clock = clock
        # Made here, and not by `open`: a child that is forked meanwhile has to close it.
        self._socket = BoundedSocket(host, port, settings.tls_context, clock, on_late)
        self._is_open = False
        self._ledger = Ledger()
        self._is_blocked = False
        # During the latest attempt.
        self._was_blocked = False
        self._heartbeat = 0.0

    def open(self) -> None:
        """Connect, authenticate, and see that the exchange is there.

        The exchange is looked for, not declared: MozDef declares it, and one that is declared
        before MozDef's queue is bound to it would turn a clear error into unroutable events. To
        look needs no permission.

        Raises:
            TransportError: nothing was published.
        """
        try:
            with mapped_errors(
                lambda error: transport_error_of(error, self._settings, published=False)
            ):
                self._open()
        except TransportError:
            self.abandon()
            raise

    def _open(self) -> None:
        settings = self._settings
        self._let_end_within(settings.connect_timeout)
        self._connection = _Connection(
            self._socket,
            host=f"{self._host}:{self._port}",
            authentication=self._authentication(),
            virtual_host=settings.vhost,
            heartbeat=settings.heartbeat,
            on_blocked=self._on_blocked,
            on_unblocked=self._on_unblocked,
            client_properties={
                "product": "structlog-mozdef",
                "product_version": __version__,
                "connection_name": f"structlog-mozdef {platform.node()} {os.getpid()}",
            },
        )
        self._connection.connect()
        self._heartbeat = float(self._connection.heartbeat)
        channel = self._connection.channel()
        channel.auto_decode = False
        channel.events["basic_ack"].add(self._ledger.confirm)
        channel.events["basic_nack"].add(self._ledger.reject)
        channel.events["basic_return"].add(self._on_return)
        if settings.exchange:  # the default exchange is always there
            channel.exchange_declare(settings.exchange, "direct", passive=True)
        channel.confirm_select()
        self._frames = PublishFrames(
            settings.exchange,
            settings.routing_key,
            channel.channel_id,
            max(_MIN_FRAME_BYTES, min(self._connection.frame_max, _MAX_FRAME_BYTES)),
        )
        self._is_open = True

    def _let_end_within(self, seconds: float) -> None:
        """Let what is done on the socket from now on end within *seconds*."""
        self._socket.deadline = Deadline.after(allowed(seconds), self._clock)
        self._socket.late = Deadline.after(LATE_SECONDS, self._clock)

    def _authentication(self) -> list[Any]:
        settings = self._settings
        plain = PLAIN(settings.user, settings.password)
        # A broker that knows users by their certificates offers EXTERNAL.
        by_certificate = settings.is_tls and settings.cert is not None and settings.is_anonymous
        return [EXTERNAL(), plain] if by_certificate else [plain]

    def _on_blocked(self, reason: str) -> None:
        self._is_blocked = self._was_blocked = True

    def _on_unblocked(self) -> None:
        self._is_blocked = False

    def _on_return(self, error: Any, exchange: str, routing_key: str, message: Any) -> None:
        self._ledger.returned(bytes(message.body or b""))  # py-amqp makes an empty body a str

    def publish(self, events: Sequence[bytes]) -> Outcome:
        """Publish *events* and wait until the broker has answered for all of them.

        A session that the broker has blocked, or on which it is just slow, goes on: the broker
        still has what it was sent, and will answer for it. A new session would publish it once
        more with every attempt.
        """
        settings, ledger = self._settings, self._ledger
        tags = ledger.begin(events)
        failure: TransportError | None = None
        is_over = is_late = False
        self._was_blocked = self._is_blocked
        try:
            self._let_end_within(settings.confirm_timeout)
            self._publish(events, tags)
        except Exception as error:
            published = any(ledger.is_open(tag) for tag in tags)
            if isinstance(error, TimeoutError):
                failure = TransportError(self._why_late(), ambiguous=published)
                is_late = True
            else:
                failure = transport_error_of(error, settings, published=published)
                is_over = True
        retry = [
            index
            for index, tag in enumerate(tags)
            if tag != DELIVERED and not ledger.is_delivered(tag)
        ]
        if is_late and not self._was_blocked and len(retry) == len(events):
            is_over = True  # nothing at all was answered
        unrouted = any(ledger.is_unrouted(tags[index]) for index in retry)
        ledger.end()
        return Outcome(retry, unrouted, failure, is_over)

    @property
    def waits_for(self) -> str:
        """What an attempt that takes long waits for."""
        if not self._is_open:
            return f"no answer from {self._host}:{self._port} yet"
        return _BLOCKED if self._is_blocked else "no confirm yet"

    def _why_late(self) -> str:
        if self._was_blocked:
            return _BLOCKED
        return f"no confirm within {self._settings.confirm_timeout:g} s"

    def _publish(self, events: Sequence[bytes], tags: list[int]) -> None:
        written = answered = 0
        count = len(events)
        while True:
            self._listen()
            if written < count and not self._is_blocked and not self._socket.unsent:
                written = self._write(events, tags, written)
                continue
            while answered < written and not self._ledger.is_open(tags[answered]):
                answered += 1
            if answered == count:
                return
            self._wait()

    def _write(self, events: Sequence[bytes], tags: list[int], start: int) -> int:
        """Publish some events from index *start* on; return the index to go on from."""
        bodies: list[bytes] = []
        size = 0
        end = start
        while end < len(events) and size < _CHUNK_BYTES:
            if tags[end] == UNPUBLISHED:
                tags[end] = self._ledger.publish(events[end])
                bodies.append(events[end])
                size += len(events[end])
            end += 1
        self._socket.write(self._frames.of(bodies))
        return end

    def _listen(self) -> None:
        """Parse what has come from the broker, without waiting."""
        while self._socket.fetch():
            self._connection.blocking_read()
            self._check_time()

    def _check_time(self) -> None:
        if self._socket.deadline.expired:
            raise TimeoutError

    def _wait(self) -> None:
        self._check_time()
        self._socket.wait(self._seconds_to_heartbeat())
        self._send_heartbeat_if_due()

    def _seconds_to_heartbeat(self) -> float:
        if not self._heartbeat or self._socket.unsent:  # unsent data are a sign of life as well
            return math.inf
        return self._socket.last_sent + self._heartbeat / 2 - self._clock()

    def _send_heartbeat_if_due(self) -> None:
        if self._seconds_to_heartbeat() <= 0:
            self._connection.send_heartbeat()

    def is_alive(self, *, beat: bool = False) -> bool:
        """Whether the session can be used, as far as that is known without waiting.

        Args:
            beat: send a heartbeat if one is due.
        """
        # While a broker reads nothing it expects no sign of life either.
        excused = not self._heartbeat or self._is_blocked
        try:
            self._let_end_within(self._settings.connect_timeout)
            self._listen()
            if beat:
                self._send_heartbeat_if_due()
        except Exception:
            return False  # nothing was under way: a new session shows if there is more to it
        if excused:
            return True
        oldest = self._clock() - self._heartbeat * _SILENT_HEARTBEATS
        return min(self._socket.last_sent, self._socket.last_received) > oldest

    def close(self, timeout: float) -> None:
        """Close the session as the protocol asks for, within *timeout* seconds."""
        try:
            self._let_end_within(timeout)
            self._connection.close()
        except Exception:
            pass  # nothing was under way: all that counts is that it is closed
        finally:
            self._socket.close()

    def abandon(self) -> None:
        """Reset the connection at once: what was not sent yet is never sent."""
        self._socket.abandon()

    def close_after_fork(self) -> None:
        """Close the descriptor in a forked child: the connection is its parent's and goes on."""
        self._socket.close_after_fork()
