"""What commands write to a terminal: progress, and text from outside."""

from __future__ import annotations

import json
from typing import Any, Self


def printable(text: str) -> str:
    r"""Escape *text* for a terminal: control and invisible characters become ``\u....``."""
    return "".join(
        character
        if character.isprintable()
        else json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        for character in text
    )


def progress(total: int | None = None, *, always: bool = False) -> Any:
    """Return a progress bar on standard error, if the extra ``cli`` is installed.

    Args:
        total: number of events. Default None: nobody knows.
        always: whether there is one in a pipe as well. Default: on a terminal only.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        return _NoProgress()
    return tqdm(total=total, unit="event", unit_scale=True, disable=False if always else None)


class _NoProgress:
    n = 0
    total: int | None = None

    def update(self, count: int) -> None:
        self.n += count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass
