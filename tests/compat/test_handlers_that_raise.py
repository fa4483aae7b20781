"""A time limit that raises in the middle of a call of the old classes keeps no lock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.storms import ends_elsewhere, storm, stormy

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.compat._sinks import Connections, Sinks
from structlog_mozdef.transports.memory import MemoryTransport


@dataclass(frozen=True)
class Somewhere:
    """A destination in memory."""

    number: int

    failure = "failed"
    seal = None

    def transport(self, own_log):
        return MemoryTransport()


PLACES = [Somewhere(number) for number in range(4)]


def open_and_close_sinks():
    """Return a call that opens a sink, and closes the one that was not used for longest."""
    sinks = Sinks(RateLimitedLogger(), limit=2)
    places = iter(PLACES * 1_000_000)
    return lambda: sinks.sink_for(next(places))


def connect_and_keep():
    """Return a call that takes a connection, uses it and puts it back, or closes it."""
    connections = Connections(RateLimitedLogger(), limit=2, per_destination=1)
    places = iter(PLACES * 1_000_000)
    return lambda: connections.deliver(next(places), b"{}")


@stormy
@pytest.mark.parametrize("prepare", [open_and_close_sinks, connect_and_keep])
def test_no_lock_is_kept(prepare):
    """After thousands of exceptions another thread can send as before."""
    call = prepare()
    assert (storm(call) > 1000, ends_elsewhere(call)) == (True, True)
