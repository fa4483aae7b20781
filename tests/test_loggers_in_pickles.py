"""Bound loggers are pickled and ship in another process, or say why they cannot."""

from __future__ import annotations

import copy
import pickle

import pytest
import structlog
from support.receivers import Receiver
from support.running import run

from structlog_mozdef import MozDefLogger, MozDefLoggerFactory, MozDefRenderer, MozDefTee, Sink
from structlog_mozdef.testing import MemoryTransport


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_bound_loggers_ship_from_a_pool(method):
    """The processes of a pool ship what they log with a logger that was passed to them."""
    with Receiver() as receiver:
        run("pickled_loggers", receiver.url, method, timeout=50)
        events = receiver.events()
    assert sorted(int(event["summary"]) for event in events) == list(range(20))
    assert all(
        (event["source"], event["tags"], event["processid"])
        == ("name", ["pickled"], event["details"]["pid"])
        for event in events
    )


def copied(value):
    return pickle.loads(pickle.dumps(value))


def test_a_sink_is_itself_again():
    """In its own process, a sink that was pickled is itself."""
    sink = Sink("http://127.0.0.1:1/events", headers={"a": "b"})
    assert copied(sink) is sink


def test_a_sink_with_the_same_settings_is_found(monkeypatch):
    """In another process, a sink that was pickled is the one that has the same settings."""
    first = Sink("http://127.0.0.1:1/events", linger=0.25)
    pickled = pickle.dumps(first)
    del first
    second = Sink("http://127.0.0.1:1/events", linger=0.25)
    assert pickle.loads(pickled) is second


def test_a_sink_is_made_again():
    """In another process without such a sink, one is made once, with the same settings."""
    first = Sink("http://127.0.0.1:1/events", linger=0.125)
    pickled = pickle.dumps(first)
    del first
    again = pickle.loads(pickled)
    assert (again.config.linger, pickle.loads(pickled) is again) == (0.125, True)


@pytest.mark.parametrize("make", [MozDefLogger, MozDefLoggerFactory, MozDefTee])
def test_what_ships_is_pickled(make):
    """What holds a sink can be pickled, and ships to the same sink."""
    sink = Sink("http://127.0.0.1:1/events")
    again = copied(make(sink))
    if make is MozDefLoggerFactory:
        again = again()
    if make is MozDefTee:
        again(None, "info", {"event": "x"})
    else:
        again.info(b"{}")
    assert sink.stats().accepted == 1
    sink.close(0)


def test_a_sink_of_a_transport_says_why_not():
    """A sink that another process could not make raises when it is pickled."""
    log = structlog.wrap_logger(MozDefLogger(Sink(MemoryTransport())), [MozDefRenderer()]).bind()
    with pytest.raises(TypeError, match="cannot be pickled: another process can make only"):
        pickle.dumps(log)


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_sink(copying):
    """A copy of a sink, as of a part of a bound logger, is the sink itself."""
    sink = Sink(MemoryTransport())
    assert copying(sink) is sink
