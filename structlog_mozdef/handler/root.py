"""The handler by which the standard library's root logger joins the chain of ``configure``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import NamedTuple

from structlog.typing import Processor

from structlog_mozdef.handler.chain import ChainHandler
from structlog_mozdef.processors.console import Console
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import Sink


class RootHandler(ChainHandler):
    """Ship what reaches the root logger by the chain of structlog's events."""


class _Joined(NamedTuple):
    """What was done to the root logger, to be undone by the next call."""

    handler: RootHandler
    level_before: int
    level: int


_joined: list[_Joined] = []


def join(sink: Sink, level: int, processors: Sequence[Processor], renderer: MozDefRenderer) -> None:
    """Let the records of the standard library's logging join, in the place of an earlier call.

    The level of the root logger is lowered to *level* where it is higher, since the default keeps
    back all below WARNING. Where the program shows records by a handler of its own, they are not
    shown once more.
    """
    leave()
    root = logging.getLogger()
    if any(map(_shows, root.handlers)):
        processors = [processor for processor in processors if not isinstance(processor, Console)]
    joined = _Joined(
        RootHandler(sink, level, processors, renderer), root.level, min(root.level, level)
    )
    root.setLevel(joined.level)
    root.addHandler(joined.handler)
    _joined.append(joined)


def leave() -> None:
    """Undo `join`."""
    root = logging.getLogger()
    while _joined:
        joined = _joined.pop()
        root.removeHandler(joined.handler)
        joined.handler.close()
        if root.level == joined.level:
            root.setLevel(joined.level_before)


def _shows(handler: logging.Handler) -> bool:
    """Whether *handler* writes to standard error or standard output."""
    return getattr(handler, "stream", None) in (sys.stderr, sys.stdout)
