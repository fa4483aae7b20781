"""Loggers of structlog ship to MozDef, and to the console beside it, whatever reaches them."""

import asyncio
import copy
import io
import json
import pickle

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from support import hostile

from structlog_mozdef import (
    MozDefLogger,
    MozDefLoggerFactory,
    MozDefRenderer,
    MozDefTee,
    Redactor,
    SequenceAdder,
    Sink,
    TagAdder,
    add_timestamp,
    add_trace_ids,
    build_processors,
    configure,
)
from structlog_mozdef.transports.memory import MemoryTransport

LEVELS = ["debug", "info", "notice", "warning", "warn", "error", "critical", "alert", "emergency"]
LEVELS += ["msg", "log", "err", "exception", "fatal", "failure"]


class List:
    """A destination that keeps what it is given."""

    def __init__(self):
        self.encoded = []

    def put(self, event):
        self.encoded.append(event)

    @property
    def events(self):
        return [json.loads(event) for event in self.encoded]

    @property
    def event(self):
        (event,) = self.events
        return event


@pytest.fixture
def destination():
    return List()


@pytest.fixture(autouse=True)
def unconfigured():
    """Each test begins and ends with structlog's own configuration."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_console_stands_beside_mozdef(destination):
    """One log call reaches MozDef and the console, without the standard library's logging."""
    console = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(console),
        processors=[
            structlog.processors.add_log_level,
            MozDefTee(destination, "authentication"),
            structlog.dev.ConsoleRenderer(colors=False),
        ],
    )
    log.info("User logged in", username="kang")
    assert ("User logged in" in console.getvalue(), destination.event["category"]) == (
        True,
        "authentication",
    )


def test_tee_passes_the_event_on_unchanged(destination):
    """What follows the tee sees the event dict as it was."""
    error = ValueError()
    event_dict = {
        "event": "x",
        "exc_info": error,
        "details": {"a": 1},
        "tags": ["b"],
        "level": "info",
    }
    before = dict(event_dict)
    result = MozDefTee(destination)(None, "info", event_dict)
    assert (result is event_dict, result) == (True, before)


def test_tee_keeps_what_belongs_to_the_formatter(destination):
    """The marks of a ProcessorFormatter are passed on, and are no fields of the event."""
    event_dict = {"event": "x", "_record": object(), "_from_structlog": True}
    result = MozDefTee(destination)(None, "info", event_dict)
    assert (len(result), destination.event["details"]) == (3, {})


def test_tee_ships_the_exception(destination):
    """An exception is shipped whole, and the console shows it too."""
    console = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(console),
        processors=[
            structlog.dev.set_exc_info,
            MozDefTee(destination),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
    )
    try:
        raise ValueError("bad")
    except ValueError:
        log.exception("failed")
    details = destination.event["details"]
    assert (details["exception"]["type"], "ValueError: bad" in console.getvalue()) == (
        "ValueError",
        True,
    )


@pytest.mark.parametrize("name", hostile.VALUES)
def test_tee_survives_hostile_values(name, destination):
    """A hostile value costs neither the event nor what follows."""
    event_dict = {"event": "x", "value": hostile.VALUES[name]()}
    result = MozDefTee(destination)(None, "info", event_dict)
    assert (result is event_dict, destination.event["summary"]) == (True, "x")


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
    """What another renderer gives becomes an event as well."""
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


@pytest.mark.parametrize(
    "processor",
    [MozDefRenderer("a", "b"), TagAdder("a"), Redactor(), SequenceAdder(), add_timestamp],
    ids=["renderer", "tags", "redactor", "sequence", "timestamp"],
)
def test_processors_can_be_pickled(processor):
    """Processors survive a pickle, as the configuration of a process pool needs it."""
    assert repr(pickle.loads(pickle.dumps(processor))) == repr(processor)


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


def test_context_of_each_task_reaches_its_events():
    """Tasks that run at the same time keep their context variables apart."""
    transport = MemoryTransport()
    sink = configure(transport, linger=0)

    async def handle(number):
        structlog.contextvars.bind_contextvars(request=number)
        await asyncio.sleep(0)
        structlog.get_logger().info("x", number=number)

    async def serve():
        await asyncio.gather(*map(handle, range(20)))

    asyncio.run(serve())
    sink.close(10)
    requests = [
        (event["details"]["request"], event["details"]["number"]) for event in transport.events
    ]
    assert sorted(requests) == [(number, number) for number in range(20)]


def test_log_call_returns_before_delivery():
    """A log call does not wait for a destination that is slow."""
    import threading

    release = threading.Event()

    class Slow(MemoryTransport):
        def send(self, events):
            release.wait(30)
            return super().send(events)

    transport = Slow()
    sink = configure(transport, linger=0)
    for _ in range(100):
        structlog.get_logger().info("x")  # would wait 30 s each
    delivered_meanwhile = len(transport.batches)
    release.set()
    sink.close(10)
    assert (delivered_meanwhile, len(transport.events)) == (0, 100)


def test_one_odd_event_costs_no_other():
    """Events that JSON cannot take are shipped in the same batch as all others."""
    transport = MemoryTransport()
    sink = configure(transport, linger=0)
    log = structlog.get_logger()
    for name in hostile.VALUES:
        log.info(name, value={hostile.NotEqual(): hostile.VALUES[name]()})
        log.info("between")
    sink.close(10)
    assert len(transport.events) == 2 * len(hostile.VALUES)


def test_tags_are_added_once():
    """Tags that an event already has are not repeated, and stay first."""
    adder = TagAdder("a", "b", "a")
    assert adder(None, "info", {"tags": ["c", "b"]})["tags"] == ["c", "b", "a"]


def test_tags_of_an_event_are_its_own():
    """Changing the tags of one event changes no other."""
    adder = TagAdder("a")
    adder(None, "info", {})["tags"].append("b")
    assert adder(None, "info", {})["tags"] == ["a"]


def test_given_tags_are_not_changed():
    """The list that the caller gave stays as it was."""
    given = ["c"]
    TagAdder("a")(None, "info", {"tags": given})
    assert given == ["c"]


@pytest.mark.parametrize("tags", [None, "c", 5, ("c",), {"c"}])
def test_any_tags_are_added_to(tags):
    """Whatever tags an event has, the others are added."""
    assert TagAdder("a")(None, "info", {"tags": tags})["tags"][-1] == "a"


def test_current_span_is_in_the_event():
    """Inside a span of OpenTelemetry, the event has its ids in hexadecimal."""
    with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
        event_dict = add_trace_ids(None, "info", {})
    context = span.get_span_context()
    assert event_dict == {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def test_no_span_is_no_field():
    """Outside of a span nothing is added."""
    assert add_trace_ids(None, "info", {}) == {}


def test_given_trace_is_kept():
    """A trace that the event already names stays."""
    with TracerProvider().get_tracer("t").start_as_current_span("s"):
        assert add_trace_ids(None, "info", {"trace_id": "mine"})["trace_id"] == "mine"


def test_span_that_is_none(monkeypatch):
    """An object in place of a span that fails raises nothing into the log call."""
    monkeypatch.setattr(trace, "get_current_span", hostile.boom)
    assert add_trace_ids(None, "info", {}) == {}


def test_configured_chain_ships():
    """`configure` makes ``structlog.get_logger()`` ship complete events."""
    transport = MemoryTransport()
    sink = configure(transport, tags=["openvpn"], category="authentication", redact=True, linger=0)
    structlog.get_logger("login").info("in", username="kang", password="x")
    sink.close(10)
    (event,) = transport.events
    details = event["details"]
    assert (event["tags"], event["source"], details["password"], details["sequence"]) == (
        ["openvpn"],
        "login",
        "[redacted]",
        1,
    )


@pytest.mark.parametrize("level", ["WARNING", "warning", 30])
def test_level_of_configure(level):
    """Events below the level are not shipped."""
    transport = MemoryTransport()
    sink = configure(transport, level=level, linger=0)
    structlog.get_logger().info("below")
    structlog.get_logger().warning("above")
    sink.close(10)
    assert [event["summary"] for event in transport.events] == ["above"]


BAD = [
    {"tags": "openvpn"},
    {"tags": 5},
    {"tags": [5]},
    {"tags": [""]},
    {"tags": None},
    {"category": ""},
    {"category": None},
    {"source": ""},
    {"source": 5},
    {"sequence": "yes"},
    {"redact": "yes"},
    {"redact": Redactor},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_option_is_named_by_build_processors(options):
    """A value that cannot work is refused in one sentence that names it and what is allowed."""
    (value,) = options.values()
    with pytest.raises(ValueError, match=r"^\w+ is .*; it must be [^\n]+$") as caught:
        build_processors(**options)
    assert repr(value if not isinstance(value, list) else value[0]) in str(caught.value)


@pytest.mark.parametrize(
    "options", [*BAD, {"level": "loud"}, {"level": 25}, {"level": True}, {"level": None}], ids=str
)
def test_bad_option_changes_no_configuration(options):
    """`configure` with a value that cannot work leaves structlog as it was."""
    before = structlog.get_config()["processors"]
    with pytest.raises(ValueError, match=r"^\w+ is .*; it must be [^\n]+$"):
        configure(MemoryTransport(), **options)
    assert structlog.get_config()["processors"] is before


def test_capture_logs_works_with_cached_loggers():
    """A logger that was used before is captured as well by ``structlog.testing.capture_logs``."""
    transport = MemoryTransport()
    sink = configure(transport, linger=0)
    log = structlog.get_logger().bind()
    log.info("before")
    with structlog.testing.capture_logs() as captured:
        log.info("captured", a=1)
    log.info("after")
    sink.close(10)
    assert ([entry["event"] for entry in captured], [e["summary"] for e in transport.events]) == (
        ["captured"],
        ["before", "after"],
    )


def test_bound_context_reaches_the_event():
    """What is bound to a logger is in each of its events."""
    transport = MemoryTransport()
    with Sink(transport, linger=0) as sink:
        log = structlog.wrap_logger(MozDefLogger(sink), processors=[MozDefRenderer()])
        log.bind(a=1).info("x", b=2)
    assert transport.events[0]["details"] == {"a": 1, "b": 2}
