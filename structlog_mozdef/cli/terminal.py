"""What commands write to a terminal: progress, and text that it must not obey."""

from __future__ import annotations

import json
import sys
from typing import Any, Self

import orjson

# So many characters are escaped at once: each takes far more memory until they are joined.
_AT_ONCE = 64 * 1024


def printable(text: str) -> str:
    r"""Escape *text*: characters that are no print, or that the output lacks, become ``\u....``.

    JSON without spaces between its tokens stays valid JSON of the same meaning.
    """
    shows_all = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    if text.isprintable() and (shows_all or text.isascii()):
        return text
    parts = (text[begin : begin + _AT_ONCE] for begin in range(0, len(text), _AT_ONCE))
    return "".join(_escaped(part, shows_all=shows_all) for part in parts)


def _escaped(text: str, *, shows_all: bool) -> str:
    return "".join(
        character
        if character.isprintable() and (shows_all or character.isascii())
        else json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        for character in text
    )


def print_json(value: Any) -> None:
    """Print *value* as JSON for people and for programs, without what a terminal would obey."""
    # No string in it has a line break.
    for line in orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().split("\n"):
        print(printable(line))


def progress(total: int | None = None, unit: str = "event") -> Any:
    """Return a progress bar on a terminal's standard error, if the extra ``cli`` is installed.

    Args:
        total: how many there will be. Default None: nobody knows.
        unit: what is counted.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoProgress()
    return tqdm(total=total, unit=unit, unit_scale=True, disable=None)


class _NoProgress:
    n = 0
    total: int | None = None

    def update(self, count: int) -> None:
        self.n += count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass
