"""Text for a terminal, which must not obey what an event contains."""

from __future__ import annotations

import json
import sys


def printable(text: str) -> str:
    r"""Escape *text*: characters that are no print, or that the output lacks, become ``\u....``.

    JSON without spaces between its tokens stays valid JSON of the same meaning.
    """
    shows_all = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    if text.isprintable() and (shows_all or text.isascii()):
        return text
    return "".join(
        character
        if character.isprintable() and (shows_all or character.isascii())
        else json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        for character in text
    )
