"""Clients that lost the same receiver do not stampede when it is back."""

from __future__ import annotations

import random

import pytest

from benchmarks.fleet import CAPACITY, OUTAGE_SECONDS, simulate

CLIENTS = 3_000


@pytest.fixture(autouse=True)
def silence(caplog):
    caplog.set_level("CRITICAL", logger="structlog_mozdef")  # thousands warn of the same outage


def peak(receiver):
    """The most requests of one second, once the receiver is back."""
    return max(n for second, n in receiver.requests.items() if second >= OUTAGE_SECONDS)


def test_retries_are_spread():
    """With the jitter of the policy a fleet stays below what its receiver can take."""
    receiver, done = simulate(CLIENTS, random.Random(7).random)
    assert len(done) == CLIENTS
    assert peak(receiver) < CAPACITY
    assert max(done) - OUTAGE_SECONDS < 61


def test_without_jitter_they_come_at_once():
    """The simulation can tell a stampede: without jitter the whole fleet comes in one second."""
    receiver, _ = simulate(CLIENTS, lambda: 1.0)
    assert peak(receiver) >= CLIENTS
