"""The transport for tests keeps the promises of every transport."""

from __future__ import annotations

import contextlib
import json

from support.transport_contract import EVENTS, TransportContract

from structlog_mozdef.transports.memory import MemoryTransport


class TestMemoryTransport(TransportContract):
    """Events that are kept in memory."""

    @contextlib.contextmanager
    def working(self):
        transport = MemoryTransport()
        yield transport, lambda: [event for batch in transport.batches for event in batch]

    def test_events_are_decoded(self):
        """A test can look at the events as they were."""
        transport = MemoryTransport()
        transport.send(EVENTS[:2])
        assert transport.events == [json.loads(event) for event in EVENTS[:2]]
