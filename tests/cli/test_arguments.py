"""Arguments: each has its help, numbers that cannot work are refused, and help comes at once."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest
from support.command_line_page import PAGE, PROGRAM, arguments, commands, help_of, page

from structlog_mozdef.cli import build_parser, main

COMMANDS = dict(commands())
ARGUMENTS = [
    pytest.param(parser, action, id=f"{name} {'/'.join(action.option_strings) or action.dest}")
    for name, parser in COMMANDS.items()
    for action in arguments(parser)
]


def test_the_page_is_what_the_parser_says():
    """docs/command_line.rst is not stale; ``make docs`` writes it."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize(("parser", "action"), ARGUMENTS)
def test_each_argument_has_help(parser, action):
    """The help says what an argument means, and of one that can be left out what is then."""
    text = help_of(parser, action)
    assert text
    if action.option_strings and not action.required:
        assert "(default: " in text
    if isinstance(action, argparse._AppendAction):
        assert "repeatable" in text
    if action.default and not isinstance(action.default, (bool, list)) and action.option_strings:
        assert str(action.default) in text or ":memory:" in str(action.default)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_description(name):
    """Its first paragraph is one sentence, which the list of commands shows."""
    assert COMMANDS[name].description.split("\n\n")[0].rstrip().endswith(".")


def status_of(*arguments):
    try:
        return main([*map(str, arguments)])
    except SystemExit as end:
        return end.code


URL = "http://127.0.0.1:9/events"
OPTIONS_WITH_DURATIONS = [
    ("send", URL, "--timeout"),
    ("spool", "drain", "FOLDER", URL, "--timeout"),
    ("spool", "list", "FOLDER", "--fail-if-older"),
    ("audit", "-", "--silent-after"),
    ("seal", "verify", "--key", "KEY", "--silent-after"),
]


@pytest.mark.parametrize("command", OPTIONS_WITH_DURATIONS, ids=" ".join)
@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "1e3", "ten", "", "٣", "1w", "1,5"])
def test_durations_that_cannot_work_are_refused(command, value, capsys):
    """What is no duration is refused in one sentence that names the option, with status 2."""
    *before, option = command
    assert status_of(*before, f"{option}={value}") == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == (
        f"error: {option} is {value!r}; it must be a duration, such as 90s, 10m, 2h or 1d\n"
    )


@pytest.mark.parametrize("command", OPTIONS_WITH_DURATIONS[:2], ids=" ".join)
def test_timeouts_are_a_year_at_the_most(command, capsys):
    """A timeout that the system cannot wait for is refused before anything begins."""
    assert status_of(*command, "366d") == 2
    assert capsys.readouterr().err == (
        "error: --timeout is '366d'; it must be a duration of 365d at the most\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        ("collector", "--port", "70000"),
        ("collector", "--port", "-1"),
        ("collector", "--port", "http"),
        ("collector", "--port", "nan"),
        ("spool", "purge", ".", "--since", "0000-01-01"),
        ("seal", "verify", "--key", "k", "--compromised-at", "x:²"),
        ("seal", "verify", "--key", "k", "--compromised-at", "x:" + "9" * 5000),
        ("seal", "verify", "--key", "k", "--compromised-at", "9999-12-31T23:59:59-12:00"),
        ("seal", "verify", "--key", "k", "--compromised-at", "0001-01-01T00:00:00+12:00"),
        ("send", URL, "--timeout"),
        ("nonsense",),
        ("spool", "nonsense"),
    ],
    ids=lambda command: " ".join(command)[:50],
)
def test_other_values_that_cannot_work_are_refused(command, capsys):
    """Each is refused in one sentence, with status 2."""
    assert status_of(*command) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert output.err.startswith("error: ")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("send URL a b --tag t", {"url": "URL", "files": ["a", "b"], "tag": ["t"]}),
        ("send URL --tag t a b", {"url": "URL", "files": ["a", "b"], "tag": ["t"]}),
        ("send --tag t URL a --follow b", {"url": "URL", "files": ["a", "b"], "tag": ["t"]}),
        ("send URL --tag t", {"url": "URL", "files": []}),
        ("spool drain F --timeout 5 U", {"folder": "F", "url": "U", "timeout": 5.0}),
        ("spool drain --timeout 5 F U", {"folder": "F", "url": "U", "timeout": 5.0}),
        ("spool drain F U --timeout 5", {"folder": "F", "url": "U", "timeout": 5.0}),
        ("audit a --json b", {"sources": ["a", "b"]}),
        ("audit --json", {"sources": ["-"]}),
        ("seal verify a --key K b", {"sources": ["a", "b"], "key": ["K"]}),
    ],
)
def test_options_may_stand_anywhere(line, found):
    """Options may stand before, between or behind the files that they are for."""
    options = vars(build_parser(PROGRAM).parse_args(line.split()))
    assert {name: options[name] for name in found} == found


def test_abbreviations_are_refused(capsys):
    """An option is written out: an abbreviation could mean another one tomorrow."""
    assert status_of("send", URL, "--time", "1") == 2
    assert "unrecognized arguments: --time" in capsys.readouterr().err


HEAVY = {"structlog", "requests", "urllib3", "asyncio", "ssl", "tqdm", "starlette"}
HEAVY |= {"structlog_mozdef.sink", "structlog_mozdef.rendering", "structlog_mozdef.buffers"}


@pytest.mark.parametrize("name", ["", *COMMANDS, "--version"])
def test_help_loads_nothing_heavy(name):
    """Help is there at once: what the work needs is loaded when it begins."""
    arguments = [*name.split(), *([] if name == "--version" else ["--help"])]
    program = (
        "import sys; from structlog_mozdef.cli import main;"
        f"status = main({arguments!r}); print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert HEAVY & set(ended.stderr.split()) == set()
    assert ended.stdout.startswith("usage: " if "--help" in arguments else "2")


def test_the_program_has_its_name():
    """The page is about the program that is installed."""
    assert PAGE.read_text("utf-8").count(PROGRAM) > len(COMMANDS)
