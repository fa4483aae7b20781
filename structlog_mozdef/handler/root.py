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


class _Attached(NamedTuple):
    """What was done to the root logger, to be undone by the next call."""

    handler: RootHandler
    level_before: int
    level: int


_attached: list[_Attached] = []


def attach(
    sink: Sink, level: int, processors: Sequence[Processor], renderer: MozDefRenderer
) -> None:
    """Add the handler to the root logger, in place of that of an earlier call.

    The level of the root logger is lowered to *level* where it is higher, since the default keeps
    back all below WARNING. Where the program shows records by a handler of its own, they are not
    shown once more.
    """
    detach()
    root = logging.getLogger()
    if any(map(_shows, root.handlers)):
        processors = [processor for processor in processors if not isinstance(processor, Console)]
    attached = _Attached(
        RootHandler(sink, level, processors, renderer), root.level, min(root.level, level)
    )
    root.setLevel(attached.level)
    root.addHandler(attached.handler)
    _attached.append(attached)


def detach() -> None:
    """Undo `attach`."""
    root = logging.getLogger()
    while _attached:
        attached = _attached.pop()
        root.removeHandler(attached.handler)
        attached.handler.close()
        if root.level == attached.level:
            root.setLevel(attached.level_before)


def _shows(handler: logging.Handler) -> bool:
    """Whether *handler* writes to standard error or standard output."""
    return getattr(handler, "stream", None) in (sys.stderr, sys.stdout)
