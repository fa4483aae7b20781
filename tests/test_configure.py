"""One call sets up the complete chain."""

import asyncio
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
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_option_is_named_by_build_processors(options):
    """A value that cannot work is rejected in one sentence that names it and what is allowed."""
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
