"""The page on the collector is true: its examples are asked, and its tables are complete."""

import json
import re
import shlex
from pathlib import Path

import pytest
from support.collecting import request

from structlog_mozdef.cli import collector as command
from structlog_mozdef.collector.api.filters import FILTERS

PAGE = (Path(__file__).parents[3] / "docs/collector.rst").read_text("utf-8")
EXAMPLES = re.findall(r"^    \$ (curl .*)\n((?:    [ {].*\n)+)", PAGE, re.MULTILINE)
EVENTS = (
    {"severity": "INFO", "summary": "User logged in", "details": {}},
    {"severity": "ERROR", "summary": "Log-in failed", "username": "kang", "details": {}},
)


@pytest.fixture
def filled(collector):
    """A collector that has the events of the examples."""
    for number, event in enumerate(EVENTS, 1):
        body = {
            "category": "authentication",
            "source": "accounts",
            "hostname": "web.example.com",
            "processname": "accounts",
            "processid": 4711,
            "tags": ["vpn"],
            "timestamp": "2026-03-04T05:06:07Z",
            **event,
            "details": {"stream_id": "6f1c", "sequence": number},
        }
        assert request(collector, "POST", "/events", json.dumps(body).encode())[0] == 200
    return collector


def plain(value, name=""):
    """The value without what differs from run to run."""
    if name in {"received", "start", "end", "sent", "error", "step"}:
        return type(value).__name__.replace("float", "int")
    if name == "stored" and isinstance(value, dict):
        return value["summary"]
    if name == "buckets":
        return [plain(value[0])]
    if isinstance(value, dict):
        return {key: plain(member, key) for key, member in value.items()}
    return [plain(member) for member in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("line", "answer"), EXAMPLES, ids=[line for line, _ in EXAMPLES])
def test_examples(filled, line, answer):
    """Each example is answered as the page says, but for times."""
    *options, url = shlex.split(line)[1:]
    method = options[1] if options else "GET"
    _, body = request(filled, method, url.removeprefix("http://127.0.0.1:8080"))
    asked, documented = plain(json.loads(body)), plain(json.loads(answer))
    if "buckets" in documented:  # the two events can be in two steps
        asked["buckets"] = documented["buckets"]
    assert asked == documented


def test_there_are_examples():
    """A change of the page's form does not leave its examples without a test."""
    assert len(EXAMPLES) == 10


def test_every_filter_is_documented():
    """The table of filters has each of them."""
    table = PAGE[PAGE.index("**Filters.**") : PAGE.index("**Lists.**")]
    assert set(re.findall(r"``(\w+)(?:=true)?``", table)) - {"events"} >= FILTERS


def test_every_option_is_documented():
    """The table of options has each of them, and no other."""
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = set(re.findall(r"--[a-z-]+", parser.format_help())) - {"--help"}
    assert set(re.findall(r"^``(--[a-z-]+)", PAGE, re.MULTILINE)) == options
