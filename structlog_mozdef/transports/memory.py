"""A transport that keeps events instead of sending them, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult


class MemoryTransport:
    """Accept every event and keep it: ``Sink(MemoryTransport())``.

    Attributes:
        batches: what each `send` was given.
    """

    name = "memory"
    loggers: frozenset[str] = frozenset()
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events, decoded from JSON."""
        return [json.loads(event) for batch in self.batches for event in batch]

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Keep *events* as one more batch."""
        self.batches.append(list(events))
        return ALL_ACCEPTED

    def after_fork_in_child(self) -> None:
        """Begin empty: what the parent sent is its own."""
        self.batches = []

    def close(self) -> None:
        """Do nothing: there is no connection to close."""
