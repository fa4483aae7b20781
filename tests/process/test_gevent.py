"""Under gevent, patched whenever, events arrive, the program goes on meanwhile, and ends."""

from __future__ import annotations

import time

import pytest
from support.receivers import Receiver
from support.running import dead_url, run

EXPECTED = sorted(f"{number} {event}" for number in range(10) for event in range(50))


@pytest.mark.parametrize("when", ["first", "late", "running"])
def test_events_of_greenlets_arrive(when):
    """Every event of every greenlet arrives exactly once."""
    with Receiver() as receiver:
        run("gevent_app", when, receiver.url)
        assert sorted(set(receiver.summaries()) - {"early"}) == EXPECTED


@pytest.mark.parametrize("when", ["first", "late", "running"])
def test_a_flush_under_gevent(when):
    """A flush succeeds, and no greenlet is held up by the sender."""
    with Receiver() as receiver:
        assert run("gevent_app", when, receiver.url).stdout.split() == ["True", "True"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["first", "late", "running"])
def test_a_server_that_is_down_under_gevent(when):
    """While the server is down greenlets go on, and the exit ends in time."""
    start = time.monotonic()
    stdout = run("gevent_app", when, dead_url()).stdout
    assert (stdout.split()[1], time.monotonic() - start < 15) == ("True", True)
