"""Whether a person reads a stream, and sees colours there."""

from __future__ import annotations

import os
from typing import TextIO

from structlog_mozdef._raised import pass_on


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person reads *stream*; None is that of a process without a console."""
    try:
        return stream is not None and bool(stream.isatty())
    except Exception as error:  # it is closed, or an object of the program that cannot tell
        pass_on(error)
        return False


def has_colours(stream: TextIO | None) -> bool:
    """Return whether *stream* shows colours, and they are wanted: see https://no-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    if not is_terminal(stream) or os.environ.get("TERM") == "dumb":
        return False
    if os.name != "nt":
        return True
    try:
        import colorama  # type: ignore[import-untyped,unused-ignore] # noqa: F401
    except ImportError:
        return False
    return True
