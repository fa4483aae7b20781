"""A handler, a tee and a factory make a sink of their own of a URL, or say what is wrong."""

from __future__ import annotations

import logging
import logging.config

import pytest
from support.receivers import Receiver
from support.running import wait_for

from structlog_mozdef import MozDefHandler, MozDefLoggerFactory, MozDefTee, Sink
from structlog_mozdef.testing import MemoryTransport

KINDS = [MozDefHandler, MozDefTee, MozDefLoggerFactory]
DOWN = "http://127.0.0.1:1/events"


def ship(shipper):
    if isinstance(shipper, MozDefHandler):
        shipper.handle(logging.makeLogRecord({"msg": "x"}))
    elif isinstance(shipper, MozDefTee):
        shipper(None, "info", {"event": "x"})
    else:
        shipper().info({"event": "x"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_url_becomes_a_sink(kind):
    """What is given a URL ships there; options of a sink are given beside it."""
    with Receiver() as receiver:
        shipper = kind(receiver.url, linger=0.0, headers={"X-Own": "1"})
        ship(shipper)
        assert wait_for(receiver.summaries)
        assert receiver.requests[-1].headers["x-own"] == "1"


def test_dict_config():
    """A handler is set up by ``dictConfig``, with nothing but a URL."""
    with Receiver() as receiver:
        handler = {"()": "structlog_mozdef.MozDefHandler", "sink": receiver.url, "linger": 0.0}
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"mozdef": handler},
                "loggers": {"by_dict_config": {"handlers": ["mozdef"]}},
            }
        )
        logging.getLogger("by_dict_config").error("x")
        assert wait_for(receiver.summaries)
        logging.getLogger("by_dict_config").handlers.clear()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [5, b"https://host/events", object(), "host", "gopher://h"])
def test_what_is_no_sink_is_an_error(kind, wrong):
    """What is neither a sink nor a URL is an error at once, not at the first event."""
    with pytest.raises(ValueError, match=r"^(sink|url) is .*; it must be a"):
        kind(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_options_belong_to_a_url(kind):
    """Options beside a sink that exists are an error, since they would have no effect."""
    with pytest.raises(TypeError, match="linger: options of a sink"):
        kind(Sink(MemoryTransport()), linger=1)


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_checked(kind):
    """An option that no sink has is an error."""
    with pytest.raises(TypeError, match="lnger is no option"):
        kind(DOWN, lnger=1)
