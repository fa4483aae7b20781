"""The options for type checkers are those that there are, and no option is forgotten anywhere."""

from __future__ import annotations

import inspect
import json
import logging
import typing

import pytest
from support.sealing import Sealing

from structlog_mozdef import (
    AMQPTransport,
    FileTransport,
    HTTPTransport,
    MozDefHandler,
    MozDefLoggerFactory,
    MozDefRenderer,
    MozDefTee,
    Sink,
    SQSTransport,
    SyslogTransport,
    build_processors,
    configure,
)
from structlog_mozdef.options import (
    ChainOptions,
    ConfigureOptions,
    RendererOptions,
    ShippingOptions,
)
from structlog_mozdef.sink.config import SinkConfig
from structlog_mozdef.sink.options import SpooledSinkOptions
from structlog_mozdef.testing import capture_events
from structlog_mozdef.transports.options import TransportOptions

TRANSPORTS = [HTTPTransport, AMQPTransport, SQSTransport, SyslogTransport, FileTransport]
#: What a user does not set.
INTERNAL = {"self", "url", "own_log", "clock", "chance", "redactor"}


def parameters(function):
    return {*inspect.signature(function).parameters} - INTERNAL


def test_options_of_transports():
    """Those of all transports together, no more and no fewer."""
    expected = set().union(*map(parameters, TRANSPORTS))
    assert {*TransportOptions.__annotations__} == expected


def test_options_of_a_sink():
    """Those that are checked, and those of its transport."""
    own = {*SpooledSinkOptions.__annotations__} - {*TransportOptions.__annotations__}
    assert own == {*SinkConfig.__dataclass_fields__}


def test_options_of_the_renderer():
    """All but its redactor, which the option ``redact`` is for."""
    assert {*RendererOptions.__annotations__} == parameters(MozDefRenderer)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_types_of_transports(transport):
    """An option has the type for checkers that its transport gives it."""
    actual = typing.get_type_hints(transport.__init__)
    listed = typing.get_type_hints(TransportOptions)
    differ = {name for name, kind in actual.items() if name in listed and listed[name] != kind}
    assert differ <= {"auth"}  # an object of requests, which is not loaded for others


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (configure, ConfigureOptions),
        (build_processors, ChainOptions),
        (MozDefHandler.__init__, ShippingOptions),
        (MozDefTee.__init__, ShippingOptions),
        (MozDefLoggerFactory.__init__, SpooledSinkOptions),
    ],
)
def test_all_that_take_options_are_typed(function, kind):
    """Each function takes one of the lists, and lists no option itself."""
    (rest,) = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.VAR_KEYWORD
    ]
    assert rest.annotation == f"Unpack[{kind.__name__}]"
    assert not parameters(function) & {*kind.__annotations__}


EVERY_CHAIN_OPTION = {
    "category": "shop",
    "source": "till",
    "timezone": "Europe/Berlin",
    "typed_names": {"order": str},
    "listed_names": ["headers"],
    "max_names": 50,
    "tags": ["vpn"],
    "processors": [lambda logger, name, event_dict: {**event_dict, "added": 1}],
    "sequence": True,
    "redact": True,
}


def by_configure():
    import structlog

    configure(None, **EVERY_CHAIN_OPTION)
    structlog.get_logger().info("x", order=7, password="p", headers={"a": 1})


def by_handler():
    handler = MozDefHandler("", **EVERY_CHAIN_OPTION)
    fields = {"name": "shop", "msg": "x", "order": 7, "password": "p", "headers": {"a": 1}}
    handler.handle(logging.makeLogRecord(fields))


def by_tee():
    event_dict = {"event": "x", "order": 7, "password": "p", "headers": {"a": 1}}
    before = event_dict.copy()
    assert MozDefTee("", **EVERY_CHAIN_OPTION)(None, "info", event_dict) == before


@pytest.mark.parametrize("way", [by_configure, by_handler, by_tee])
def test_options_do_the_same_everywhere(way):
    """`configure`, a handler and a tee make the same event with the same options."""
    assert {*EVERY_CHAIN_OPTION} == {*ChainOptions.__annotations__}
    with capture_events() as events:
        way()
        event = events.one()
    details = event["details"]
    assert (event["category"], event["source"], event["tags"]) == ("shop", "till", ["vpn"])
    assert (details["order"], details["password"], details["added"]) == ("7", "[redacted]", 1)
    assert details["headers"] == [{"name": "a", "value": "1"}]
    assert details["sequence"] == 1


def test_a_tee_drops_its_copy_only():
    """A processor of a tee that drops the event leaves it to those behind the tee."""
    import structlog

    def drop(logger, name, event_dict):
        raise structlog.DropEvent

    with capture_events() as events:
        assert MozDefTee("", processors=[drop])(None, "info", {"event": "x"}) == {"event": "x"}
        assert not events


def test_sinks_of_one_url_are_shared():
    """A tee and a factory with the same settings use one connection; other settings another."""
    url = "https://127.0.0.1:1/events"
    one = MozDefLoggerFactory(url, linger=2)
    two = MozDefLoggerFactory(url, linger=2.0)
    other = MozDefLoggerFactory(url)
    sinks = [factory()._sink for factory in (one, two, other)]
    assert (sinks[0] is sinks[1], sinks[0] is sinks[2]) == (True, False)
    assert isinstance(sinks[0], Sink)


@pytest.mark.parametrize("is_made", [False, True])
def test_sealed_events_are_numbered_once(is_made, tmp_path):
    """A handler and a tee of a sealing sink leave the numbers to it, whatever ``sequence`` says."""
    sealing = Sealing(tmp_path)
    url = f"file://{tmp_path}/events"
    options = {"seal": sealing.path}
    sink = Sink(url, **options) if is_made else url
    more = {} if is_made else options
    handler = MozDefHandler(sink, sequence=True, **more)
    handler.handle(logging.makeLogRecord({"name": "shop", "msg": "x"}))
    MozDefTee(sink, sequence=True, **more)(None, "info", {"event": "x"})
    assert handler._sink.close(10)
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [event["details"]["sequence"] for event in events] == [1, 2]
    assert not any("sequence_2" in event["details"] for event in events)
