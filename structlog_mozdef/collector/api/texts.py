"""Words in events, found by SQLite's full-text search (FTS5) in a database in memory."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import OrderedDict

from structlog_mozdef.collector.api.block import BLOCK_SIZE

# A table for so many events: with the last of them, the whole table goes.
_TABLE_SIZE = 4 * BLOCK_SIZE
# So many are inserted at once: FTS5 writes a segment for each transaction.
_PENDING_MAX = 500
_REMEMBERED_QUERIES = 16
_ONE = ord("1")

_TABLE = (
    "CREATE VIRTUAL TABLE texts_{} USING fts5("
    "text, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')"
)


class TextIndex:
    """Which events have which words.

    Found bits are remembered by query, so that a question that comes again, as those of live
    streams do, looks at new events only.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._tables: set[int] = set()
        self._pending: list[tuple[int, str]] = []
        self._last = 0
        self._found: OrderedDict[str, tuple[int, dict[int, int]]] = OrderedDict()

    def add(self, number: int, text: str) -> None:
        """Add an event after all others."""
        if self._pending and number // _TABLE_SIZE != self._pending[0][0] // _TABLE_SIZE:
            self._insert()
        self._pending.append((number, text))
        self._last = number
        if len(self._pending) >= _PENDING_MAX:
            self._insert()

    def find(self, query: str) -> dict[int, int]:
        """Return the bits of the events that match, by the number of their block.

        Args:
            query: in the syntax of FTS5; see `words_to_query`.
        """
        self._insert()
        last, blocks = self._found.pop(query, (0, {}))
        if last < self._last:
            for table in sorted(self._tables):
                if (table + 1) * _TABLE_SIZE > last:
                    _add_bits(blocks, self._search(table, query, last))
        self._found[query] = (self._last, blocks)
        if len(self._found) > _REMEMBERED_QUERIES:
            self._found.popitem(last=False)
        return blocks

    def forget_before(self, number: int) -> None:
        """Forget tables that have only events before a number."""
        for table in [table for table in self._tables if (table + 1) * _TABLE_SIZE <= number]:
            self._connection.execute(f"DROP TABLE texts_{table}")
            self._tables.remove(table)
        for _, blocks in self._found.values():
            for block in [block for block in blocks if (block + 1) * BLOCK_SIZE <= number]:
                del blocks[block]

    def close(self) -> None:
        """Close the database; closing twice does no harm."""
        self._connection.close()

    def _search(self, table: int, query: str, last: int) -> list[int]:
        select = f"SELECT rowid FROM texts_{table} WHERE texts_{table} MATCH ? AND rowid > ?"  # noqa: S608 - a number
        return [number for (number,) in self._connection.execute(select, (query, last))]

    def _insert(self) -> None:
        if not self._pending:
            return
        table = self._pending[0][0] // _TABLE_SIZE
        if table not in self._tables:
            self._connection.execute(_TABLE.format(table))
            self._tables.add(table)
        insert = f"INSERT INTO texts_{table} (rowid, text) VALUES (?, ?)"  # noqa: S608 - a number
        self._connection.execute("BEGIN")
        self._connection.executemany(insert, self._pending)
        self._connection.execute("COMMIT")
        self._pending.clear()


def words_to_query(text: str) -> str:
    """Return the query for events that have all of these words, each from its beginning.

    What stands in quotation marks is found in this order, and its last word is not continued.
    """
    terms = []
    for index, part in enumerate(text.replace("\0", " ").split('"')):
        if index % 2:
            terms += [f'"{part}"'] if _has_word(part) else []
        else:
            terms += [f'"{word}" *' for word in part.split() if _has_word(word)]
    return " ".join(terms)


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _add_bits(blocks: dict[int, int], numbers: list[int]) -> None:
    """Add the bits of events, whose numbers are in order."""
    begin = 0
    while begin < len(numbers):
        block = numbers[begin] // BLOCK_SIZE
        start = block * BLOCK_SIZE
        end = bisect_left(numbers, start + BLOCK_SIZE, begin)
        # Digits of a number to the base 2, the last event's first: nothing is faster to make.
        digits = bytearray(b"0" * BLOCK_SIZE)
        for number in numbers[begin:end]:
            digits[start - number - 1] = _ONE
        blocks[block] = blocks.get(block, 0) | int(digits, 2)
        begin = end
