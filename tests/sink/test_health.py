"""A sink says whether it does its work, and why it does not, for readiness probes."""

from __future__ import annotations

import pytest
from support.running import wait_for
from support.transport_doubles import DownTransport, HeldTransport

import structlog_mozdef as mozdef
from structlog_mozdef.testing import MemoryTransport


def test_a_sink_is_healthy():
    """A sink that has nothing to do, or delivers, is healthy."""
    with mozdef.Sink(MemoryTransport()) as sink:
        assert sink.healthy()
        sink.put(b"{}")
        sink.flush()
        assert sink.healthy()
        assert str(sink.healthy()) == "healthy"


def test_an_outage_is_not_healthy():
    """Events that wait for longer than is allowed make it unhealthy, until they are delivered."""
    transport = DownTransport()
    sink = mozdef.Sink(transport, retry=mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.01))
    sink.put(b"{}")
    assert wait_for(lambda: sink.stats().last_error)
    assert sink.healthy()
    assert wait_for(lambda: not sink.healthy(max_age=0.01))
    assert sink.healthy(max_age=0.01).reason == "events have waited for 0 s (down)"
    transport.down = False
    assert sink.close()
    assert sink.healthy(max_age=0.01)


@pytest.mark.parametrize("options", [{"max_events": 10}, {"max_bytes": 20}])
def test_a_full_buffer_is_not_healthy(options):
    """A buffer that is nearly full makes it unhealthy, whatever the reason."""
    transport = HeldTransport()
    sink = mozdef.Sink(transport, **options)
    for _ in range(9):
        sink.put(b"{}")
    assert sink.healthy().reason == "the buffer is nearly full: 9 events wait"
    transport.release()
    assert sink.close()
    assert sink.healthy()
