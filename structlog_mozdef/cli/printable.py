"""Text for a terminal, which must not obey what an event contains."""

from __future__ import annotations

import json
import sys

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
