"""Makes docs/command_line.rst of the parser: ``make docs`` writes it, and a test compares it."""

from __future__ import annotations

import argparse
import re
import textwrap
from pathlib import Path

from structlog_mozdef.cli import build_parser
from structlog_mozdef.cli.parsing import STATUSES

PAGE = Path(__file__).parents[2] / "docs" / "command_line.rst"
PROGRAM = "structlog-mozdef"
WIDTH = 120
INTRODUCTION = f"""\
.. Made by ``make docs`` from the parser. Do not change it by hand.

Command line
============

The package installs the program ``{PROGRAM}``; ``python -m structlog_mozdef`` is the same.
``--help`` of each command says what is here. What is asked for is on standard output; results of
deliveries, errors and progress (on a terminal, with the extra ``cli``) are on standard error.

A duration is a number of seconds, or has a unit: ``90``, ``90s``, ``10m``, ``2h``, ``1d``. Options
cannot be abbreviated.

Exit status
-----------

"""


def commands(parser=None):
    """Yield the name and the parser of each command and action that can be run."""
    parser = parser or build_parser(PROGRAM)
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield parser.prog.removeprefix(f"{PROGRAM} "), parser
    for action in below:
        for each in action.choices.values():
            yield from commands(each)


def arguments(parser):
    """Return the actions of *parser*, positional ones first; without ``--help``."""
    found = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]
    return sorted(found, key=lambda action: bool(action.option_strings))


def help_of(parser, action):
    return action.help % {**vars(action), "prog": parser.prog}


def usage(parser):
    """Return the usage, the same on each version of Python."""
    options, names = [], []
    for action in arguments(parser):
        form = term(action).replace(", ", " | ")
        if not action.option_strings:
            wrapped = {"*": f"[{form} ...]", "?": f"[{form}]"}
            names.append(wrapped.get(action.nargs, form))
        else:
            options.append(form if action.required else f"[{form}]")
    words = " ".join([parser.prog, *(each.replace(" ", "\0") for each in (*options, *names))])
    return textwrap.fill(words, WIDTH - 4, subsequent_indent=" " * 4).replace("\0", " ")


def term(action):
    """Return how an argument is written."""
    metavar = action.metavar or action.dest.upper()
    if not action.option_strings:
        return metavar
    value = "" if action.nargs == 0 else f" {metavar}"
    return ", ".join(f"{name}{value}" for name in action.option_strings)


def row(text):
    """Return *text* as a paragraph in which options are literals."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*|\$[A-Z_]+)", r"``\1``", text).replace("*", r"\*")


def section(name, parser):
    title = f"{name}\n{'-' * len(name)}\n"
    description = [
        textwrap.fill(row(" ".join(paragraph.split())), WIDTH)
        for paragraph in (parser.description or "").split("\n\n")
    ]
    parts = [title, *[f"{each}\n" for each in description], "::\n"]
    parts.append(textwrap.indent(usage(parser), "    ") + "\n")
    items = []
    for action in arguments(parser):
        text = textwrap.fill(row(help_of(parser, action)), WIDTH - 4)
        items.append(f"``{term(action)}``\n{textwrap.indent(text, '    ')}\n")
    return "\n".join([*parts, "".join(items)]) if items else "\n".join(parts)


def statuses():
    width = max(map(len, STATUSES))
    rule = f"{'=' * width}  {'=' * (WIDTH - width - 2)}\n"
    rows = [
        textwrap.fill(
            row(meaning),
            WIDTH,
            initial_indent=f"{status:<{width}}  ",
            subsequent_indent=" " * (width + 2),
            break_on_hyphens=False,
        )
        + "\n"
        for status, meaning in STATUSES.items()
    ]
    header = f"{'status':<{width}}  meaning\n"
    return "".join([rule, header, rule, *rows, rule])


def page():
    """Return the page."""
    sections = [section(name, parser).rstrip() for name, parser in commands()]
    return INTRODUCTION + statuses() + "\n" + "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
