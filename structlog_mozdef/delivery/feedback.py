"""Know which threads send events, and whose log records in these threads are not events.

A request that ships an event makes urllib3 log a record; were that an event as well, a sink would
never come to rest, and two sinks would keep each other busy forever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from structlog_mozdef.process.fork import reset_after_fork

_R = TypeVar("_R")


class _Senders:
    def __init__(self) -> None:
        self.loggers: dict[int, frozenset[str]] = {}
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self.loggers = {}  # these threads are not in the child


_senders = _Senders()


def call_as_sender(loggers: frozenset[str], function: Callable[[], _R]) -> _R:
    """Call *function*, in which the calling thread sends.

    Args:
        loggers: the top-level names of those that the transport's helpers log with.
        function: what to call.
    """
    senders = _senders.loggers
    me = threading.get_ident()
    try:
        senders[me] = loggers
        return function()
    finally:
        # A call in C, and the first one here: no signal handler can raise before it.
        senders.pop(me, None)


def is_sender() -> bool:
    """Whether the calling thread sends."""
    return threading.get_ident() in _senders.loggers


def is_feedback(logger_name: str) -> bool:
    """Whether a record of *logger_name* in the calling thread comes from sending."""
    top_level = logger_name.partition(".")[0]
    if top_level == "structlog_mozdef":
        return True
    loggers = _senders.loggers.get(threading.get_ident())
    # What warns in this thread is sending, too: logging.captureWarnings makes records of it.
    return loggers is not None and (top_level in loggers or logger_name == "py.warnings")
