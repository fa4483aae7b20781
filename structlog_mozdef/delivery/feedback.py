"""Know which threads send events, and whose log records in these threads are not events.

A request that ships an event makes urllib3 log a record; were that an event as well, a sink would
never come to rest, and two sinks would keep each other busy forever.
"""

from __future__ import annotations

import threading

from structlog_mozdef.process.fork import reset_after_fork


class _Senders:
    def __init__(self) -> None:
        self.loggers: dict[int, frozenset[str]] = {}
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        self.loggers = {}  # these threads are not in the child


_senders = _Senders()


def enter(loggers: frozenset[str]) -> None:
    """The calling thread sends from now on; *loggers* are the top-level names of its helpers."""
    _senders.loggers[threading.get_ident()] = loggers


def leave() -> None:
    """The calling thread sends no more."""
    _senders.loggers.pop(threading.get_ident(), None)


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
