"""What the channels to a receiver have in common: a protocol, times to wait, and errors.

A channel is one way to a receiver: a connection, datagrams of UDP, or a local socket.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult
from structlog_mozdef.transports.errors import os_error

#: What only a change of settings can help.
_SETTINGS = frozenset({errno.EACCES, errno.EPERM, errno.EPROTOTYPE, errno.ENOTSOCK})


class Channel(Protocol):
    """Sends messages to a receiver."""

    def send(self, messages: Sequence[bytes]) -> SendResult:
        """Send *messages*; see `structlog_mozdef.transports.base.Transport`."""

    def close(self) -> None:
        """End what is open, in order."""

    def close_after_fork(self) -> None:
        """Close what the parent process opened; send nothing on it."""


@dataclass(frozen=True)
class Timings:
    """How long channels wait for what syslog does not say, in seconds.

    Attributes:
        trial: how long the first batch on a connection is watched: a receiver that rejects this
            machine, or its certificate, accepts the connection and closes it within this time.
        longest_trial: the same at most, where connections were closed after their first batch.
        closing: how long closing waits for a receiver that has not read everything.
        rejection: how long the host of a UDP receiver has to say that there is none.
        address_age: how long the address of a UDP receiver is used: nothing reports that its name
            has another one.
    """

    trial: float = 0.2
    longest_trial: float = 2.0
    closing: float = 2.0
    rejection: float = 0.2
    address_age: float = 60.0


def socket_error(error: OSError, doing: str, *, ambiguous: bool) -> TransportError:
    """Return what an error of a socket, of the resolver or of TLS means for the events.

    Args:
        error: see above.
        doing: the beginning of the sentence.
        ambiguous: some of the events may have arrived.
    """
    return os_error(error, doing, peer="receiver", ambiguous=ambiguous, settings=_SETTINGS)
