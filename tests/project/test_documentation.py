"""The documentation is true: its code runs, its tables match the code, its markup is valid."""

from __future__ import annotations

import ast
import inspect
import logging
import re
from pathlib import Path

import docutils.core
import docutils.utils
import pytest
import structlog

import structlog_mozdef as mozdef
from structlog_mozdef.transports.http import HTTPTransport

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.rst"), *ROOT.glob("docs/*.rst")])
README = (ROOT / "README.rst").read_text("utf-8")


def code_blocks():
    for page in PAGES:
        for number, match in enumerate(
            re.finditer(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", page.read_text("utf-8"))
        ):
            yield pytest.param(inspect.cleandoc("\n" + match.group(1)), id=f"{page.stem}-{number}")


@pytest.fixture
def restored_logging():
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_markup_is_valid(page):
    """Every page is reStructuredText without a complaint of docutils."""
    docutils.core.publish_string(
        page.read_text("utf-8"),
        writer="html5",
        settings_overrides={
            "halt_level": docutils.utils.Reporter.WARNING_LEVEL,
            "report_level": 5,
        },
    )


@pytest.fixture
def opened_sinks(monkeypatch):
    """The sinks that the test opens, wherever it keeps them."""
    opened = []
    init = mozdef.Sink.__init__

    def remember(self, *args, **kwargs):
        init(self, *args, **kwargs)
        opened.append(self)

    monkeypatch.setattr(mozdef.Sink, "__init__", remember)
    return opened


@pytest.mark.parametrize("code", list(code_blocks()))
def test_examples_run(code, restored_logging, opened_sinks, tmp_path):
    """Every Python example runs as it is written, against a receiver of this machine."""
    from structlog_mozdef.testing import running_collector

    with running_collector() as collector:
        code = code.replace("https://mozdef.example.com:8443/events", collector.url)
        code = code.replace("/var/spool/myapp", str(tmp_path / "spool"))
        exec(compile(ast.parse(code), "example", "exec"), {"__name__": "example"})
        for sink in opened_sinks:
            assert sink.flush(10)


def documented_options():
    table = README[README.index("``Sink(url_or_transport, spool=None, ...)``") :]
    return dict(re.findall(r"^``(\w+)``\s+``(.+?)``  ", table, re.MULTILINE))


def actual_options():
    options = {}
    for function in (mozdef.Sink.__init__, HTTPTransport.__init__):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "own_log":
                options[parameter.name] = repr(parameter.default)
    return options


def test_all_options_are_documented_with_their_defaults():
    """The README's table names every option of the sink and of HTTP, with the true default."""
    assert documented_options() == actual_options()


def test_documented_event_is_what_the_chain_makes(restored_logging):
    """The README's example of a stored event has the fields that the example call produces."""
    import json

    from structlog_mozdef.testing import MemoryTransport

    documented = json.loads(
        re.search(r"\.\. code-block:: json\n\n((?:    .*\n|\n)+)", README).group(1)
    )
    transport = MemoryTransport()
    with mozdef.configure(transport, tags=["openvpn"]):
        log = structlog.get_logger("accounts")
        log.info("User logged in", username="kang", sourceipaddress="10.0.0.7", success=True)
    event, _ = transport.events  # and the end of the stream
    volatile = ("hostname", "processid", "processname", "timestamp")
    for fields in (event, documented):
        for name in volatile:
            fields[name] = type(fields[name]).__name__
        fields["details"]["stream_id"] = len(fields["details"]["stream_id"])
    assert event == documented
