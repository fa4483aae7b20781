"""Events as they arrive: server-sent events, at a pace that a page can follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from structlog_mozdef.collector.api import catalog as of
from structlog_mozdef.collector.api.filters import is_id

if TYPE_CHECKING:
    from structlog_mozdef.collector.api.filters import Filter
    from structlog_mozdef.collector.api.questions import Questions

#: Seconds from one message to the next, at least.
INTERVAL = 0.1
#: Seconds without news after which a comment is sent: proxies close connections that are silent.
HEARTBEAT = 15.0
_ROWS_MAX = 200


class LiveStream:
    """The messages to one client.

    Args:
        questions: what knows the events.
        wanted: the filter for events.
        begin: the number after which to begin, or None: with the next event.
        resumed: the id of the last message that the client got before its connection broke, or "".
        heartbeat: seconds after which a stream without news sends a comment.
    """

    def __init__(
        self,
        questions: Questions,
        wanted: Filter,
        begin: int | None = None,
        resumed: str = "",
        *,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._questions = questions
        self._wanted = wanted
        self._begin = begin
        self._resumed = resumed
        self._heartbeat = heartbeat

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield each message, until the server stops."""
        questions = self._questions
        catalog = await questions.catalog()
        last, is_current = self._first_number(catalog.last)
        clearings = catalog.clearings
        sent_at = time.monotonic()
        totals = b""
        while not questions.arrivals.is_closed:
            await questions.catalog()
            if catalog.clearings != clearings or not is_current:
                clearings, is_current = catalog.clearings, True
                yield _message("cleared", questions.totals(), self._id(catalog.last))
            selection = catalog.select(of.after(self._wanted, last))
            last = catalog.last
            if selection or totals != questions.totals():
                totals = questions.totals()
                rows = of.rows(selection, _ROWS_MAX, newest_first=True)
                skipped = of.count(selection) - len(rows)
                data = b'{"events":[%s],"skipped":%d,"totals":%s}'
                yield _message("events", data % (b",".join(rows), skipped, totals), self._id(last))
                sent_at = time.monotonic()
            elif time.monotonic() - sent_at >= self._heartbeat:
                yield b":\n\n"
                sent_at = time.monotonic()
            await asyncio.sleep(INTERVAL)
            # Another thread can clear the store without a notice.
            await self._wait_for_news(totals)

    async def _wait_for_news(self, totals: bytes) -> None:
        questions = self._questions
        if totals == questions.totals():
            await questions.arrivals.wait(min(1.0, self._heartbeat))

    def _first_number(self, last: int) -> tuple[int, bool]:
        """Return after which number to begin, and whether the client's events are of this store."""
        instance, _, number = self._resumed.rpartition("-")
        if not self._resumed:
            return (last if self._begin is None else self._begin), True
        if instance == self._questions.instance and is_id(number) and int(number) <= last:
            return int(number), True
        return 0, False

    def _id(self, last: int) -> str:
        return f"{self._questions.instance}-{last}"


def _message(name: str, data: bytes, message_id: str) -> bytes:
    # JSON has no line breaks of its own here.
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), message_id.encode(), data)
