"""Without a destination everything works, and nothing is sent."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading

import pytest
import structlog
from support.destinations import structlog_defaults

from structlog_mozdef import MozDefHandler, MozDefTee, Sink, configure
from structlog_mozdef.testing import capture_events

NOWHERE = pytest.mark.parametrize("nowhere", [None, "", " "])


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


@NOWHERE
def test_it_counts_honestly(nowhere):
    """Every event counts as accepted and as dropped, for want of a destination."""
    sink = configure(nowhere)
    for number in range(3):
        structlog.get_logger().info("x", number=number)
    stats = sink.stats()
    assert (stats.accepted, stats.delivered, stats.dropped, stats.buffered) == (3, 0, 3, 0)
    assert stats.dropped_by_reason == {"no destination": 3}
    assert (sink.destination, repr(sink)) == ("nowhere", "<Sink to nowhere, 0 events wait>")


def test_it_has_nothing_to_wait_for():
    """`flush` and `close` succeed at once, the health is good, and no thread was started."""
    threads = threading.active_count()
    sink = configure(None)
    structlog.get_logger().info("x")
    assert (sink.flush(), sink.close(), bool(sink.healthy())) == (True, True, True)
    assert threading.active_count() == threads


def test_nothing_is_kept_or_sealed(tmp_path):
    """No spool is filled, and no key file moves on: an audit would miss the events."""
    sink = configure(None, spool=tmp_path / "spool", seal=tmp_path / "key")
    structlog.get_logger().info("x")
    assert sink.close()
    assert list(tmp_path.iterdir()) == []


def test_events_are_numbered_as_ever():
    """The chain does all it does: a test sees the events, with their sequence."""
    with capture_events() as events:
        configure("", seal="/no/such/key")
        structlog.get_logger().info("x")
    assert events.one()["details"]["sequence"] == 1


def test_options_are_checked_by_name():
    """A misspelt option is an error also where it has no effect."""
    Sink(None, verify="/no/such.pem", facility="auth")
    with pytest.raises(TypeError, match=r"verfy is no option of a sink; do you mean verify\?"):
        Sink(None, verfy=False)


@NOWHERE
def test_handlers_and_tees_send_nothing(nowhere):
    """They take the same as `configure`."""
    handler = MozDefHandler(url=nowhere)
    handler.handle(logging.makeLogRecord({"msg": "x"}))
    assert MozDefTee(nowhere)(None, "info", {"event": "x"}) == {"event": "x"}


def test_it_can_be_pickled():
    """Another process gets one that sends nothing as well."""
    sink = Sink(None)
    assert pickle.loads(pickle.dumps(sink)) is sink


PROGRAM = """
import os, structlog, structlog_mozdef as mozdef

sink = mozdef.configure(console={console})
structlog.get_logger().info("first")
if os.fork() == 0:
    structlog.get_logger().info("in the child")
    assert sink.stats().dropped == 1
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert sink.stats().dropped == 1
"""


@pytest.mark.parametrize("console", [False, True])
def test_a_program_ends_without_a_word(console):
    """No report at the end says that events did not arrive: nobody expects them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(console=console)],
        env={**os.environ, "MOZDEF_URL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == (2 if console else 0)
