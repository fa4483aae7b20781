"""What the collector has received: one SQLite table, in memory or in a file.

A row is one event, or one body that was answered with an error. ``document`` is NULL if MozDef
would have stored nothing; ``differences`` says why.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structlog_mozdef._lock import locked
from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.exceptions import CollectorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from structlog_mozdef.collector.ingest import ReceivedEvent

MEMORY = ":memory:"
_NO_DIFFERENCES = "[]"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,     -- order of arrival, from 1
    received TEXT NOT NULL,         -- ISO 8601, UTC
    path TEXT NOT NULL,             -- of the request
    raw TEXT NOT NULL,              -- as it was sent
    document TEXT,                  -- as MozDef would have stored it, JSON
    differences TEXT NOT NULL       -- JSON, a list of {kind, field, reason}
)
"""
_INSERT = "INSERT INTO events (received, path, raw, document, differences) VALUES (?, ?, ?, ?, ?)"
_SELECT = (
    "SELECT number, received, path, raw, document, differences FROM events"
    " WHERE number > ? {condition} ORDER BY number LIMIT 500"
)


@dataclass(frozen=True)
class Row:
    """One received event, or one body that was answered with an error.

    Args:
        number: order of arrival, from 1.
        received: the time of arrival, in UTC.
        path: of the request, such as ``/events``.
        raw: the source as it was sent.
        document: what MozDef would have stored, or None if it would have lost the event.
        differences: how the two differ, and why.
    """

    number: int
    received: datetime
    path: str
    raw: str
    document: dict[str, Any] | None
    differences: tuple[Difference, ...]


class Store:
    """A table of events that any thread can read and write.

    Args:
        path: of the SQLite file, which may hold earlier events; a new one is readable by its owner
            only (0600). Default ``":memory:"``: everything is gone after ``close()``.

    Raises:
        CollectorError: if the file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str] = MEMORY) -> None:
        # A test reads in its main thread, where a time limit may raise, while the server adds.
        self._lock = threading.RLock()
        self._closed = False
        name = os.fspath(path)
        try:
            if name != MEMORY:
                os.close(os.open(name, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(name, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise CollectorError(f"The database {name!r} cannot be opened: {error}.") from error
        try:
            # WAL lets other processes read the file at the same time. A transaction survives the
            # death of the process; only a power failure may lose the last ones.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
            count = "SELECT COUNT(*), COUNT(document) FROM events"
            counts: tuple[int, int] = self._connection.execute(count).fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise CollectorError(f"The database {name!r} cannot be used: {error}.") from error
        # Counted here once: counting in SQL would read the whole table each time.
        self._received, self._stored = counts

    @property
    def received(self) -> int:
        """Number of events, including those that MozDef would have lost."""
        return self._received

    @property
    def stored(self) -> int:
        """Number of events that MozDef would have stored."""
        return self._stored

    @locked
    def add(self, path: str, received: datetime, events: Iterable[ReceivedEvent]) -> None:
        """Insert the events of one request, all or none, in one transaction.

        Args:
            path: of the request.
            received: the time of arrival, with its zone.
            events: in the order in which they were sent; one at a time is in memory.
        """
        time = received.astimezone(UTC).isoformat()
        count = stored = 0

        def rows() -> Iterator[tuple[str | None, ...]]:
            nonlocal count, stored
            for event in events:
                count += 1
                stored += event.outcome.document is not None
                yield time, path, *_columns(event)

        with self._connection:
            self._connection.executemany(_INSERT, rows())
            self._received += count
            self._stored += stored

    def rows(self) -> Iterator[Row]:
        """Iterate over all events in their order, including those that arrive meanwhile."""
        for number, received, path, raw, document, differences in self._select(""):
            yield Row(
                number,
                datetime.fromisoformat(received),
                path,
                raw,
                None if document is None else json_like_mozdef.loads(document.encode()),
                _load_differences(differences),
            )

    def documents(self, *, limit: int | None = None, tag: str | None = None) -> Iterator[Any]:
        """Iterate over what MozDef would have stored, in the order of arrival.

        Args:
            limit: the maximum number of documents. Default None: all.
            tag: only documents that have this tag. Default None: all.
        """
        found = 0
        for row in self._select("AND document IS NOT NULL"):
            if limit is not None and found >= limit:
                return
            document = json_like_mozdef.loads(row[4].encode())
            if tag is None or _has_tag(document, tag):
                found += 1
                yield document

    def differences(self) -> Iterator[Difference]:
        """Iterate over all differences, in the order of arrival."""
        for row in self._select(f"AND differences != '{_NO_DIFFERENCES}'"):
            yield from _load_differences(row[5])

    @locked
    def close(self) -> None:
        """Close the database; closing twice does no harm."""
        self._closed = True
        self._connection.close()

    def _select(self, condition: str) -> Iterator[tuple[Any, ...]]:
        # In pages, because the lock must not be held while the caller handles a row.
        query = _SELECT.format(condition=condition)
        last = 0
        while True:
            page = self._page(query, last)
            yield from page
            if not page:
                return
            last = page[-1][0]

    @locked
    def _page(self, query: str, last: int) -> list[tuple[Any, ...]]:
        if self._closed:
            raise CollectorError("The store is closed: read it before it is stopped.")
        return self._connection.execute(query, (last,)).fetchall()


def stored_documents(path: str) -> Iterator[str]:
    """Yield the JSON of what MozDef would have stored, from a database that is not changed.

    Args:
        path: of the SQLite file, which a collector may be writing to.

    Raises:
        CollectorError: it is no database of a collector, or cannot be read.
    """
    uri = f"{Path(path).absolute().as_uri()}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True)
    except sqlite3.Error as error:
        raise CollectorError(f"The database {path!r} cannot be opened: {error}.") from error
    try:
        query = "SELECT document FROM events WHERE document IS NOT NULL ORDER BY number"
        for (document,) in connection.execute(query):
            yield document
    except sqlite3.Error as error:
        raise CollectorError(f"The database {path!r} cannot be read: {error}.") from error
    finally:
        connection.close()


def _columns(event: ReceivedEvent) -> tuple[str, str | None, str]:
    outcome = event.outcome
    document = None if outcome.document is None else json_like_mozdef.dumps(outcome.document)
    if not outcome.differences:  # nearly always
        return event.raw, document, _NO_DIFFERENCES
    differences = json.dumps([asdict(difference) for difference in outcome.differences])
    return event.raw, document, differences


def _load_differences(text: str) -> tuple[Difference, ...]:
    return tuple(Difference(**difference) for difference in json.loads(text))


def _has_tag(document: dict[str, Any], tag: str) -> bool:
    tags = document.get("tags")
    return isinstance(tags, list) and tag in tags
