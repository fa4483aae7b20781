"""A test captures what a program logs, by whatever way, and nothing of it is sent."""

from __future__ import annotations

import contextlib
import logging
import os
import threading

import pytest
import structlog
from support.destinations import structlog_defaults
from support.receivers import Receiver
from support.running import forks

import structlog_mozdef as mozdef
import structlog_mozdef.compat as old
from structlog_mozdef.testing import MemoryTransport, capture_events, running_collector

NOWHERE = "http://127.0.0.1:1/events"


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


def summaries(events):
    return [event["summary"] for event in events]


def log_by_structlog():
    structlog.get_logger().info("hello")


def log_by_tee():
    structlog.configure(
        processors=[mozdef.MozDefTee(NOWHERE), structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    structlog.get_logger().info("hello")


def log_by_stdlib():
    logger = logging.getLogger("captured")
    handler = mozdef.MozDefHandler(NOWHERE)
    logger.addHandler(handler)
    try:
        logger.warning("hello")
    finally:
        logger.removeHandler(handler)


def log_by_formatter():
    logger = logging.getLogger("captured")
    handler = mozdef.MozDefHandler(NOWHERE)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[mozdef.MozDefRenderer()]))
    logger.addHandler(handler)
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    try:
        structlog.get_logger("captured").warning("hello")
    finally:
        logger.removeHandler(handler)


def log_by_sink():
    mozdef.Sink(NOWHERE).put(b'{"summary": "hello"}')


def log_by_old_client(**options):
    message = old.MozDefMsg(NOWHERE, tags=["captured"], **options)
    message.fire_and_forget_mode = False
    message.send("hello")


def log_by_old_client_in_the_background():
    old.MozDefMsg(NOWHERE).send("hello")


WAYS = [
    log_by_structlog,
    log_by_tee,
    log_by_stdlib,
    log_by_formatter,
    log_by_sink,
    log_by_old_client,
    log_by_old_client_in_the_background,
]


@pytest.mark.parametrize("log", WAYS)
def test_every_way_to_a_sink_is_captured(log):
    """The event is there when the log call returns, and no thread was started for it."""
    before = set(threading.enumerate())
    with capture_events() as events:
        log()
        assert summaries(events) == ["hello"]
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("cached", [True, False])
def test_loggers_from_before_are_captured(cached):
    """A logger that was made, used and bound before the test is captured in it, and then sends."""
    transport = MemoryTransport()
    sink = mozdef.configure(transport)
    structlog.configure(cache_logger_on_first_use=cached)
    log = structlog.get_logger()
    log.info("before")
    bound = log.bind(a=1)
    with capture_events() as events:
        log.info("in")
        bound.info("bound")
    log.info("after")
    sink.close()
    assert summaries(events) == ["in", "bound"]
    assert summaries(transport.events) == ["before", "after"]


def test_configuring_in_the_test_is_captured():
    """A program that is configured by the test itself is captured, and sends after it."""
    transport = MemoryTransport()
    with capture_events() as events:
        sink = mozdef.configure(transport, tags=["mine"])
        structlog.get_logger().info("in")
    structlog.get_logger().info("after")
    sink.close()
    assert events.one()["tags"] == ["mine"]
    assert summaries(transport.events) == ["after"]


def test_a_program_without_configuration_is_captured():
    """What is logged before structlog was configured is captured, and structlog is as before."""
    before = structlog.get_config()
    with capture_events() as events:
        structlog.get_logger("accounts").debug("hello", username="kang")
    events.one(summary="hello", source="accounts", severity="DEBUG", username="kang")
    assert not structlog.is_configured()
    assert structlog.get_config() == before


def test_configuration_of_the_test_stays():
    """Settings of structlog that the test itself has made are left as they are."""
    processors = [structlog.processors.KeyValueRenderer()]
    with capture_events():
        structlog.configure(processors=processors)
    after = structlog.get_config()
    assert after["processors"] is processors
    assert isinstance(after["logger_factory"], structlog.PrintLoggerFactory)


def test_nothing_is_sent():
    """The receiver gets no request for what is captured, also if the program waits for it."""
    with Receiver() as receiver, capture_events() as events:
        sink = mozdef.configure(receiver.url)
        structlog.get_logger().info("hello")
        assert sink.flush(0)
        assert sink.close(0)
        assert len(events) == 1
        assert receiver.events() == []


def test_the_disk_is_left_alone(tmp_path):
    """A sink that a test makes needs no folder for its spool."""
    with capture_events() as events:
        mozdef.configure(NOWHERE, spool=tmp_path / "missing" / "spool")
        structlog.get_logger().info("hello")
    assert len(events) == 1
    assert list(tmp_path.iterdir()) == []


def test_captures_can_be_nested():
    """Each capture has all events of its own block."""
    with capture_events() as outer:
        structlog.get_logger().info("1")
        with capture_events() as inner:
            structlog.get_logger().info("2")
        structlog.get_logger().info("3")
    assert summaries(outer) == ["1", "2", "3"]
    assert summaries(inner) == ["2"]


def test_no_event_falls_between():
    """While threads log, each event is captured or sent: none is neither, and none is both."""
    transport = MemoryTransport()
    sink = mozdef.configure(transport, max_events=1_000_000)
    end = threading.Event()
    counts = [0, 0, 0]

    def log_all_the_time(number):
        log = structlog.get_logger()
        while not end.is_set():
            log.info("%d-%d", number, counts[number])
            counts[number] += 1

    threads = [threading.Thread(target=log_all_the_time, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    captured = []
    while len(captured) < 100:
        with capture_events() as events:
            pass
        captured += summaries(events)
    end.set()
    for thread in threads:
        thread.join()
    sink.close()
    expected = {f"{number}-{i}" for number, count in enumerate(counts) for i in range(count)}
    arrived = captured + summaries(transport.events)
    assert len(arrived) == len(expected)
    assert set(arrived) == expected


@forks
def test_a_forked_child_sends_nothing():
    """What a child logs that is forked in a test goes nowhere."""
    transport = MemoryTransport()
    mozdef.configure(transport)
    with capture_events():
        child = os.fork()
        if not child:
            status = 1
            with contextlib.suppress(BaseException):
                structlog.get_logger().info("hello")
                status = len(threading.enumerate()) - 1
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0


def test_events_are_what_mozdef_stores():
    """A captured event is the document that the collector stores of the same event."""
    transport = MemoryTransport()
    with running_collector() as collector, mozdef.Sink(collector.url) as sink:
        with capture_events() as events:
            mozdef.MozDefLogger(sink).info(b'{"Summary": "a", "odd": 1, "details": {"b": [1]}}')
        sink.put(b'{"Summary": "a", "odd": 1, "details": {"b": [1]}}')
        sink.flush()
        (document,) = collector.documents()
        (captured,) = events
        for time in ("receivedtimestamp", "utctimestamp", "timestamp"):
            assert document.pop(time)
            assert captured.pop(time)
        assert captured == document
        assert events.differences == collector.differences()
    assert transport.batches == []
