"""Events to RabbitMQ, MozDef's own queue, with its confirmation for each of them.

Among MozDef's inputs this is the only one where success means that an event is safe: a confirm
comes when every queue that the event is routed to has it on disk, or on its mirrors. Confirms are
waited for once a batch. Events that no queue is bound for come back (``mandatory``) and are kept.

Before: `structlog_mozdef.delivery` calls `AMQPTransport.send` with a batch. After: a broker, from
whose queue MozDef's worker reads.

- this file: which host to use, and what becomes of a batch.
- `session`: one connection to one broker: open, publish, wait for confirms, close.
- `confirms`: which events the broker has answered for.
- `frames`: messages as bytes.
- `socket`: reads and writes within a deadline.
- `errors`: what an exception of py-amqp means.
- `options`: checks of what a user sets.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - loaded here, not when the sender first resolves a host
import random
from collections.abc import Callable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import LONGEST_DURATION, check_number
from structlog_mozdef.exceptions import MozDefError, Rejected, TransportError
from structlog_mozdef.transports.amqp.options import hosts_of, settings_of
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.urls import parse_hosts

if TYPE_CHECKING:
    from structlog_mozdef.transports.amqp.session import Outcome, Session

# Not `random.random`: a program that has seeded that would get other numbers.
_system_random = random.SystemRandom().random
#: The longest that RabbitMQ and py-amqp can count, in seconds.
_LONGEST_HEARTBEAT = 65_535
#: The longest time for closing, in seconds.
_CLOSE_TIMEOUT = 2.0
#: The names that MozDef gives its exchange and the key that its queue is bound by.
_MOZDEF = "eventtask"


class AMQPTransport:
    """Publish events to an exchange of RabbitMQ; those that it has confirmed are delivered.

    Messages are persistent, of content type ``application/json``, and published as mandatory. The
    exchange must exist; MozDef's worker declares it.

    Args:
        url: ``amqps://user:password@host,host:port/vhost`` (TLS) or ``amqp://`` (plain). With
            several hosts the first one is chosen at random, and another one when it fails.
            Default ports 5671 and 5672, user and password "guest", vhost "/"; user, password and
            vhost are percent-decoded, and user and password are shown nowhere.
        exchange, routing_key: where to publish. Default "eventtask", as MozDef has it.
        heartbeat: seconds between signs of life while the connection is idle; 0 for none. If the
            broker asks for fewer seconds, these count. Default 60. TCP's own signs of life are
            always on.
        verify: True (default: the certificates that the system trusts), False (a warning), or
            the path of a CA bundle.
        cert: path of a client certificate with its key, or a pair of paths. Where the URL names
            no user, and the broker knows users by their certificates, it is the user.
        connect_timeout: seconds for all that comes before publishing, for each host. Default 10.
        confirm_timeout: seconds for the confirms of a batch, and for a broker that has blocked
            the connection to accept events again. Default 30.
        clock: for tests: returns seconds, monotonic.
        chance: for tests: returns a random number from 0 to 1, for the first host.

    Raises:
        ValueError: for a value that cannot work.
        MozDefError: where py-amqp is not installed.
    """

    loggers = frozenset({"amqp"})
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    @clears_locals
    def __init__(
        self,
        url: str,
        *,
        exchange: str = _MOZDEF,
        routing_key: str = _MOZDEF,
        heartbeat: int = 60,
        verify: bool | str | PathLike[str] = True,
        cert: str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]] | None = None,
        connect_timeout: float = 10.0,
        confirm_timeout: float = 30.0,
        own_log: RateLimitedLogger | None = None,
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = _system_random,
    ) -> None:
        address = parse_hosts(url, ("amqps", "amqp"))
        check_number("heartbeat", heartbeat, minimum=0, maximum=_LONGEST_HEARTBEAT, integer=True)
        for name, value in (("connect", connect_timeout), ("confirm", confirm_timeout)):
            check_number(f"{name}_timeout", value, minimum=0.001, maximum=LONGEST_DURATION)
        self._settings = settings_of(
            address,
            exchange=exchange,
            routing_key=routing_key,
            verify=verify,
            cert=cert,
            heartbeat=heartbeat,
            connect_timeout=connect_timeout,
            confirm_timeout=confirm_timeout,
        )
        self._hosts = hosts_of(address)
        self.name = address.name
        if (exchange, routing_key) != (_MOZDEF, _MOZDEF):
            # Events that wait in a spool for one exchange must not go to another one.
            self.name += f" (exchange {exchange!r}, routing key {routing_key!r})"
        self._clock = clock
        self._chance = chance
        self._session_class = _load()
        self._session: Session | None = None
        self._choose_host()
        self._own_log = own_log or RateLimitedLogger()
        if verify is False and address.scheme == "amqps":
            self._own_log.warn(
                "verify",
                f"verify is False: anybody can read and change what is sent to {self.name}",
            )

    def _choose_host(self) -> None:
        """Let the hosts share a fleet of senders."""
        self._current = int(self._chance() * len(self._hosts))

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        session = self._usable_session()
        outcome = session.publish(events)
        if outcome.is_over:
            # The next attempt begins with another host.
            self._current = (self._current + 1) % len(self._hosts)
            self._session = None
            session.abandon()
        elif outcome.error is None and not outcome.unrouted and len(outcome.retry) == len(events):
            # RabbitMQ 3.10 rejects all on a channel whose first event found no leader of a quorum
            # queue, as long as the old leader is down. Another channel is served.
            self._current = (self._current + 1) % len(self._hosts)
            self._close_session()
        return self._result_of(events, outcome)

    def _usable_session(self) -> Session:
        if self._session is not None:
            if self._session.is_alive():
                return self._session
            self._close_session()
        return self._connect()

    def _connect(self) -> Session:
        failures: list[TransportError] = []
        count = len(self._hosts)
        for step in range(count):
            number = (self._current + step) % count
            # Kept from the start: a child that is forked meanwhile has to close it.
            self._session = session = self._session_class(
                *self._hosts[number], self._settings, self._clock, self._report_late
            )
            try:
                session.open()
            except TransportError as error:
                self._session = None
                failures.append(error)
                continue
            if failures:
                self._own_log.warn(
                    "hosts", f"{self.name}: another broker is used ({self._reasons(failures)})"
                )
            self._current = number
            return session
        if count == 1:
            raise failures[0]
        raise TransportError(
            f"none of {count} brokers can be used ({self._reasons(failures)})",
            retryable=any(failure.retryable for failure in failures),
        )

    def _reasons(self, failures: Sequence[TransportError]) -> str:
        reasons = []
        for step, failure in enumerate(failures):
            host, port = self._hosts[(self._current + step) % len(self._hosts)]
            reasons.append(f"{host}:{port}: {failure}")
        return "; ".join(reasons)

    @property
    def waits_for(self) -> str | None:
        """What a `send` that is under way waits for."""
        session = self._session
        return None if session is None else session.waits_for

    def _report_late(self) -> None:
        if waits_for := self.waits_for:
            self._own_log.warn(f"late {waits_for}", f"{self.name}: {waits_for}")

    def _result_of(self, events: Sequence[bytes], outcome: Outcome) -> SendResult:
        if not outcome.retry:
            return ALL_ACCEPTED
        retry, rejected = outcome.retry, {}
        error = outcome.error or self._not_accepted(outcome)
        if (limit := getattr(error, "limit", None)) is not None:
            rejected = {
                index: f"{len(events[index])} bytes: {error}"
                for index in retry
                if len(events[index]) > limit
            }
            retry = [index for index in retry if index not in rejected]
            if rejected and not retry:
                return SendResult(rejected)
            if not rejected and len(retry) == len(events):
                raise Rejected(str(error))
        if len(retry) == len(events):
            raise error
        return SendResult(rejected, tuple(retry), error)

    def _not_accepted(self, outcome: Outcome) -> TransportError:
        settings = self._settings
        if outcome.unrouted:
            return TransportError(
                f"no queue is bound to exchange {settings.exchange!r} with routing key"
                f" {settings.routing_key!r}"
            )
        return TransportError("the broker does not accept some events; its queue may be full")

    def idle(self) -> None:
        """Keep the connection alive; to be called now and then while there is nothing to send.

        Sends a heartbeat if one is due. Without such calls the broker closes a connection that is
        idle for two heartbeats, and the next event is sent on a new one.
        """
        if self._session is not None and not self._session.is_alive(beat=True):
            self._close_session()

    def after_fork_in_child(self) -> None:
        """Close the parent's connection in this process, without a word on it."""
        session, self._session = self._session, None
        if session is not None:
            session.close_after_fork()
        self._choose_host()  # the workers of one server spread as well

    def close(self) -> None:
        """Close the connection as the protocol asks for, within a few seconds."""
        self._close_session()

    def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close(_CLOSE_TIMEOUT)

    @shows_half_made
    def __repr__(self) -> str:
        return f"<AMQPTransport to {self.name}>"


def _load() -> type[Session]:
    """Import py-amqp in the thread that configures: a fork meanwhile would leave a child a lock."""
    with mapped_errors(_missing_library, ImportError):
        from structlog_mozdef.transports.amqp.session import Session

        return Session


def _missing_library(error: Exception) -> MozDefError | None:
    if (getattr(error, "name", "") or "").startswith(("amqp", "vine")):
        return MozDefError("AMQP needs the library amqp: pip install structlog-mozdef[amqp]")
    return None
