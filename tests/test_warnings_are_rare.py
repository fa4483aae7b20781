"""The package warns through its own logger, at most once a minute for each cause."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading

import pytest
from support.transport_doubles import DownTransport

from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.process.standard_error import write_line
from structlog_mozdef.sink import Sink


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def own_log(clock):
    return RateLimitedLogger(clock)


def test_a_cause_is_reported(own_log, caplog):
    """The first warning of a cause is logged by the logger structlog_mozdef."""
    own_log.warn("down", "it is down")
    assert caplog.record_tuples == [("structlog_mozdef", logging.WARNING, "it is down")]


def test_a_cause_is_reported_once_a_minute(own_log, clock, caplog):
    """Warnings of the same cause within a minute are suppressed."""
    for second in range(59):
        clock.now = second
        own_log.warn("down", "it is down")
    assert len(caplog.records) == 1


def test_the_suppressed_are_counted(own_log, clock, caplog):
    """The next warning after a minute says how many were suppressed."""
    for second in range(61):
        clock.now = second
        own_log.warn("down", "it is down")
    assert caplog.messages[-1] == "it is down (and 59 more such warnings since the last one)"


def test_the_count_begins_again(own_log, clock, caplog):
    """A suppressed warning is counted once."""
    for second in (0, 1, 60, 120):
        clock.now = second
        own_log.warn("down", "it is down")
    assert caplog.messages[-1] == "it is down"


def test_numbers_carry_over(own_log, clock, caplog):
    """A warning with a number says how many came since the last one, those of others included."""
    warning = CountedWarning(own_log, "cut")
    for second in range(61):
        clock.now = second
        warning.add(10, lambda number: f"{number} were cut")
        warning.report()
    assert caplog.messages == ["10 were cut", "600 were cut"]


def test_numbers_carry_over_to_the_end(own_log, caplog):
    """At the end a warning says what is left to be said, whenever the last one was."""
    warning = CountedWarning(own_log, "cut")
    for number in (1, 2, 3):
        warning.add(number, lambda number: f"{number} were cut")
        warning.report()
    warning.report(at_once=True)
    warning.report(at_once=True)
    assert caplog.messages == ["1 were cut", "5 were cut"]


def test_numbers_of_many_threads_add_up(own_log, caplog):
    """What threads count at the same moment is said once, all of it."""
    warning = CountedWarning(own_log, "cut")

    def count():
        for _ in range(1000):
            warning.add(1, str)
            warning.report(at_once=True)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(map(int, caplog.messages)) == 4000


def test_causes_do_not_suppress_each_other(own_log, caplog):
    """Another cause is reported at once."""
    own_log.warn("down", "it is down")
    own_log.warn("full", "it is full")
    assert caplog.messages == ["it is down", "it is full"]


def test_percent_signs_are_no_formatting(own_log, caplog):
    """A message is written as it is."""
    own_log.warn("percent", "100 %s")
    assert caplog.messages == ["100 %s"]


def test_a_broken_handler_does_not_raise(own_log, monkeypatch):
    """An error in somebody's log handler does not leave `warn`."""

    class Broken(logging.Handler):
        def emit(self, record):
            raise OSError("broken")

    logger, handler = logging.getLogger("structlog_mozdef"), Broken()
    logger.addHandler(handler)
    try:
        own_log.warn("down", "it is down")
    finally:
        logger.removeHandler(handler)


def test_at_exit_standard_error_is_used(own_log, capsys):
    """At exit warnings go to standard error, with the process and the package they are of."""
    own_log.write_with(write_line)
    own_log.warn("down", "it is down")
    process = re.escape(f"[{os.getpid()}]")
    expected = f"\\S+{process}: structlog_mozdef: it is down\n"
    assert re.fullmatch(expected, capsys.readouterr().err)


def test_at_exit_without_standard_error_nothing_is_written(own_log, capsys, monkeypatch):
    """Where standard error is gone, a warning does not end up in standard output."""
    own_log.write_with(write_line)
    monkeypatch.setattr(sys, "stderr", None)
    own_log.warn("down", "it is down")
    monkeypatch.undo()
    assert capsys.readouterr().out == ""


def test_an_outage_is_reported_once(caplog):
    """Many failed attempts of the same kind make one log record."""
    transport = DownTransport()
    with Sink(transport, retry=RetryPolicy(0.001, 0.001), linger=0) as sink:
        sink.put(b"{}")
        while sink.stats().failed_attempts < 50:
            pass
        transport.down = False
    assert len([r for r in caplog.records if r.name == "structlog_mozdef"]) == 1


def test_lost_events_are_reported(caplog):
    """Dropped events are reported with their number and the reason."""
    transport = DownTransport()
    with Sink(transport, retry=RetryPolicy(0.001, 0.001)) as sink:
        for _ in range(3):
            sink.put("a string")
        transport.down = False
        sink.put(b"{}")
        sink.flush()
    assert "3 events were dropped: not bytes" in caplog.messages
