"""What the collector has received: one SQLite table, in memory or in a file.

A row is one event, or one body that was answered with an error. ``document`` is NULL if MozDef
would have stored nothing; ``differences`` says why.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import Counter
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structlog_mozdef._lock import locked
from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference, status_of_lost
from structlog_mozdef.exceptions import CollectorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from structlog_mozdef.collector.differences import Status
    from structlog_mozdef.collector.ingest import ReceivedEvent

    _Columns = tuple[str, str | None, str, Status]

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
_COLUMNS = {"number", "received", "path", "raw", "document", "differences"}
# What the table above no longer shows, in its one row.
_TOTALS_SCHEMA = """
CREATE TABLE IF NOT EXISTS totals (
    received INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    forgotten INTEGER NOT NULL,
    last INTEGER NOT NULL           -- the last number: none is given twice, not even after a clear
)
"""
_INSERT = (
    "INSERT INTO events (number, received, path, raw, document, differences)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_SELECT = (
    "SELECT number, received, path, raw, document, differences FROM events"
    " WHERE number > ? {condition} ORDER BY number LIMIT {limit}"
)
_SELECT_ONE = _SELECT.format(condition="AND number = ?", limit=1)
_COUNT = (
    "SELECT document IS NULL, CASE WHEN document IS NULL THEN differences END, COUNT(*)"
    " FROM events GROUP BY 1, 2"
)
_PAGE = 500
# A page ends with the event that makes it larger than so many characters.
_PAGE_MAX_LENGTH = 4_000_000
# Enough is removed at once that not every request has to remove something.
_REMOVED_AT_ONCE = 50


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


@dataclass(frozen=True)
class Totals:
    """How many events have arrived since the last ``clear()``, and what became of them.

    Args:
        received: all; the sum of the next three.
        stored: those that MozDef would have stored.
        refused: those that its index refuses, or that were answered with an error.
        dropped: those that MozDef loses.
        forgotten: of all, those that are no longer there because newer ones came.
        last: the number of the newest event that ever arrived.
    """

    received: int = 0
    stored: int = 0
    refused: int = 0
    dropped: int = 0
    forgotten: int = 0
    last: int = 0

    def plus(self, statuses: Counter[Status], forgotten: int) -> Totals:
        """Return the totals after more events of these statuses."""
        count = statuses.total()
        return Totals(
            self.received + count,
            self.stored + statuses["stored"],
            self.refused + statuses["refused"],
            self.dropped + statuses["dropped"],
            self.forgotten + forgotten,
            self.last + count,
        )


class Store:
    """A table of events that any thread can read and write.

    Args:
        path: of the SQLite file, which may hold earlier events; a new one is readable by its owner
            only (0600). Default ``":memory:"``: everything is gone after ``close()``.
        keep: the maximum number of events that are kept: the oldest go first. Default None: all.
        keep_bytes: the maximum size of the database, about; the oldest events go first.
            Default None: any.

    Raises:
        CollectorError: if the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MEMORY,
        *,
        keep: int | None = None,
        keep_bytes: int | None = None,
    ) -> None:
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._clearings = 0
        self._totals = Totals()
        self._first = 1
        self._version = -1
        self._is_known = False
        # A test reads in its main thread, where a time limit may raise, while the server adds.
        self._lock = threading.RLock()
        self._closed = False
        name = os.fspath(path)
        self._is_memory = name == MEMORY
        try:
            if name != MEMORY:
                os.close(os.open(name, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(name, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise CollectorError(f"The database {name!r} cannot be opened: {error}.") from error
        try:
            self._check_owner(name)
            # WAL lets other processes read the file at the same time. A transaction survives the
            # death of the process; only a power failure may lose the last ones.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
            self._connection.execute(_TOTALS_SCHEMA)
            with self._connection:
                self._begin()
                self._forget()
                self._write_totals()
        except sqlite3.Error as error:
            self._connection.close()
            raise CollectorError(f"The database {name!r} cannot be used: {error}.") from error

    @property
    def received(self) -> int:
        """Number of events, including those that MozDef would have lost."""
        return self._totals.received

    @property
    def stored(self) -> int:
        """Number of events that MozDef would have stored."""
        return self._totals.stored

    @property
    def totals(self) -> Totals:
        """How many events have arrived, and what became of them."""
        return self._totals

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept; that of the next one where none is."""
        return self._first

    @property
    def forgets(self) -> bool:
        """Whether the oldest events go where there are many."""
        return self._keep is not None or self._keep_bytes is not None

    @property
    def clearings(self) -> int:
        """How often ``clear()`` was called."""
        return self._clearings

    def add(self, path: str, received: datetime, events: Iterable[ReceivedEvent]) -> None:
        """Insert the events of one request, all or none, in one transaction.

        Args:
            path: of the request.
            received: the time of arrival, with its zone.
            events: in the order in which they were sent; one at a time is in memory.
        """
        self.insert(path, received, map(columns_of, events))

    @locked
    def insert(self, path: str, received: datetime, events: Iterable[_Columns]) -> None:
        """Insert events as `add` does, of which `columns_of` was called before."""
        time = received.astimezone(UTC).isoformat()
        statuses: Counter[Status] = Counter()

        def rows() -> Iterator[tuple[int | str | None, ...]]:
            for number, (*columns, status) in enumerate(events, self._totals.last + 1):
                statuses[status] += 1
                yield number, time, path, *columns

        try:
            with self._connection:
                self._begin()
                first, before = self._first, self._totals
                try:
                    self._connection.executemany(_INSERT, rows())
                    self._totals = self._totals.plus(statuses, 0)
                    self._forget()
                    self._write_totals()
                except BaseException:
                    self._first, self._totals = first, before
                    raise
        except sqlite3.Error:  # also of a commit: what is in the file is true
            self._version = -1
            raise

    @locked
    def clear(self) -> int:
        """Remove all events, and count from zero; return how many there were.

        Numbers are not given again: the next event has the next one.
        """
        self._check_open()
        with self._connection:
            self._begin()
            count: int = self._connection.execute("DELETE FROM events").rowcount
            self._totals = Totals(last=self._totals.last)
            self._first = self._totals.last + 1
            self._write_totals()
        self._clearings += 1
        return count

    @locked
    def page(self, after: int, limit: int = _PAGE) -> list[tuple[Any, ...]]:
        """Return the columns of the first events after a number, as they are in the table.

        A page is shorter than *limit* where the events are large; only at the end it is empty.
        """
        return self._page(_SELECT.format(condition="", limit=limit), after)

    @locked
    def row(self, number: int) -> tuple[Any, ...] | None:
        """Return the columns of one event, or None where it is not there."""
        self._check_open()
        rows = self._connection.execute(_SELECT_ONE, (0, number)).fetchall()
        return rows[0] if rows else None

    def rows(self) -> Iterator[Row]:
        """Iterate over all events in their order, including those that arrive meanwhile."""
        for number, received, path, raw, document, differences in self._select(""):
            yield Row(
                number,
                datetime.fromisoformat(received),
                path,
                raw,
                None if document is None else json_like_mozdef.loads(document.encode()),
                load_differences(differences),
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
            yield from load_differences(row[5])

    @locked
    def close(self) -> None:
        """Close the database; closing twice does no harm."""
        self._closed = True
        self._connection.close()

    def _select(self, condition: str) -> Iterator[tuple[Any, ...]]:
        # In pages, because the lock must not be held while the caller handles a row.
        query = _SELECT.format(condition=condition, limit=_PAGE)
        last = 0
        while True:
            page = self._page(query, last)
            yield from page
            if not page:
                return
            last = page[-1][0]

    @locked
    def _page(self, query: str, last: int) -> list[tuple[Any, ...]]:
        self._check_open()
        page = []
        length = 0
        for row in self._connection.execute(query, (last,)):
            page.append(row)
            length += len(row[3]) + len(row[4] or "") + len(row[5])
            if length > _PAGE_MAX_LENGTH:
                break
        return page

    def _check_owner(self, name: str) -> None:
        """Raise CollectorError if the file has tables, and none that a collector has made."""
        names = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        columns = self._connection.execute("SELECT name FROM pragma_table_info('events')")
        if names.fetchall() and {column for (column,) in columns} != _COLUMNS:
            self._connection.close()
            raise CollectorError(f"The database {name!r} is that of another program.")

    def _check_open(self) -> None:
        if self._closed:
            raise CollectorError("The store is closed: read it before it is stopped.")

    def _begin(self) -> None:
        """Begin a transaction, and read what another process has changed in the file."""
        if self._connection.in_transaction:  # a signal handler has raised before it ended
            self._connection.rollback()
        self._connection.execute("BEGIN IMMEDIATE")
        if self._is_memory and self._is_known:
            return
        self._is_known = True
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        self._version = version
        self._totals = self._read_totals()
        query = "SELECT COALESCE(MIN(number), ?) FROM events"
        first = self._connection.execute(query, (self._totals.last + 1,)).fetchone()
        self._first = first[0]

    def _read_totals(self) -> Totals:
        found = self._connection.execute("SELECT * FROM totals").fetchone()
        (newest,) = self._connection.execute("SELECT MAX(number) FROM events").fetchone()
        if found is not None and (newest is None or newest <= found[-1]):
            return Totals(*found)
        # An earlier version has written the file.
        statuses: Counter[Status] = Counter()
        for is_lost, differences, count in self._connection.execute(_COUNT):
            status = status_of_lost(load_differences(differences)) if is_lost else "stored"
            statuses[status] += count
        return replace(Totals().plus(statuses, 0), last=newest or 0)

    def _write_totals(self) -> None:
        if self._is_memory:  # nobody else reads them
            return
        values = astuple(self._totals)
        update = "UPDATE totals SET received=?, stored=?, refused=?, dropped=?, forgotten=?, last=?"
        if not self._connection.execute(update, values).rowcount:
            self._connection.execute("INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)", values)

    def _forget(self) -> None:
        """Remove the oldest events where there are too many, or too large ones."""
        last = self._totals.last
        if self._keep is not None and last - self._first >= self._keep:
            self._forget_before(last + 1 - self._keep)
        while self._keep_bytes is not None and self._first < last and self._is_too_large():
            self._forget_before(min(last, self._first + _REMOVED_AT_ONCE))

    def _forget_before(self, number: int) -> None:
        delete = "DELETE FROM events WHERE number < ?"
        count = self._connection.execute(delete, (number,)).rowcount
        self._first = number
        self._totals = replace(self._totals, forgotten=self._totals.forgotten + count)

    def _is_too_large(self) -> bool:
        assert self._keep_bytes is not None  # noqa: S101 - for mypy
        size, pages, unused = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        return bool(size * (pages - unused) > self._keep_bytes)


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


def columns_of(event: ReceivedEvent) -> _Columns:
    """Return what the table has of an event, and its status; any thread may call this."""
    outcome = event.outcome
    document = None if outcome.document is None else json_like_mozdef.dumps(outcome.document)
    if not outcome.differences:  # nearly always
        return event.raw, document, _NO_DIFFERENCES, outcome.status
    differences = json_like_mozdef.dumps(list(map(_to_dict, outcome.differences)))
    return event.raw, document, differences, outcome.status


def _to_dict(difference: Difference) -> dict[str, str]:
    values = {"kind": difference.kind, "field": difference.field, "reason": difference.reason}
    if difference.stored_as:
        values["stored_as"] = difference.stored_as
    return values


def load_differences(text: str) -> tuple[Difference, ...]:
    """Read the column ``differences``."""
    if text == _NO_DIFFERENCES:  # nearly always
        return ()
    return tuple(Difference(**difference) for difference in json.loads(text))


def _has_tag(document: dict[str, Any], tag: str) -> bool:
    tags = document.get("tags")
    return isinstance(tags, list) and tag in tags
