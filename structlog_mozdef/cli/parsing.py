"""The parser of the command line: what it has beyond `argparse`, and the exit statuses."""

from __future__ import annotations

import argparse
import re
import textwrap
from typing import Any, NoReturn

#: What a status means, in all commands.
STATUSES = {
    "0": "success: everything was delivered, is there, or is as it should be",
    "1": "not everything: something was not delivered, was rejected, is missing, was changed, or"
    " was left alone; or a --fail-if option says so",
    "2": "nothing is known: an argument or a setting cannot work, or a file, a folder, an index or"
    " an output cannot be used",
    "129, 130, 143": "ended by SIGHUP, Ctrl-C or SIGTERM (128 and its number)",
    "141": "nobody reads the output any more",
}


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, refuses a value in one sentence, and minds no order.

    Options may stand before, between and behind what they are for: `argparse` itself takes the
    first of ``URL [FILE ...]`` as all of them, as soon as an option follows.
    """

    def __init__(self, **options: Any) -> None:
        # An abbreviation means something else, or nothing, as soon as there is one more option.
        super().__init__(allow_abbrev=False, **options)
        self._is_intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See `argparse.ArgumentParser`."""
        if self._is_intermixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True  # which calls this method
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        if not message.startswith("argument "):
            super().error(message)
        # The usage would hide the sentence.
        sentence = re.sub(r"^argument (.+?): (is )?", _subject, message, count=1)
        self.exit(2, f"error: {sentence}\n")


def _subject(match: re.Match[str]) -> str:
    name, verb = match.groups()
    return f"{name.partition('/')[0]} is " if verb else f"{name}: "


def statuses_text() -> str:
    """Return the table of statuses, for the help."""
    width = max(map(len, STATUSES)) + 4
    lines = ["exit status, of all commands:"]
    for status, meaning in STATUSES.items():
        lines += textwrap.wrap(
            meaning, 78, initial_indent=f"  {status}".ljust(width), subsequent_indent=" " * width
        )
    return "\n".join(lines)
