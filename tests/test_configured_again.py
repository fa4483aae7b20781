"""`configure` can be called again, as test suites do for each test."""

from __future__ import annotations

import pytest
import structlog
from support.destinations import structlog_defaults
from support.receivers import is_stream_end

from structlog_mozdef import configure
from structlog_mozdef.testing import MemoryTransport


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


def summaries(sink, transport):
    sink.close()
    return [event["summary"] for event in transport.events if not is_stream_end(event)]


@pytest.mark.parametrize("between", [lambda: None, structlog.reset_defaults])
def test_a_cached_logger_ships_to_the_new_sink(between):
    """A logger that structlog has cached ships to the sink of the latest call."""
    first, second = MemoryTransport(), MemoryTransport()
    log = structlog.get_logger("name")
    one = configure(first)
    log.info("1")
    bound = log.bind(a=1)
    between()
    two = configure(second)
    log.info("2")
    bound.info("3")
    assert (summaries(one, first), summaries(two, second)) == (["1"], ["2", "3"])


def test_a_cached_logger_has_the_new_processors():
    """What the latest call asked for counts for loggers that were cached before."""
    transport = MemoryTransport()
    log = structlog.get_logger()
    configure(MemoryTransport(), tags=["first"])
    log.info("1")
    sink = configure(transport, tags=["second"])
    log.info("2")
    sink.close()
    assert transport.events[0]["tags"] == ["second"]


def test_cached_loggers_are_captured():
    """``capture_logs`` has the events of loggers that were cached before the latest call."""
    log = structlog.get_logger()
    configure(MemoryTransport())
    log.info("1")
    transport = MemoryTransport()
    sink = configure(transport)
    with structlog.testing.capture_logs() as captured:
        log.info("2")
    log.info("3")
    assert [entry["event"] for entry in captured] == ["2"]
    assert summaries(sink, transport) == ["3"]


@pytest.mark.parametrize(
    ("event", "arguments", "summary"),
    [
        ("a %d", ("x",), "a %d"),
        ("a %s %s", (1,), "a %s %s"),
        ("100%", (1,), "100%"),
        ({"a": 1}, (1,), "{'a': 1}"),
        ("a %s", (1,), "a 1"),
        ("a %(b)s", ({"b": 1},), "a 1"),
    ],
)
def test_arguments_that_do_not_fit_are_kept(event, arguments, summary):
    """A log call never raises for its arguments: an event keeps those that do not fit."""
    transport = MemoryTransport()
    sink = configure(transport)
    structlog.get_logger().info(event, *arguments)
    sink.close()
    kept = transport.events[0]["details"].get("positional_args")
    expected = None if summary.endswith("1") else list(arguments)
    assert (transport.events[0]["summary"], kept) == (summary, expected)


METHODS = ["log", "alog", "ainfo", "awarning", "exception", "aexception", "fatal"]


@pytest.mark.parametrize("method", METHODS)
def test_arguments_of_each_method_are_kept(method):
    """Every kind of log call keeps arguments that do not fit."""
    import asyncio
    import inspect

    transport = MemoryTransport()
    sink = configure(transport)
    log = structlog.get_logger()

    async def call():
        level = (20,) if method.endswith("log") else ()
        result = getattr(log, method)(*level, "a %d", "x", b=1)
        if inspect.isawaitable(result):
            await result

    asyncio.run(call())
    sink.close()
    (event,) = transport.events
    kept = {name: event["details"][name] for name in ("positional_args", "b")}
    assert (event["summary"], kept) == ("a %d", {"positional_args": ["x"], "b": 1})


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels_are_dropped_as_structlog_does(level):
    """Events below the level are dropped, and all others are shipped."""
    names = ["debug", "info", "warning", "error", "critical"]
    transport = MemoryTransport()
    sink = configure(transport, level=level)
    for name in names:
        getattr(structlog.get_logger(), name)(name, "%d")
    assert summaries(sink, transport) == names[names.index(level) :]
