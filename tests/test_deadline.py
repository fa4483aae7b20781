"""A deadline says how much time is left, and never a negative number."""

from __future__ import annotations

import math
import threading

import pytest

from structlog_mozdef._deadline import LONGEST_WAIT, Deadline


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_time_runs_out():
    """The time that is left shrinks with the clock."""
    clock = Clock()
    deadline = Deadline.after(5.0, clock)
    clock.now += 3.0
    assert (deadline.left(), deadline.expired) == (2.0, False)


@pytest.mark.parametrize("seconds", [0.0, -1.0, -math.inf, math.nan])
def test_no_time(seconds):
    """Without a positive number of seconds a deadline has expired from the start."""
    deadline = Deadline.after(seconds)
    assert (deadline.left(), deadline.expired) == (0.0, True)


def test_expired():
    """From its moment on a deadline has expired, and no time is left."""
    clock = Clock()
    deadline = Deadline.after(5.0, clock)
    clock.now += 5.0
    assert (deadline.left(), deadline.expired) == (0.0, True)
    clock.now += 1.0
    assert (deadline.left(), deadline.expired) == (0.0, True)


def test_forever_is_a_time_that_locks_accept():
    """An infinite wait is one that no lock rejects."""
    left = Deadline.after(math.inf).left()
    assert LONGEST_WAIT - 60 < left <= min(LONGEST_WAIT, threading.TIMEOUT_MAX)


def test_the_earlier_one_is_smaller():
    """Deadlines are compared by their moments."""
    clock = Clock()
    assert max(Deadline.after(1.0, clock), Deadline.after(2.0, clock)).left() == 2.0
