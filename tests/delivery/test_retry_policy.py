"""Waiting grows exponentially, is jittered, has a ceiling and no end."""

import dataclasses
import itertools
import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.running import wait_for
from support.transport_doubles import DownTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.sink import Sink

ALMOST_ONE = math.nextafter(1.0, 0.0)
chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "bound"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (1000, 60), (10**9, 60)],
)
def test_bound_doubles_up_to_the_maximum(failures, bound):
    """The bound of the delay is 1, 2, 4, ... 60 seconds, however long the outage lasts."""
    assert RetryPolicy().delay(failures, ALMOST_ONE) == pytest.approx(bound)


@given(failures=st.integers(1, 10**6), chance=chances)
def test_full_jitter(failures, chance):
    """The delay is the given part of the whole interval from 0 to the bound."""
    policy = RetryPolicy()
    bound = policy.delay(failures, ALMOST_ONE)
    assert policy.delay(failures, chance) == pytest.approx(bound * chance)


@given(retry_after=st.floats(0, 300), chance=chances, failures=st.integers(1, 100))
def test_retry_after_is_waited_for(retry_after, chance, failures):
    """A server that names a time is not asked earlier, and at most a second later."""
    delay = RetryPolicy().delay(failures, chance, retry_after)
    assert retry_after <= delay <= retry_after + 1


@example(retry_after=math.nan, chance=0.0)
@given(retry_after=st.floats(allow_nan=True, allow_infinity=True), chance=chances)
def test_retry_after_is_bounded(retry_after, chance):
    """Whatever a server asks for, the wait is between nothing and five minutes."""
    assert 0 <= RetryPolicy().delay(1, chance, retry_after) <= 301


def test_retry_after_limit_can_be_set():
    """The longest wait that a server can ask for is an option."""
    assert RetryPolicy(retry_after_max=7).delay(1, 0.0, 3600) == 7


@given(chance=chances)
def test_slow_delay_is_near_the_maximum(chance):
    """Where only a person can help, the wait is half to all of the maximum."""
    assert 30 <= RetryPolicy().slow_delay(chance) <= 60


def test_frozen():
    """A policy cannot be changed after it was made."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        RetryPolicy().wait_max = 1


def test_recovering_fleet_is_spread():
    """A thousand clients that fail at the same moment come back over the whole interval."""
    delays = sorted(RetryPolicy().delay(7, number / 1000) for number in range(1000))
    assert max(b - a for a, b in itertools.pairwise(delays)) < 0.1


@pytest.mark.parametrize("name", ["wait_initial", "wait_max", "retry_after_max"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None, True, 10**400, 1e300, [1]])
def test_bad_values_are_refused(name, value):
    """A bound that cannot work is rejected with its name."""
    with pytest.raises(ValueError, match=f"^{name} is "):
        RetryPolicy(**{name: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"wait_initial": 0}, "wait_initial is 0; it must be more than 0 s"),
        (
            {"wait_initial": 5, "wait_max": 2},
            "wait_max is 2; it must be at least wait_initial, 5 s",
        ),
    ],
)
def test_bounds_must_fit_together(values, message):
    """The first wait is more than nothing and no longer than the longest."""
    with pytest.raises(ValueError) as caught:
        RetryPolicy(**values)
    assert str(caught.value) == message


def test_jitter_leaves_the_random_numbers_of_the_program_alone():
    """A program that has seeded `random` gets the same numbers, whatever its sinks wait for."""
    transport = DownTransport()
    sink = Sink(transport, retry=RetryPolicy(0.001, 0.001), linger=0, exit_timeout=0)
    before = random.getstate()
    sink.put(b"{}")
    assert wait_for(lambda: transport.attempts > 3)
    assert random.getstate() == before
    transport.down = False
    sink.close()
