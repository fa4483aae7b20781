"""A set of numbers, most of which are neighbours: millions of them take little memory.

An index gives events in any order, so that ranges alone would not do: in a shard, every other
number may be missing. So numbers that are not yet complete are bits: one for each, in blocks.
A block that is complete becomes a part of a range. What is missing between two numbers far apart
costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from heapq import merge

_SIZE = 512
_COMPLETE = (1 << _SIZE) - 1


class NumberSet:
    """A set of integers from 0 on.

    Attributes:
        count: of its numbers.
        first, last: the lowest and the highest number; -1 while there is none.
    """

    __slots__ = ("_begins", "_blocks", "_ends", "count", "first", "last")

    def __init__(self) -> None:
        # Block -> its numbers, as bits; and the ranges of complete blocks, ends excluded.
        self._blocks: dict[int, int] = {}
        self._begins: list[int] = []
        self._ends: list[int] = []
        self.count = 0
        self.first = self.last = -1

    def add(self, number: int) -> bool:
        """Add *number*; return False where it is there already."""
        block, bit = divmod(number, _SIZE)
        mask = self._blocks.get(block, 0)
        new = mask | 1 << bit
        if new == mask or (not mask and self._is_complete(block)):
            return False
        if new == _COMPLETE:
            self._blocks.pop(block, None)
            self._complete(block)
        else:
            self._blocks[block] = new
        self.count += 1
        self.last = max(self.last, number)
        self.first = number if self.first < 0 else min(self.first, number)
        return True

    def __contains__(self, number: int) -> bool:
        block, bit = divmod(number, _SIZE)
        return bool(self._blocks.get(block, 0) >> bit & 1) or self._is_complete(block)

    def __len__(self) -> int:
        return self.count

    @property
    def blocks(self) -> int:
        """Number of blocks that are not complete: what the set costs in memory."""
        return len(self._blocks) + len(self._begins)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges of numbers, in order, as first and last."""
        begin = end = -1
        for low, high in self._pieces():
            if low != end + 1 or begin < 0:
                if begin >= 0:
                    yield begin, end
                begin = low
            end = high
        if begin >= 0:
            yield begin, end

    def missing(
        self, begin: int, end: int, others: NumberSet | None = None
    ) -> Iterator[tuple[int, int]]:
        """Yield the ranges that are missing from *begin* to *end*, both included.

        Args:
            begin: the first number that may be missing.
            end: the last one.
            others: numbers that are not missing either.
        """
        ranges = self.ranges()
        for low, high in ranges if others is None else merge(ranges, others.ranges()):
            if low > end:
                break
            if low > begin:
                yield begin, low - 1
            begin = max(begin, high + 1)
        if begin <= end:
            yield begin, end

    def _pieces(self) -> Iterator[tuple[int, int]]:
        complete = zip(self._begins, self._ends, strict=True)
        ranges = [(begin, end, _COMPLETE) for begin, end in complete]
        ranges += [(block, block + 1, mask) for block, mask in self._blocks.items()]
        for begin, end, mask in sorted(ranges):
            first = begin * _SIZE
            if mask == _COMPLETE:
                yield first, end * _SIZE - 1
            else:
                yield from _ranges_of_bits(mask, first)

    def _is_complete(self, block: int) -> bool:
        at = bisect_right(self._begins, block) - 1
        return at >= 0 and block < self._ends[at]

    def _complete(self, block: int) -> None:
        at = bisect_left(self._begins, block)
        joins_next = at < len(self._begins) and self._begins[at] == block + 1
        if at and self._ends[at - 1] == block:
            if joins_next:
                self._ends[at - 1] = self._ends[at]
                del self._begins[at], self._ends[at]
            else:
                self._ends[at - 1] = block + 1
        elif joins_next:
            self._begins[at] = block
        else:
            self._begins.insert(at, block)
            self._ends.insert(at, block + 1)


def _ranges_of_bits(mask: int, first: int) -> Iterator[tuple[int, int]]:
    while mask:
        zeros = (mask & -mask).bit_length() - 1
        mask >>= zeros
        ones = (~mask & (mask + 1)).bit_length() - 1
        mask >>= ones
        first += zeros
        yield first, first + ones - 1
        first += ones
