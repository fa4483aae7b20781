"""A tee ships each event, and whatever follows it sees the event as it was."""

import io

import pytest
import structlog
from support import hostile
from support.destinations import KeptEvents

from structlog_mozdef import MozDefTee


@pytest.fixture
def destination():
    return KeptEvents()


def test_console_stands_beside_mozdef(destination):
    """One log call reaches MozDef and the console, without the standard library's logging."""
    console = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(console),
        processors=[
            structlog.processors.add_log_level,
            MozDefTee(destination, category="authentication"),
            structlog.dev.ConsoleRenderer(colors=False),
        ],
    )
    log.info("User logged in", username="kang")
    assert ("User logged in" in console.getvalue(), destination.event["category"]) == (
        True,
        "authentication",
    )


def test_tee_passes_the_event_on_unchanged(destination):
    """The processors after the tee see the event dict as it was."""
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
    """The marks of a ProcessorFormatter are passed on, and are not fields of the event."""
    event_dict = {"event": "x", "_record": object(), "_from_structlog": True}
    result = MozDefTee(destination)(None, "info", event_dict)
    assert (len(result), destination.event["details"]) == (3, {})


def test_tee_ships_the_exception(destination):
    """An exception is shipped with its stack, and the console shows it as well."""
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
    """A hostile value costs neither the event nor the processors that follow."""
    event_dict = {"event": "x", "value": hostile.VALUES[name]()}
    result = MozDefTee(destination)(None, "info", event_dict)
    assert (result is event_dict, destination.event["summary"]) == (True, "x")
