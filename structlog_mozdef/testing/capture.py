"""Divert the events of all sinks of this process to a test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import structlog

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.bound_logger import bound_logger_at
from structlog_mozdef.configuration import build_processors
from structlog_mozdef.logger import MozDefLoggerFactory
from structlog_mozdef.processors import held_back
from structlog_mozdef.sink import capture, sinks
from structlog_mozdef.testing.events import CapturedEvents

#: Seconds for a `RateLimiter` to tell what it holds back when a capture begins or ends.
_PATIENCE = 5.0


@contextlib.contextmanager
def capture_events() -> Iterator[CapturedEvents]:
    """Keep all events that this process logs in a ``with`` block, instead of sending them.

    It covers every way to a sink: structlog's loggers (cached ones as well), tees, handlers of the
    standard library's logging, `structlog_mozdef.compat` and `Sink.put`, from any thread, whether
    the sink exists or is made in the block. Such a sink uses no spool: a test leaves the disk
    alone. A program that has not configured structlog yet is configured as by `configure`, at all
    levels, for the block.

    Nothing connects or has to be waited for: events are there when the log call returns. A
    `RateLimiter` counts from the beginning, and tells what it holds back when events are read.
    Captures can be nested: each gets all events of its block. Other processes capture for
    themselves; what a forked child logs is not seen here.

    With unittest::

        def setUp(self):
            self.events = self.enterContext(capture_events())

    Yields:
        The events, as they are logged. They can be read after the block as well.

    .. versionadded:: 26.1.0
    """
    events = CapturedEvents()
    held_back.restart(Deadline.after(_PATIENCE))
    capture.takers.append(events.put)
    _choose()
    try:
        with contextlib.nullcontext() if structlog.is_configured() else _configured(events):
            yield events
    finally:
        held_back.restart(Deadline.after(_PATIENCE))
        capture.takers.remove(events.put)
        _choose()


def _choose() -> None:
    for sink in sinks():
        sink.choose_append()


@contextlib.contextmanager
def _configured(events: CapturedEvents) -> Iterator[None]:
    """Configure structlog, and put back afterwards what nobody else has changed meanwhile."""
    before = structlog.get_config()
    ours: dict[str, Any] = {
        "processors": build_processors(),
        "wrapper_class": bound_logger_at(0),
        "logger_factory": MozDefLoggerFactory(_Everywhere(events.put)),
    }
    structlog.configure(**ours)
    try:
        yield
    finally:
        now = structlog.get_config()
        changed = {name for name, value in now.items() if value is not {**before, **ours}[name]}
        structlog.reset_defaults()
        if changed:
            structlog.configure(**{name: now[name] for name in changed})


class _Everywhere:
    """The destination of a program that has none: the captures that are active."""

    def __init__(self, put: Callable[[bytes], object]) -> None:
        self._put_last = put

    def put(self, event: bytes) -> None:
        """Hand *event* to all captures; after the last one, to the one that it was made for."""
        if not capture.take(event):
            self._put_last(event)
