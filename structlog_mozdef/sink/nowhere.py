"""Where events go whose sink has no destination: they are counted, and that is all.

A program without a URL (on a laptop, in its tests) logs as it always does, and sends nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from structlog_mozdef._lock import locked
from structlog_mozdef.buffers.accounting import Drops
from structlog_mozdef.buffers.base import NO_DESTINATION
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult


def is_nowhere(url_or_transport: object) -> bool:
    """Whether that is no destination: None, or a URL that is empty."""
    return url_or_transport is None or (
        isinstance(url_or_transport, str) and not url_or_transport.strip()
    )


class Nowhere:
    """The transport of such a sink, which is never given an event."""

    name = "nowhere"
    loggers: frozenset[str] = frozenset()
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Do nothing."""
        return ALL_ACCEPTED

    def after_fork_in_child(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Discarded:
    """Count the events of such a sink. Their loss is what the program asked for: no warning."""

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        self._drops = Drops()

    @locked
    def discard(self, event: bytes) -> int:
        """Count *event*; return a backlog that starts and wakes no thread."""
        self._drops.add(NO_DESTINATION)
        return -1

    def counts(self) -> dict[str, int]:
        """Return reason -> events."""
        return self._drops.counts()
