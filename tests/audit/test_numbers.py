"""A set of numbers knows what it holds and what is missing, whatever order they come in."""

from __future__ import annotations

import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from structlog_mozdef.audit.numbers import NumberSet


def expanded(ranges):
    return [number for first, last in ranges for number in range(first, last + 1)]


@given(st.lists(st.integers(0, 3_000)), st.integers(0, 3_000), st.integers(0, 3_000))
def test_it_is_a_set(values, begin, end):
    """Numbers, ranges and what is missing are those of a set of Python."""
    found, expected = NumberSet(), set()
    for value in values:
        assert found.add(value) == (value not in expected)
        expected.add(value)
    assert expanded(found.ranges()) == sorted(expected)
    assert expanded(found.missing(begin, end)) == sorted(set(range(begin, end + 1)) - expected)
    assert (len(found), found.first, found.last) == (
        len(expected),
        min(expected, default=-1),
        max(expected, default=-1),
    )


def test_complete_blocks():
    """Numbers that become complete in any order are one range, and still there."""
    values = list(range(20_000))
    random.Random(7).shuffle(values)
    found = NumberSet()
    for value in values:
        assert found.add(value)
    assert list(found.ranges()) == [(0, 19_999)]
    assert not any(found.add(value) for value in values[:1000])
    assert all(value in found for value in values)
    assert 20_000 not in found
    assert found.blocks <= 2


def test_ranges_do_not_touch():
    """Each range is as long as it can be."""
    found = NumberSet()
    for value in (*range(512, 1024), *range(500), 511, *range(501, 511), 1024):
        found.add(value)
    assert list(found.ranges()) == [(0, 499), (501, 1024)]


def test_memory():
    """Numbers in the worst order take two bytes each at the most."""
    values = [number for step in range(7) for number in range(step, 200_000, 7)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    found = NumberSet()
    for value in values:
        found.add(value)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 400_000


def test_far_numbers_cost_nothing():
    """What is missing between two numbers far apart is one range."""
    found = NumberSet()
    found.add(1)
    found.add(10**18)
    assert list(found.missing(1, 10**18)) == [(2, 10**18 - 1)]
