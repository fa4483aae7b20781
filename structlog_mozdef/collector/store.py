"""Where the receiver keeps what arrived: one SQLite table, in memory or in a file.

A row is one arrival: an event, or a body that was answered with an error. ``document`` is NULL
where MozDef would have stored nothing; ``findings`` says why.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.exceptions import CollectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from structlog_mozdef.collector.ingest import Arrival

MEMORY = ":memory:"
_NO_FINDINGS = "[]"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS arrivals (
    number INTEGER PRIMARY KEY,     -- order of arrival, from 1
    received TEXT NOT NULL,         -- ISO 8601, UTC
    path TEXT NOT NULL,             -- of the request
    raw TEXT NOT NULL,              -- as it was sent
    document TEXT,                  -- as MozDef would have stored it, JSON
    findings TEXT NOT NULL          -- JSON, a list of {kind, field, reason}
)
"""
_INSERT = "INSERT INTO arrivals (received, path, raw, document, findings) VALUES (?, ?, ?, ?, ?)"
_SELECT = (
    "SELECT number, received, path, raw, document, findings FROM arrivals"
    " WHERE number > ? {condition} ORDER BY number LIMIT 500"
)


@dataclass(frozen=True)
class Row:
    """One arrival as it is kept.

    Args:
        number: order of arrival, from 1.
        received: when it arrived, in UTC.
        path: of the request, such as ``/events``.
        raw: the text as it was sent.
        document: what MozDef would have stored, or None where it would have lost the event.
        findings: how the two differ, and why.
    """

    number: int
    received: datetime
    path: str
    raw: str
    document: dict[str, Any] | None
    differences: tuple[Difference, ...]


class Store:
    """A table of arrivals that any thread can read and write.

    Args:
        path: of the SQLite file, made for its owner alone (0600) where there is none; it may hold
            earlier arrivals. Default ``":memory:"``: everything is gone with ``close()``.

    Raises:
        CollectorError: where the file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str] = MEMORY) -> None:
        self._lock = threading.Lock()
        self._closed = False
        name = os.fspath(path)
        try:
            if name != MEMORY:
                os.close(os.open(name, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(name, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise CollectorError(f"The database {name!r} cannot be opened: {error}.") from error
        try:
            # WAL lets other processes read the file meanwhile. A transaction survives the death of
            # the process; only a power failure may cost the last ones.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
            count = "SELECT COUNT(*), COUNT(document) FROM arrivals"
            counts: tuple[int, int] = self._connection.execute(count).fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise CollectorError(f"The database {name!r} cannot be used: {error}.") from error
        # Counted here once: counting in SQL would read the whole table each time.
        self._received, self._stored = counts

    @property
    def received(self) -> int:
        """Number of arrivals, those that were lost or refused included."""
        return self._received

    @property
    def stored(self) -> int:
        """Number of arrivals of which MozDef would have stored a document."""
        return self._stored

    def add(self, path: str, received: datetime, arrivals: Sequence[Arrival]) -> None:
        """Insert the arrivals of one request, all or none, in one transaction.

        Args:
            path: of the request.
            received: when it arrived, with its zone.
            arrivals: in the order in which they were sent.
        """
        if not arrivals:
            return
        time = received.astimezone(UTC).isoformat()
        rows = [(time, path, *_columns(arrival)) for arrival in arrivals]
        stored = sum(arrival.mapped.document is not None for arrival in arrivals)
        with self._lock, self._connection:
            self._connection.executemany(_INSERT, rows)
            self._received += len(rows)
            self._stored += stored

    def rows(self) -> Iterator[Row]:
        """Iterate over all arrivals in their order, those that come meanwhile included."""
        for number, received, path, raw, document, differences in self._select(""):
            yield Row(
                number,
                datetime.fromisoformat(received),
                path,
                raw,
                None if document is None else json_like_mozdef.loads(document.encode()),
                _load_findings(differences),
            )

    def documents(self, *, limit: int | None = None, tag: str | None = None) -> Iterator[Any]:
        """Iterate over what MozDef would have stored, in the order of arrival.

        Args:
            limit: stop after this many documents. Default None: all.
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
        """Iterate over all findings, in the order of arrival."""
        for row in self._select(f"AND findings != '{_NO_FINDINGS}'"):
            yield from _load_findings(row[5])

    def close(self) -> None:
        """Close the database; closing twice does no harm."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _select(self, condition: str) -> Iterator[tuple[Any, ...]]:
        # In pages, because the lock must not be held while the caller looks at a row.
        query = _SELECT.format(condition=condition)
        last = 0
        while True:
            with self._lock:
                if self._closed:
                    raise CollectorError("The store is closed: read it before it is stopped.")
                page = self._connection.execute(query, (last,)).fetchall()
            yield from page
            if not page:
                return
            last = page[-1][0]


def _columns(arrival: Arrival) -> tuple[str, str | None, str]:
    mapped = arrival.mapped
    document = None if mapped.document is None else json_like_mozdef.dumps(mapped.document)
    if not mapped.differences:  # nearly always
        return arrival.raw, document, _NO_FINDINGS
    differences = json.dumps([asdict(finding) for finding in mapped.differences])
    return arrival.raw, document, differences


def _load_findings(text: str) -> tuple[Difference, ...]:
    return tuple(Difference(**finding) for finding in json.loads(text))


def _has_tag(document: dict[str, Any], tag: str) -> bool:
    tags = document.get("tags")
    return isinstance(tags, list) and tag in tags
