"""The contract of a transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from structlog_mozdef.exceptions import TransportError


@dataclass(frozen=True)
class SendResult:
    """What became of the events of one `Transport.send`, by their index.

    An event that is in neither collection was accepted by the destination.

    Attributes:
        rejected: index -> reason, of events that the destination will never accept.
        retry: indices, in ascending order, of events that must be sent again.
        error: why these must be sent again. Where there are none, why the last rejected event was
            rejected, if the transport knows more than the reason.
    """

    rejected: Mapping[int, str] = field(default_factory=dict)
    retry: Sequence[int] = ()
    error: TransportError | None = None


#: Every event was accepted.
ALL_ACCEPTED = SendResult()


class Transport(Protocol):
    """Brings batches of events to a destination. Used by one thread at a time.

    It may have a method ``idle()`` as well, which is called every few seconds while there is
    nothing to send, so that a connection can be kept alive; and ``reconnect()``, which lets the
    next `send` open another connection, so that probes reach more than one server. An attribute
    ``batch_limit`` is the maximum of events that `send` is given at once, where that is less than
    the sink's ``batch_events``; ``waits_for``, read by other threads, is a text that says what a
    `send` that takes long waits for, or None.

    Attributes:
        name: the destination in log lines, without credentials.
        loggers: top-level names of the stdlib loggers that `send` causes records of; in the
            sender's thread these records are not events.
        recovery_probes: after an ambiguous failure, how many events must get through alone
            before a batch is sent; 0 or more.
        recovery_pause: seconds between the last of these and the batch.
        confirms: whether the destination says that it has an event. False: an event that `send`
            accepted has left this machine, and more is not known; `Stats` counts it as sent, not
            as delivered. A transport without this attribute confirms.
    """

    name: str
    loggers: frozenset[str]
    recovery_probes: int
    recovery_pause: float
    confirms: bool

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*, JSON objects on one line each.

        Raises:
            TransportError: nothing is known to have been delivered.
            Rejected: the destination blames the payload, without saying which event.
        """

    def after_fork_in_child(self) -> None:
        """Close the descriptors of connections that the parent made, and say nothing on them."""

    def close(self) -> None:
        """Close connections. A later `send` opens new ones."""
