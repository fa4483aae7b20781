"""One call sets up the complete chain."""

import asyncio
import enum
import logging
import pickle
import sys
import threading

import pytest
import structlog
from support import hostile
from support.destinations import structlog_defaults

from structlog_mozdef import Redactor, build_processors, configure
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


def test_configured_chain_ships():
    """`configure` makes ``structlog.get_logger()`` ship complete events."""
    transport = MemoryTransport()
    sink = configure(transport, tags=["openvpn"], category="authentication", linger=0)
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


def test_secrets_can_stay():
    """``redact=False`` ships events as they are."""
    transport = MemoryTransport()
    sink = configure(transport, redact=False, linger=0)
    structlog.get_logger().info("password=hunter2", token="x")
    sink.close(10)
    (event,) = transport.events
    assert (event["summary"], event["details"]["token"]) == ("password=hunter2", "x")


@pytest.mark.parametrize("level", ["WARNING", "warning", 30])
def test_level_of_configure(level):
    """Events below the level are not shipped."""
    transport = MemoryTransport()
    sink = configure(transport, level=level, linger=0)
    structlog.get_logger().info("below")
    structlog.get_logger().warning("above")
    sink.close(10)
    assert [event["summary"] for event in transport.events] == ["above"]


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
    """Events that JSON cannot hold as they are are shipped in the same batch as all others."""
    transport = MemoryTransport()
    sink = configure(transport, linger=0)
    log = structlog.get_logger()
    for name in hostile.VALUES:
        log.info(name, value={hostile.NotEqual(): hostile.VALUES[name]()})
        log.info("between")
    sink.close(10)
    assert len(transport.events) == 2 * len(hostile.VALUES)


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
    {"timezone": "Europe/Berln"},
    {"processors": "app.processor"},
    {"processors": None},
    {"typed_names": [5]},
    {"typed_names": "status"},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_option_is_named_by_build_processors(options):
    """A value that cannot work is rejected in one sentence that names it and what is allowed."""
    (value,) = options.values()
    with pytest.raises(ValueError, match=r"^\w+ is .*; it must be [^\n]+$") as caught:
        build_processors(**options)
    assert repr(value if not isinstance(value, list) else value[0]) in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        *BAD,
        {"level": "loud"},
        {"level": 25},
        {"level": True},
        {"level": None},
        {"console": 1},
        {"stdlib": None},
    ],
    ids=str,
)
def test_bad_option_changes_no_configuration(options):
    """`configure` with a value that cannot work leaves structlog as it was."""
    before = structlog.get_config()["processors"]
    with pytest.raises(ValueError, match=r"^\w+ is .*; it must be [^\n]+$"):
        configure(MemoryTransport(), **options)
    assert structlog.get_config()["processors"] is before


def test_processors_of_the_program():
    """They see the complete event, and change or drop it before it is numbered."""
    transport = MemoryTransport()
    seen = []

    def change(logger, name, event_dict):
        seen.append(event_dict.copy())
        if event_dict["event"] == "GET /health":
            raise structlog.DropEvent
        event_dict["tags"].append("own")
        return {**event_dict, "team": "web"}

    sink = configure(transport, tags=["vpn"], processors=[change], linger=0)
    for summary in ("GET /health", "GET /", "GET /health", "GET /about"):
        structlog.get_logger().info(summary, password="x")
    sink.close(10)
    assert {"hostname", "processid", "processname", "timestamp", "tags", "password"} <= {*seen[0]}
    events = transport.events
    assert [event["details"]["sequence"] for event in events] == [1, 2]
    assert (events[0]["tags"], events[0]["details"]["team"]) == (["vpn", "own"], "web")


def test_what_a_processor_adds_is_redacted():
    """Secrets are looked for at the very end."""
    transport = MemoryTransport()

    def add(logger, name, event_dict):
        return {**event_dict, "token": "hunter2", "text": "password=hunter2"}

    sink = configure(transport, processors=[add], linger=0)
    structlog.get_logger().info("x")
    sink.close(10)
    assert b"hunter2" not in b"".join(transport.batches[0])


def fails(logger, name, event_dict):
    raise KeyError("hunter2")


def renders(logger, name, event_dict):
    return b"{}"


class Frozen(dict):
    def __setitem__(self, name, value):
        raise TypeError("frozen")

    def __contains__(self, name):
        raise TypeError("closed")

    get = pop = update = setdefault = __delitem__ = __setitem__


def freezes(logger, name, event_dict):
    return Frozen(event_dict, frozen=True)


def test_a_processor_may_return_any_kind_of_dict():
    """One with methods of its own is copied: those that follow can change it."""
    transport = MemoryTransport()
    limiter = {"()": "structlog_mozdef.RateLimiter"}
    sink = configure(transport, processors=[freezes, limiter], linger=0)
    structlog.get_logger().info("x")
    sink.close(10)
    (event,) = transport.events
    assert (event["summary"], event["details"]["frozen"], event["details"]["sequence"]) == (
        "x",
        True,
        1,
    )


@pytest.mark.parametrize(
    ("processor", "failure"),
    [(fails, "fails: KeyError"), (renders, "renders: it returned no event dict")],
)
def test_a_processor_that_fails_costs_no_event(processor, failure):
    """The log call returns, the other processors run, and the event says what is missing."""
    transport = MemoryTransport()

    def add(logger, name, event_dict):
        return {**event_dict, "added": 1}

    sink = configure(transport, processors=[processor, add], linger=0)
    structlog.get_logger().info("x", number=7)
    sink.close(10)
    details = transport.events[0]["details"]
    assert (details["failed_processor"], details["added"], details["number"]) == (failure, 1, 7)


def logs_by_structlog(logger, name, event_dict):
    structlog.get_logger("inner").warning("inner")
    return {**event_dict, "added": 1}


def logs_by_the_standard_library(logger, name, event_dict):
    logging.getLogger("inner").warning("inner")
    return {**event_dict, "added": 1}


@pytest.mark.parametrize("processor", [logs_by_structlog, logs_by_the_standard_library])
def test_a_processor_that_logs_does_not_call_itself(processor):
    """What a processor logs is one event, which says that it went on without that processor."""
    transport = MemoryTransport()
    sink = configure(transport, processors=[processor], stdlib=True, linger=0)
    structlog.get_logger().info("x")
    structlog.get_logger().info("y")
    assert sink.flush(10)
    configure(None)
    sink.close(10)
    events = transport.events[:4]
    assert [event["summary"] for event in events] == ["inner", "x", "inner", "y"]
    details = [event["details"] for event in events]
    assert [("failed_processor" in each, "added" in each) for each in details] == [
        (True, False),
        (False, True),
    ] * 2
    assert details[0]["failed_processor"].endswith(": it was running already")


def test_processors_of_the_program_are_pickled():
    """As loggers that have them are."""
    chain = pickle.loads(pickle.dumps(build_processors(processors=[fails])))
    event_dict = {"event": "x"}
    for processor in chain:
        event_dict = processor(None, "info", event_dict)
    assert b"fails: KeyError" in event_dict


def test_threads_configure_at_the_same_time():
    """There is one handler for records in the end, and one sink for all that is logged."""
    transports = [MemoryTransport() for _ in range(8)]
    sinks = {}
    start = threading.Barrier(len(transports))

    def configure_often(transport):
        start.wait(10)
        for _ in range(10):
            sinks[id(transport)] = configure(transport, stdlib=True, sequence=False, linger=0)

    threads = [threading.Thread(target=configure_often, args=(each,)) for each in transports]
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch_interval)
    structlog.get_logger().info("one")
    logging.getLogger("theirs").warning("two")
    configure(None)
    for sink in sinks.values():
        sink.close(10)
    received = [[event["summary"] for event in each.events] for each in transports]
    assert [summaries for summaries in received if summaries] == [["one", "two"]]


def test_processors_by_their_names():
    """As in files of settings."""
    transport = MemoryTransport()
    limiter = {"()": "structlog_mozdef.RateLimiter", "limit": 1, "interval": 3600}
    sink = configure(transport, processors=["structlog.stdlib.add_log_level", limiter], linger=0)
    for _ in range(3):
        structlog.get_logger().info("x")
    sink.close(10)
    assert [event["details"]["sequence"] for event in transport.events] == [1, 2]
    assert transport.events[1]["details"]["rate_limited"]["count"] == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tgas": ["a"]}, "tgas is no option of configure; do you mean tags?"),
        ({"lingr": 1}, "lingr is no option of configure; do you mean linger?"),
        ({"consol": True}, "consol is no option of configure; do you mean console?"),
        ({"routing_kee": "x"}, "routing_kee is no option of configure; do you mean routing_key?"),
    ],
)
def test_a_misspelt_option_is_named(options, sentence):
    """One sentence says which option there is instead."""
    with pytest.raises(TypeError) as caught:
        configure(None, **options)
    assert str(caught.value) == sentence


def test_a_name_like_no_option():
    """Where no option is meant, a few are listed, and many are not."""
    with pytest.raises(
        TypeError, match=r"^xyzzy is no option of configure; docs/config\S+ has all "
    ):
        configure(None, xyzzy=1)
    with pytest.raises(TypeError, match=r"^xyzzy is no option of build_processors; there are cat"):
        build_processors(xyzzy=1)


class Level(enum.IntEnum):
    WARNING = 30


def test_a_level_in_other_words():
    """The names of the standard library are understood, and so are numbers of any kind."""
    for level, dropped in (("WARN", 2), ("30", 2), (" Fatal ", 4), (Level.WARNING, 2)):
        sink = configure(None, level=level)
        for name in ("debug", "info", "warning", "error", "critical"):
            getattr(structlog.get_logger(), name)("x")
        assert sink.stats().accepted == 5 - dropped
