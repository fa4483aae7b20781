"""Loggers of structlog ship whatever reaches them."""

import asyncio
import copy

import pytest
import structlog
from support import hostile
from support.destinations import KeptEvents, structlog_defaults

from structlog_mozdef import MozDefLogger, MozDefLoggerFactory, MozDefRenderer

LEVELS = ["debug", "info", "notice", "warning", "warn", "error", "critical", "alert", "emergency"]
LEVELS += ["msg", "log", "err", "exception", "fatal", "failure"]


@pytest.fixture
def destination():
    return KeptEvents()


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_ships(level, destination):
    """Every method of the logger ships the bytes that it is given as they are."""
    getattr(MozDefLogger(destination), level)(b"{}")
    assert destination.encoded == [b"{}"]


@pytest.mark.parametrize("level", ["notice", "alert", "emergency"])
def test_custom_level_reaches_mozdef(level, destination):
    """A generic bound logger has MozDef's further severities as methods."""
    log = structlog.wrap_logger(
        MozDefLogger(destination),
        processors=[MozDefRenderer()],
        wrapper_class=structlog.BoundLogger,
    )
    getattr(log, level)("x")
    assert destination.event["severity"] == level.upper()


@pytest.mark.parametrize(
    ("arguments", "fields", "summary", "details"),
    [
        (("text",), {}, "text", {}),
        ((), {"event": "text", "a": 1}, "text", {"a": 1}),
        (("text", 5), {}, "text", {"positional_args": [5]}),
        ((None,), {}, "", {}),
        (({"a": 1},), {}, "{'a': 1}", {}),
        ((), {"self": 1}, "", {"self": 1}),
        (("text",), {"event": "other"}, "text", {"event_2": "other"}),
        ((bytearray(b"text"),), {}, "text", {}),
    ],
)
def test_logger_makes_an_event_of_anything(arguments, fields, summary, details, destination):
    """The result of another renderer becomes an event as well."""
    MozDefLogger(destination).info(*arguments, **fields)
    event = destination.event
    assert (event["summary"], event["details"]) == (summary, details)


@pytest.mark.parametrize("name", hostile.VALUES)
def test_logger_survives_hostile_values(name, destination):
    """Whatever reaches the logger, an event is shipped and nothing is raised."""
    MozDefLogger(destination).info(hostile.VALUES[name](), value=hostile.VALUES[name]())
    assert len(destination.events) == 1


def test_factory_names_the_logger(destination):
    """The name given to ``get_logger`` is the source of the events."""
    structlog.configure(
        processors=[MozDefRenderer()], logger_factory=MozDefLoggerFactory(destination)
    )
    structlog.get_logger("auth.login").info("x")
    assert destination.event["source"] == "auth.login"


def test_loggers_can_be_copied(destination):
    """A deep copy of a bound logger ships to the same sink."""
    log = structlog.wrap_logger(MozDefLogger(destination), processors=[MozDefRenderer()]).bind(a=1)
    copy.deepcopy(log).info("x")
    copy.copy(log).info("x")
    assert [event["details"] for event in destination.events] == [{"a": 1}] * 2


@pytest.mark.parametrize("method", ["ainfo", "info"])
def test_asynchronous_methods_ship(method, destination):
    """``await log.ainfo(...)`` ships like ``log.info(...)``, with the context of its task."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, MozDefRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=MozDefLoggerFactory(destination),
    )

    async def handle():
        structlog.contextvars.bind_contextvars(request="r-1")
        result = getattr(structlog.get_logger(), method)("x")
        if method == "ainfo":
            await result

    asyncio.run(handle())
    assert destination.event["details"] == {"request": "r-1"}


def test_bound_context_reaches_the_event(destination):
    """The context bound to a logger is in each of its events."""
    log = structlog.wrap_logger(MozDefLogger(destination), processors=[MozDefRenderer()])
    log.bind(a=1).info("x", b=2)
    assert destination.event["details"] == {"a": 1, "b": 2}
