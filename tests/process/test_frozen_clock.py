"""A test suite that stops the clock stops nothing of the package: waits end in real time."""

from __future__ import annotations

import pytest
from support.receivers import Receiver
from support.running import run

#: Nobody listens there.
DOWN = "http://127.0.0.1:1/events"


def waits(url, moment, *spool):
    """What `flush` and `close` returned, and how many seconds each took."""
    lines = run("frozen_clock", url, moment, *spool, timeout=30).stdout.splitlines()
    return {name: (done, float(took)) for name, done, took in map(str.split, lines)}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_waits_end_in_an_outage(moment, spooled, tmp_path):
    """With freezegun, flush(1) and close(1) end in time while the receiver is down."""
    found = waits(DOWN, moment, *([tmp_path] if spooled else []))
    assert {name: (done, took < 10) for name, (done, took) in found.items()} == {
        "flush": ("False", True),
        "close": ("False", True),
    }


@pytest.mark.parametrize("moment", ["before", "after"])
def test_events_are_delivered(moment):
    """With freezegun, an event is delivered, and none is sent twice."""
    with Receiver() as receiver:
        found = waits(receiver.url, moment)
        assert (found["flush"][0], receiver.summaries()) == ("True", ["0"])
