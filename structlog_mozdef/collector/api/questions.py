"""The catalog in a running server.

It follows the store once somebody has asked, or from the start where the store does not keep all.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from structlog_mozdef.collector.api.catalog import Catalog
from structlog_mozdef.collector.api.waiting import Arrivals, Places

if TYPE_CHECKING:
    from structlog_mozdef.collector.store import Store, Totals

# Events that arrive within so many seconds are read together.
_FOLLOW_INTERVAL = 0.05
_LIVE_MAX = 32
_WAITING_MAX = 64


class Questions:
    """What all questions share.

    Attributes:
        store: that holds the events.
        arrivals: wakes those who wait for events.
        live_places: for streams of events.
        waiting_places: for requests that wait for an event.
        instance: a name of this server, for clients to notice that it is another one.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.arrivals = Arrivals()
        self.live_places = Places(_LIVE_MAX)
        self.waiting_places = Places(_WAITING_MAX)
        self.instance = secrets.token_hex(4)
        self._catalog = Catalog(store)
        self._follower: asyncio.Task[None] | None = None
        self._totals: tuple[Totals | None, bytes] = (None, b"")

    def start(self) -> None:
        """Begin to follow the store; called in the event loop."""
        if self._follower is None:
            self._follower = asyncio.create_task(self._follow())

    async def catalog(self) -> Catalog:
        """Return the catalog, which knows all that had arrived when this was called."""
        self.start()
        last = self.store.totals.last
        while not self._catalog.follow() and self._catalog.last < last:
            await _let_others_run()
        return self._catalog

    def totals(self) -> bytes:
        """Return how many events have arrived, and what became of them, as JSON."""
        totals = self.store.totals
        if self._totals[0] is not totals:
            self._totals = (totals, orjson.dumps(asdict(totals)))
        return self._totals[1]

    def stop(self) -> None:
        """End what waits; called before the server stops."""
        self.arrivals.close()

    def close(self) -> None:
        """Close the catalog; called after the server has stopped."""
        self._catalog.close()

    async def _follow(self) -> None:
        while not self.arrivals.is_closed:
            while not self._catalog.follow():
                await _let_others_run()
            await self.arrivals.wait(1.0)
            await asyncio.sleep(_FOLLOW_INTERVAL)


async def _let_others_run() -> None:
    await asyncio.sleep(0)
