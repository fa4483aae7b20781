"""A sink says whether it does its work, and why it does not, for readiness probes."""

from __future__ import annotations

import pytest
from support.handmade_spools import file_limit
from support.running import no_threads, wait_for
from support.spool_contents import QUICK
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


def test_a_spool_that_cannot_be_written_is_not_healthy(tmp_path):
    """While events wait in memory that are to be on disk, it says so; with the disk it is well."""
    transport = HeldTransport()
    with mozdef.Sink(transport, spool=tmp_path / "spool", **QUICK) as sink:
        assert sink.healthy()
        with file_limit(0):
            sink.put(b"{}")
            health = sink.healthy()
        assert not health
        assert health.reason == "the spool cannot be written: 1 event waits in memory"
        assert wait_for(sink.healthy)
        transport.release()
    assert sink.healthy()


def test_a_sink_without_a_thread_is_not_healthy():
    """Where no thread can be started, nothing fails, and nothing is sent either."""
    sink = mozdef.Sink(MemoryTransport())
    with no_threads():
        sink.put(b"{}")
        assert sink.healthy()
        assert wait_for(lambda: not sink.healthy(max_age=0.01))
        health = sink.healthy(max_age=0.01)
    assert health.reason == "no thread sends the events: 1 event waits"
    assert sink.close()
    assert sink.healthy(max_age=0.01)


@pytest.mark.parametrize("max_age", [-1, float("nan"), "60", None])
def test_an_age_that_cannot_be_one_is_refused(max_age):
    """An age with which the sink would be healthy, or ill, whatever happens is a mistake."""
    with (
        mozdef.Sink(MemoryTransport()) as sink,
        pytest.raises(ValueError, match=r"max_age is .*; it must be a number"),
    ):
        sink.healthy(max_age=max_age)
