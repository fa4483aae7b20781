"""Every public name exists, and type checkers know it from an installed wheel."""

import ast
import importlib
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig

import pytest

import structlog_mozdef

PACKAGE = pathlib.Path(structlog_mozdef.__file__).parent
NAMES = structlog_mozdef.__all__

GOOD = {
    "one line": """
import structlog
import structlog_mozdef as mozdef

sink = mozdef.configure(
    "https://mozdef.example.com:8443/events", tags=["openvpn"], spool="/var/spool/myapp"
)
structlog.get_logger().info("User logged in", username="kang")
flushed: bool = sink.flush(5)
stats: mozdef.Stats = sink.stats()
reasons: list[str] = [dead_letter.reason for dead_letter in sink.dead_letters()]
""",
    "by hand": """
import re
from zoneinfo import ZoneInfo

import structlog
from structlog_mozdef import (
    MozDefLoggerFactory, MozDefRenderer, Redactor, RetryPolicy, SequenceAdder, Sink, TagAdder,
    TimestampAdder, add_hostname, add_trace_ids
)

with Sink("https://h:8443/events", when_full="block", retry=RetryPolicy(wait_max=30)) as sink:
    structlog.configure(
        processors=[
            add_hostname,
            add_trace_ids,
            TimestampAdder("Europe/Berlin"),
            TagAdder("openvpn", "duosecurity"),
            Redactor(names=["badge"], patterns=[re.compile("[0-9]{16}")]),
            SequenceAdder(),
            MozDefRenderer(category="authentication", timezone=ZoneInfo("Europe/Berlin")),
        ],
        logger_factory=MozDefLoggerFactory(sink),
    )
""",
    "standard library": """
import logging
import structlog_mozdef as mozdef

sink = mozdef.Sink("https://h:8443/events")
handler = mozdef.MozDefHandler(sink, "INFO", processors=[mozdef.TagAdder("openvpn")])
logging.getLogger().addHandler(handler)
""",
    "all options": """
import structlog
import structlog_mozdef as mozdef
from structlog.typing import EventDict, WrappedLogger

def drop_health(logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
    if event_dict["event"] == "GET /health":
        raise structlog.DropEvent
    return event_dict

mozdef.configure()
mozdef.configure(None)
mozdef.configure(
    "https://h:8443/events", level="WARN", console="auto", stdlib=True, retry={"wait_max": 30},
    processors=[drop_health, "app.logs.add_team", {"()": "structlog_mozdef.RateLimiter"}],
    typed_names={"status": "str", "retried": bool}, redact={"names": ["badge"]}, seal=None,
)
mozdef.build_processors(tags=["a"], processors=[mozdef.RateLimiter()], sequence=False)
mozdef.MozDefHandler(url="https://h:8443/events", spool="/var/spool/app", tags=["a"], mode="0640")
mozdef.MozDefTee("amqps://h/v", tags=["a"], heartbeat=5, auth=("kang", "secret"))
mozdef.MozDefLoggerFactory(None, spool=None)
""",
    "forwarded options": """
from typing import Unpack

import structlog_mozdef as mozdef
from structlog_mozdef.options import ConfigureOptions

def set_up(**options: Unpack[ConfigureOptions]) -> mozdef.Sink:
    options.setdefault("tags", ["ours"])
    return mozdef.configure(**options)

set_up(level="debug", linger=0.1)
""",
    "own transport": """
from collections.abc import Sequence

import structlog_mozdef as mozdef

class Printing:
    name = "standard output"
    loggers: frozenset[str] = frozenset()
    recovery_probes = 0
    recovery_pause = 0.0
    confirms = True

    def send(self, events: Sequence[bytes]) -> mozdef.SendResult:
        if not events:
            raise mozdef.TransportError("nothing to print", retry_after=5.0)
        return mozdef.SendResult()

    def after_fork_in_child(self) -> None: ...

    def close(self) -> None: ...

transport: mozdef.Transport = Printing()
mozdef.Sink(transport)
""",
    "tests": """
import structlog_mozdef as mozdef
from structlog_mozdef.testing import CapturedEvents, MemoryTransport, capture_events

def test_login(mozdef_events: CapturedEvents) -> None:
    summary: str = mozdef_events.one(severity="INFO", username="kang")["summary"]

with capture_events() as events:
    assert len(events.matching(tags={"vpn"})) == len(events[1:])
transport = MemoryTransport()
with mozdef.Sink(transport) as sink:
    mozdef.MozDefLogger(sink).info(b"{}")
""",
    "star": """
from structlog_mozdef import *

configure("https://h:8443/events", level=SEVERITIES[1])
""",
    "old clients": """
import structlog_mozdef.compat as mozdef

mozdef.MozDefMsg("https://h:8443/events", tags=["openvpn"]).send("User logged in")
""",
}

# Name -> a program with one mistake, what mypy calls the mistake, and what pyright does.
BAD = {
    "misspelt function": ("mozdef.confgure('https://h/events')", "attr-defined", "Attribute"),
    "misspelt import": ("from structlog_mozdef import Sinck", "attr-defined", "Attribute"),
    "private name": ("mozdef._HOMES", "attr-defined", "Attribute"),
    "number as URL": ("mozdef.configure(5)", "arg-type", "Argument"),
    "numbers as tags": ("mozdef.configure('https://h/events', tags=[5])", "list-item", "Argument"),
    "misspelt option": ("mozdef.MozDefRenderer(categry='a')", "call-arg", "Call"),
    "misspelt in configure": ("mozdef.configure('https://h/e', tgas=['a'])", "call-arg", "Call"),
    "misspelt for a transport": ("mozdef.configure('https://h/e', verfy=1)", "call-arg", "Call"),
    "misspelt in a sink": ("mozdef.Sink('https://h/e', lingr=1)", "call-arg", "Call"),
    "misspelt in a handler": ("mozdef.MozDefHandler(s, catgory='a')", "call-arg", "Call"),
    "misspelt in a tee": ("mozdef.MozDefTee(s, catgory='a')", "call-arg", "Call"),
    "misspelt in a chain": ("mozdef.build_processors(tgas=['a'])", "call-arg", "Call"),
    "misspelt in a factory": ("mozdef.MozDefLoggerFactory('', lingr=1)", "call-arg", "Call"),
    "text as flag": ("mozdef.configure(None, stdlib='yes')", "arg-type", "Argument"),
    "text as number": ("mozdef.configure(None, linger='1')", "arg-type", "Argument"),
    "unknown console": ("mozdef.configure(None, console='no')", "arg-type", "Argument"),
    "no category": ("mozdef.MozDefRenderer(category=None)", "arg-type", "Argument"),
    "number as zone": ("mozdef.TimestampAdder(5)", "arg-type", "Argument"),
    "unknown choice": ("mozdef.Sink('https://h/e', when_full='wait')", "arg-type", "Argument"),
    "wrong result": ("x: str = mozdef.Sink('https://h/e').stats()", "assignment", "Assignment"),
    "wrong sink": ("mozdef.MozDefHandler(mozdef.MozDefRenderer())", "arg-type", "Argument"),
    "number as processor": ("mozdef.MozDefHandler(s, processors=[5])", "list-item", "Argument"),
}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment in which the wheel of the package is installed."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "README.rst", "LICENSE"):
        shutil.copy(PACKAGE.parent / name, source)
    shutil.copytree(PACKAGE, source / PACKAGE.name)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", source]
    subprocess.run([*pip, "wheel", *options, source], check=True)
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = sysconfig.get_path("purelib", "venv", {"base": str(environment)})
    (wheel,) = source.glob("*.whl")
    shutil.unpack_archive(wheel, site, "zip")
    # What the package depends on: files named *.pth in that folder, such as that of an editable
    # installation of the package itself, are not executed.
    pathlib.Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin" / "python"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Name -> the file of a program."""
    folder = tmp_path_factory.mktemp("programs")
    sources = {
        **GOOD,
        **{
            name: f"import structlog_mozdef as mozdef\ns = mozdef.Sink('https://h/e')\n{mistake}"
            for name, (mistake, _, _) in BAD.items()
        },
        "every name": "import structlog_mozdef as mozdef\n"
        + "\n".join(f"reveal_type(mozdef.{name})" for name in NAMES),
    }
    files = {name: folder / f"program_{number}.py" for number, name in enumerate(sources)}
    for name, source in sources.items():
        files[name].write_text(source)
    return files


class Mypy:
    """What mypy reports."""

    def __init__(self, python, programs, folder):
        options = ["--strict", "--python-executable", python, "--cache-dir", folder / "cache"]
        result = subprocess.run(
            [sys.executable, "-m", "mypy", *options, *programs.values()],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        assert result.returncode < 2, result.stdout + result.stderr
        self._lines = result.stdout.splitlines()

    def _of(self, file, kind):
        form = re.compile(rf".*{file.name}:\d+: {kind}: (.*)")
        return [match[1] for line in self._lines if (match := form.fullmatch(line))]

    def errors(self, file):
        """The errors in *file*."""
        return self._of(file, "error")

    def types(self, file):
        """The types that *file* asks for."""
        return [re.findall('"(.*)"', note)[0] for note in self._of(file, "note")]

    @staticmethod
    def names(error, mistake):
        """Whether *error* is the *mistake* of `BAD`."""
        return error.endswith(f"[{mistake[1]}]")


class Pyright:
    """What pyright reports."""

    def __init__(self, python, programs, folder):
        settings = {"include": list(map(str, programs.values())), "typeCheckingMode": "strict"}
        style = ["UnusedExpression", "UnusedImport", "UnusedVariable", "WildcardImportFromLibrary"]
        settings.update({f"report{rule}": "none" for rule in style})
        (folder / "pyrightconfig.json").write_text(json.dumps(settings))
        options = ["--outputjson", "--pythonpath", python, "--project", folder]
        result = subprocess.run(
            [sys.executable, "-m", "basedpyright", *options],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        assert result.returncode < 2, result.stdout + result.stderr
        self._found = json.loads(result.stdout)["generalDiagnostics"]

    def _of(self, file, severity):
        return [
            found
            for found in self._found
            if (found["file"], found["severity"]) == (str(file), severity)
        ]

    def errors(self, file):
        """The errors in *file*, without those that only follow from an unknown name."""
        errors = [f"{found['message']} [{found['rule']}]" for found in self._of(file, "error")]
        return [error for error in errors if "[reportUnknown" not in error]

    def types(self, file):
        """The types that *file* asks for."""
        return [
            re.findall('"(.*)"', found["message"])[-1] for found in self._of(file, "information")
        ]

    @staticmethod
    def names(error, mistake):
        """Whether *error* is the *mistake* of `BAD`."""
        return f"[report{mistake[2]}" in error


@pytest.fixture(scope="module", params=["mypy", "basedpyright"])
def checker(request, tmp_path_factory):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} belongs to the extra lint")
    kind = {"mypy": Mypy, "basedpyright": Pyright}[request.param]
    python, programs = map(request.getfixturevalue, ("python", "programs"))
    return kind(python, programs, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("name", GOOD)
def test_good_program_passes(name, checker, programs):
    """A program as the documentation writes them has no error in strict mode."""
    assert checker.errors(programs[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_mistake_is_an_error(name, checker, programs):
    """A misspelt name or an argument of a wrong type is the one error of its program."""
    errors = checker.errors(programs[name])
    assert (len(errors), checker.names(errors[0], BAD[name])) == (1, True)


def test_every_name_has_a_type(checker, programs):
    """A checker knows the type of each public name, and of none only that it is any object."""
    types = checker.types(programs["every name"])
    assert (len(types), {"Any", "Unknown", "builtins.object", "object"} & {*types}) == (
        len(NAMES),
        set(),
    )


def seen_by_checkers():
    """Public name -> the module from which type checkers import it."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (names,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.asname: node.module for node in names.body for alias in node.names}


def test_checkers_see_the_names_that_exist():
    """The names for type checkers are those of ``__all__``, no more and no fewer."""
    assert {*seen_by_checkers(), "__version__"} == {*NAMES}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_checkers_see_the_object_that_is_used(name):
    """A name for type checkers is the object that a program gets."""
    module = importlib.import_module(seen_by_checkers()[name])
    assert getattr(structlog_mozdef, name) is getattr(module, name)


def test_names_are_listed_before_they_are_used():
    """``dir`` lists every public name, also in a program that has not used any."""
    program = "import structlog_mozdef; print(*dir(structlog_mozdef))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert {*NAMES} <= {*output.split()}


def test_unknown_name_is_an_attribute_error():
    """A name that the package does not have is not an attribute."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        structlog_mozdef.Nothing  # noqa: B018
