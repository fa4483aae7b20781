"""The source of an event is what names it best: the event, the logger, or the module that logs."""

import asyncio

import pytest
import structlog
from support.destinations import KeptEvents

import structlog_mozdef as mozdef


def helper_of_module(name):
    """Return a function that logs, as one of the module *name* would be."""
    scope = {"__name__": name}
    exec("def log_it(log):\n    log.info('hello')", scope)
    return scope["log_it"]


@pytest.fixture
def sink():
    return KeptEvents()


def sources(sink):
    return [event["source"] for event in sink.events]


def tee_logger(sink, **options):
    return structlog.wrap_logger(
        structlog.ReturnLogger(),
        [mozdef.MozDefTee(sink, **options), structlog.processors.JSONRenderer()],
    )


def test_module_that_logs(sink):
    """Without a name, the module of the log call is the source, also with another stack."""
    log = tee_logger(sink)
    for name in ("accounts.views", "accounts.models", "accounts.views"):
        helper_of_module(name)(log)
        helper_of_module(name)(log.bind(user="kang"))
    expected = ["accounts.views"] * 2 + ["accounts.models"] * 2 + ["accounts.views"] * 2
    assert sources(sink) == expected


def test_module_at_another_depth(sink):
    """The depth of the stack may change from one log call to the next."""
    log = structlog.wrap_logger(mozdef.MozDefLogger(sink), [mozdef.MozDefRenderer()])
    filtering = structlog.make_filtering_bound_logger(0)
    other = structlog.wrap_logger(
        mozdef.MozDefLogger(sink), [mozdef.MozDefRenderer()], wrapper_class=filtering
    )
    helper = helper_of_module("accounts.views")
    for each in (log, other, log, other, other):
        helper(each)
    assert sources(sink) == ["accounts.views"] * 5


@pytest.mark.skipif(
    not hasattr(structlog.contextvars, "_ASYNC_CALLING_STACK"),
    reason="this structlog does not keep the frame of an awaited log call",
)
def test_module_that_awaits(sink):
    """``ainfo`` works in another thread: its source is the module that awaits it."""
    log = structlog.wrap_logger(
        mozdef.MozDefLogger(sink),
        [mozdef.MozDefRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )

    async def main():
        await log.ainfo("hello")

    asyncio.run(main())
    assert sources(sink) == [__name__]


def test_name_given_to_get_logger_in_a_tee(sink):
    """`NamedLoggerFactory` keeps the name for the tee, which structlog's own factories forget."""
    factory = mozdef.NamedLoggerFactory(structlog.ReturnLoggerFactory())
    structlog.configure(
        processors=[mozdef.MozDefTee(sink), structlog.processors.JSONRenderer()],
        logger_factory=factory,
    )
    try:
        assert structlog.get_logger("accounts").info("hello") == '{"event": "hello"}'
        structlog.get_logger().info("hello")
    finally:
        structlog.reset_defaults()
    assert sources(sink) == ["accounts", __name__]


def test_own_source_wins(sink):
    """What the event or the tee says of its source wins over the module."""
    log = tee_logger(sink, source="web")
    log.info("hello")
    log.info("hello", source="accounts")
    assert sources(sink) == ["web", "accounts"]
