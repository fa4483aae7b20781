"""The documentation is true: its code runs, its tables match the code, its markup is valid."""

from __future__ import annotations

import ast
import inspect
import logging
import logging.config
import re
from pathlib import Path

import docutils.core
import docutils.utils
import pytest
import structlog
import yaml
from support.destinations import structlog_defaults

import structlog_mozdef as mozdef
from structlog_mozdef.options import ConfigureOptions
from structlog_mozdef.options.environment import readers
from structlog_mozdef.sink.config import SinkConfig
from structlog_mozdef.transports.http import HTTPTransport

ROOT = Path(__file__).parents[2]
# A forge shows them as they stand; those of docs/ are built by ``make docs``.
FORGE_PAGES = sorted([*ROOT.glob("*.rst"), *ROOT.glob("benchmarks/*.rst")])
PAGES = [*FORGE_PAGES, *sorted(ROOT.glob("docs/**/*.rst"))]
README = (ROOT / "README.rst").read_text("utf-8")
OPTIONS = (ROOT / "docs" / "configuration.rst").read_text("utf-8")


def code_blocks(language="python"):
    for page in PAGES:
        for number, match in enumerate(
            re.finditer(
                rf"\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", page.read_text("utf-8")
            )
        ):
            yield pytest.param(inspect.cleandoc("\n" + match.group(1)), id=f"{page.stem}-{number}")


@pytest.fixture
def restored_logging(monkeypatch):
    monkeypatch.setenv("MOZDEF_URL", "")  # examples set it: it is put back
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    mozdef.configure(None)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("page", FORGE_PAGES, ids=lambda page: page.stem)
def test_markup_is_valid(page):
    """What a forge shows as it stands is reStructuredText without a complaint of docutils."""
    docutils.core.publish_string(
        page.read_text("utf-8"),
        writer="html5",
        settings_overrides={
            "halt_level": docutils.utils.Reporter.WARNING_LEVEL,
            "report_level": 5,
        },
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    """A link to a file of the project names one that is there; on a site no other file is near."""
    text = page.read_text("utf-8")
    targets = re.findall(r"^\.\. _.*: (\S+)$", text, re.MULTILINE)
    assert [each for each in targets if not each.startswith("https://")] == []
    paths = re.findall(r"structlog-mozdef/(?:blob/|tree/)?main/([^\s>`]+)", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


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
            sink.end_streams()  # while there is somebody who takes it
            assert sink.flush(10)


@pytest.mark.parametrize("settings", list(code_blocks("yaml")))
def test_settings_in_yaml_work(settings, restored_logging, opened_sinks, tmp_path):
    """Every example for ``dictConfig`` in YAML ships what modules log."""
    from structlog_mozdef.testing import running_collector

    with running_collector() as collector:
        settings = settings.replace("https://mozdef.example.com:8443/events", collector.url)
        settings = settings.replace("/var/spool/myapp", str(tmp_path / "spool"))
        logging.config.dictConfig(yaml.safe_load(settings))
        logging.getLogger("shop").info("paid")
        for sink in opened_sinks:
            assert sink.flush(10)
        assert [event["summary"] for event in collector.documents()] == ["paid"]


def rows():
    """Of each option: its default, or its destination, and its variable."""
    cells = r"^``(\w+)`` +(\S.*?)(?:  +``(MOZDEF_\w+)``)?  +\S"
    tables = OPTIONS[OPTIONS.index("All options\n") :]
    found = re.findall(cells, tables, re.MULTILINE)
    return {name: (default, variable) for name, default, variable in found}


def defaults():
    """Option -> its default, of `configure`, a sink and HTTP."""
    given = {
        "level": "info",
        "console": "auto",
        "stdlib": False,
        "processors": (),
        "tags": (),
        "sequence": True,
        "redact": True,
    }
    for function in (mozdef.MozDefRenderer, SinkConfig, HTTPTransport):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name not in ("url", "own_log", "redactor"):
                given[parameter.name] = parameter.default
    return given


def test_all_options_are_documented_with_their_variables():
    """The tables have every option that there is, and the variable of each that has one."""
    assert {*rows()} == {*ConfigureOptions.__annotations__}
    assert {variable for _, variable in rows().values() if variable} == {*readers()}
    for name, (_, variable) in rows().items():
        assert variable in ("", f"MOZDEF_{name.upper()}")


def test_defaults_are_those_of_the_code():
    """The tables have the true default of each option, but for the other destinations."""
    documented = {
        name: default.strip("`") for name, (default, _) in rows().items() if default[0:2] == "``"
    }
    assert documented == {name: repr(default) for name, default in defaults().items()}


def test_defaults_of_configure():
    """A call without options does what the table says of those that it takes itself."""
    with structlog_defaults():
        sink = mozdef.configure(None)
        assert mozdef.configure(None, handle_sigterm=True).settings == sink.settings
        assert structlog.is_configured()
        assert len(mozdef.build_processors()) == len(structlog.get_config()["processors"])


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
