"""Which events match a filter: counted, listed, and grouped within milliseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector.api.block import BLOCK_SIZE, Block, bits_between, positions
from structlog_mozdef.collector.api.streams import Streams
from structlog_mozdef.collector.api.summary import FACETS, searchable_text, summarize
from structlog_mozdef.collector.api.texts import TextIndex

if TYPE_CHECKING:
    from structlog_mozdef.collector.api.filters import Filter
    from structlog_mozdef.collector.store import Store

_FACET_VALUES_MAX = 50
# So many rows are read at once: 10 ms, for which nothing else is answered.
_READ_AT_ONCE = 200

#: Blocks with the bits of the events that were selected, in the order of arrival.
Selection = list[tuple[Block, int]]


class Catalog:
    """What is known of the events in a store, for questions about many of them.

    It follows the store when it is asked to: until then, it costs nothing. One thread uses it.

    Args:
        store: that holds the events.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: TextIndex | None = None
        self._reset()

    @property
    def last(self) -> int:
        """The number of the newest event that is known here."""
        return self._last

    @property
    def clearings(self) -> int:
        """How often the store had been cleared when this last followed it."""
        return self._clearings

    @property
    def unseen(self) -> int:
        """How many events the store has forgotten before they were read here."""
        return self._unseen

    def follow(self) -> bool:
        """Read what has arrived, a part at a time; return whether nothing is left to read."""
        if self._clearings != self._store.clearings:
            self._reset()
        self._forget()
        page = self._store.page(self._last, _READ_AT_ONCE)
        for columns in page:
            self._add(columns)
        return not page

    def select(self, wanted: Filter) -> Selection:
        """Return the events that meet a filter."""
        first = max(wanted.after + 1, self._store.first)
        found = []
        texts = self._find_texts(wanted)
        # The blocks are in order, and few: to look at each costs less than to look for the first.
        for number, block in self._blocks.items():
            if block.start + BLOCK_SIZE <= first or block.start >= wanted.before:
                continue
            bits = block.present & bits_between(first - block.start, wanted.before - block.start)
            bits &= _times_between(block, wanted)
            for name, values in wanted.labels:
                bits = block.having(name, values, bits)
            if texts is not None:
                bits &= texts.get(number, 0)
            if bits:
                found.append((block, bits))
        return found

    def facets(self, selection: Selection) -> dict[str, list[dict[str, Any]]]:
        """Return the most frequent values of each field, with their counts."""
        answer = {}
        for name in FACETS:
            counts: dict[str, int] = {}
            for block, bits in selection:
                is_all = bits == block.present
                for value, having in block.labels[name].items():
                    count = (having if is_all else bits & having).bit_count()
                    if count:
                        counts[value] = counts.get(value, 0) + count
            most = Counter(counts).most_common(_FACET_VALUES_MAX)
            answer[name] = [{"value": value, "count": count} for value, count in most]
        return answer

    def streams(self) -> list[dict[str, Any]]:
        """Return the numbers that each stream has; see `streams`."""
        return self._streams.to_list()

    def close(self) -> None:
        """Close the index of words; closing twice does no harm."""
        if self._texts is not None:
            self._texts.close()

    def _reset(self) -> None:
        self.close()
        self._texts = None
        self._clearings = self._store.clearings
        self._blocks: dict[int, Block] = {}
        self._streams = Streams()
        # What a file no longer had when it was opened is not missing here.
        self._last = self._store.first - 1
        self._unseen = 0
        self._time = 0.0

    def _add(self, columns: tuple[Any, ...]) -> None:
        summary = summarize(columns)
        # A clock that is set back must not disturb the order.
        self._time = max(self._time, summary.received)
        index = summary.number // BLOCK_SIZE
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = Block(index * BLOCK_SIZE)
        block.add(summary, self._time)
        self._streams.add(summary.number, summary.document)
        if self._texts is None:
            self._texts = TextIndex()
        self._texts.add(summary.number, searchable_text(summary.document))
        self._unseen += summary.number - self._last - 1
        self._last = summary.number

    def _forget(self) -> None:
        first = self._store.first
        old = [number for number in self._blocks if (number + 1) * BLOCK_SIZE <= first]
        for number in old:
            del self._blocks[number]
        if old and self._texts is not None:
            self._texts.forget_before(first)

    def _find_texts(self, wanted: Filter) -> dict[int, int] | None:
        """Return the bits of the events with these words by block, or None where none is asked."""
        if not wanted.queries:
            return None
        found: dict[int, int] = {}
        for query in wanted.queries if self._texts is not None else ():
            if query:  # one without a word finds nothing
                assert self._texts is not None  # noqa: S101 - for mypy
                for block, bits in self._texts.find(query).items():
                    found[block] = found.get(block, 0) | bits
        return found


def count(selection: Selection) -> int:
    """Return how many events were selected."""
    return sum(bits.bit_count() for _, bits in selection)


def numbers(selection: Selection, *, newest_first: bool) -> Iterator[int]:
    """Iterate over the numbers of the selected events."""
    for block, position in _events(selection, newest_first=newest_first):
        yield block.start + position


def rows(selection: Selection, limit: int, *, newest_first: bool) -> list[bytes]:
    """Return what lists show of the first selected events in this order, each as JSON."""
    found = _events(selection, newest_first=newest_first)
    return [block.rows[position] for block, position in islice(found, limit)]


def after(wanted: Filter, number: int) -> Filter:
    """Return the filter for the events that also have a larger number."""
    return replace(wanted, after=max(wanted.after, number))


def _events(selection: Selection, *, newest_first: bool) -> Iterator[tuple[Block, int]]:
    for block, bits in reversed(selection) if newest_first else selection:
        for position in positions(bits, newest_first=newest_first):
            yield block, position


def _times_between(block: Block, wanted: Filter) -> int:
    if wanted.since is None and wanted.until is None:
        return -1
    start = 0 if wanted.since is None else block.before(wanted.since)
    end = BLOCK_SIZE if wanted.until is None else block.before(wanted.until)
    return bits_between(start, end)
