"""Show events on standard error as well, for the person who runs the program."""

from __future__ import annotations

import sys
import threading
from datetime import datetime
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef.processors.redactor import Redactor
from structlog_mozdef.processors.sequence import STREAM_END
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.fields import severity_of
from structlog_mozdef.rendering.tracebacks import describe_exc_info

#: The same in every event: they would only hide the rest.
_HIDDEN = ("hostname", "processid", "processname")
_TRACEBACK = "console_traceback"
# A terminal obeys some of them, and an attacker may have sent them.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\t")}
_CONTROLS_BUT_NEWLINE = {code: text for code, text in _CONTROLS.items() if code != ord("\n")}
_CONTROLS[ord("\n")] = "\\n"


class Console:
    """Write each event to standard error by structlog's `ConsoleRenderer`, and pass it on.

    It writes to what ``sys.stderr`` is at that time, and never to standard output, which may be
    the program's. A console that cannot be written to changes nothing for the event. Where the
    program logs what is written to standard error, as Celery does, the events that come of what
    this shows are dropped: each would be shown again, without an end.

    Args:
        redactor: replaces secrets in what is shown, as in what is sent. Default: they are shown.
        tags: which all events have: they are not shown.
        colours: whether to use colours.
    """

    __slots__ = ("_colours", "_redactor", "_render", "_tags", "_writing")

    def __init__(
        self,
        redactor: Redactor | None = None,
        tags: tuple[str, ...] = (),
        *,
        colours: bool = False,
    ) -> None:
        self._redactor = redactor
        self._tags = tags
        self._colours = colours
        self._writing = threading.local()
        self._render: Any = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        writing = self._writing.__dict__
        if writing:  # a signal handler logs, or what stands for standard error
            text = safe_str(event_dict.get("event")).strip()
            if text and text in writing["line"]:
                raise structlog.DropEvent
        elif STREAM_END not in event_dict:
            try:
                shown = self._shown(logger, name, dict(event_dict))
                line = f"{self._render(logger, name, shown)}\n"
                if sys.stderr is not None:  # as it is in a process without a console
                    writing["line"] = line
                    sys.stderr.write(line)
            except Exception as error:  # it is closed, or an object in the event has no repr
                pass_on(error)
            finally:
                writing.clear()
        return event_dict

    def _shown(self, logger: WrappedLogger, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return what structlog's renderer is given instead of *event*, a copy."""
        event = self._without_the_usual(event)
        _name_traceback(event)
        if self._redactor is not None:
            event = dict(self._redactor(logger, name, event))
        traceback = event.pop(_TRACEBACK, None)
        stack = event.pop("stack_info", None)
        shown: dict[str, Any] = {
            _visible(safe_str(key)): _visible(value) if isinstance(value, str) else _Repr(value)
            for key, value in event.items()
        }
        shown["event"] = _visible(safe_str(event.get("event", "")))
        severity = severity_of(event.get("severity")) or severity_of(event.get("level", name))
        if severity is not None:
            shown.pop("severity", None)
            shown["level"] = severity.lower()
        if "logger" not in shown and isinstance(getattr(logger, "name", None), str):
            shown["logger"] = logger.name
        if isinstance(event.get("timestamp"), str):
            shown["timestamp"] = _local_time(event["timestamp"])
        if not isinstance(stack, str):
            stack = event.get("stack")  # of structlog's `StackInfoRenderer`
        if isinstance(stack, str):
            shown["stack"] = safe_str(stack).translate(_CONTROLS_BUT_NEWLINE)
        if traceback is not None:
            shown["exception"] = traceback.translate(_CONTROLS_BUT_NEWLINE)
        return shown

    def _without_the_usual(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return *event* without what nearly every event has."""
        event = {key: value for key, value in event.items() if key not in _HIDDEN}
        tags = event.pop("tags", ())
        if isinstance(tags, list):
            tags = [tag for tag in tags if tag not in self._tags]
        if tags:
            event["tags"] = tags
        return event

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _console, (self._redactor, self._tags, self._colours)

    @shows_half_made
    def __repr__(self) -> str:
        return f"Console(colours={self._colours})"


def _console(redactor: Redactor | None, tags: tuple[str, ...], colours: bool) -> Console:
    return Console(redactor, tags, colours=colours)


class _Repr:
    """What structlog shows of a value that is no string, without control characters."""

    def __init__(self, value: object) -> None:
        self._text = repr(value).translate(_CONTROLS)

    def __repr__(self) -> str:
        return self._text


def _visible(text: str) -> str:
    return str.translate(text, _CONTROLS)


def _name_traceback(event: dict[str, Any]) -> None:
    """Make a string of an exception, which a redactor would turn into an object of MozDef."""
    exception = describe_exc_info(event.pop("exc_info", None))
    given = event.pop("exception", None)
    if exception is not None:
        event[_TRACEBACK] = exception["stack"]
    elif given is not None:
        event[_TRACEBACK] = safe_str(given)


def _local_time(timestamp: str) -> str:
    try:
        moment = datetime.fromisoformat(timestamp).astimezone()
    except ValueError:
        return _visible(timestamp)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
