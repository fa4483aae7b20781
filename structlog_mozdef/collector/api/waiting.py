"""Waiting for events, and how many may do so at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Arrivals:
    """Wakes those that wait for events; it belongs to the thread of the server's event loop."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the server is about to stop."""
        return self._is_closed

    def notify(self) -> None:
        """Wake all who wait: there may be something new."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - its end is no error
        """Wait until there may be something new, or *timeout* seconds have passed."""
        if self._is_closed:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.discard(waiter)

    def close(self) -> None:
        """Wake all, and let nobody wait any more."""
        self._is_closed = True
        self.notify()


class Places:
    """A number of places, each of which one request at a time may hold."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextlib.contextmanager
    def hold(self) -> Iterator[bool]:
        """Hold a place inside of the block, which is told whether there was one."""
        is_free = self._free > 0
        self._free -= is_free
        try:
            yield is_free
        finally:
            self._free += is_free
