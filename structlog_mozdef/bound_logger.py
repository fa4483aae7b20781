"""The bound loggers of `configure`: those of structlog, but arguments that do not fit lose nothing.

structlog formats ``log.info("a %d", "x")`` before any processor runs, and raises where the
arguments do not fit. Here the event is shipped as it is, and its arguments are kept beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.fields import claim_detail

#: The levels that `configure` takes, by their names.
LEVELS = {
    "notset": logging.NOTSET,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
_METHODS = {
    "msg": "info",
    "warn": "warning",
    "fatal": "critical",
    **{name: name for name in LEVELS},
}


def bound_logger_at(minimum: int) -> type[FilteringBoundLogger]:
    """Return the class of bound loggers that drop events below *minimum*, one of structlog's."""
    return _CLASSES[minimum]


def _interpolated(event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    """Return *event* with *args* in it, as structlog does; else add them to *fields*."""
    try:
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            return event % args[0]
        return event % args
    except Exception as error:
        pass_on(error)
        claim_detail(fields, "positional_args", args)
        return event


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, event: Any, *args: Any, **fields: Any) -> Any:
        if args:
            event = _interpolated(event, args, fields)
        return self._proxy_to_logger(name, event, **fields)

    return method


def _async(method: Callable[..., Any]) -> Callable[..., Any]:
    async def async_method(self: Any, event: Any, *args: Any, **fields: Any) -> Any:
        if args:
            event = _interpolated(event, args, fields)
        return await method(self, event, **fields)

    return async_method


def _exception(self: Any, event: Any, *args: Any, **fields: Any) -> Any:
    fields.setdefault("exc_info", True)
    return self.error(event, *args, **fields)


def _log(method: Callable[..., Any], minimum: int) -> Callable[..., Any]:
    def log(self: Any, level: int, event: Any, *args: Any, **fields: Any) -> Any:
        if args and level >= minimum:
            event = _interpolated(event, args, fields)
        return method(self, level, event, **fields)

    return log


def _class_at(level_name: str, minimum: int) -> type[FilteringBoundLogger]:
    """Make the class; it stands in this module under its name, so that loggers can be pickled."""
    base: Any = structlog.make_filtering_bound_logger(minimum)
    methods: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": base.__doc__,
        "log": _log(base.log, minimum),
        "alog": _log(base.alog, minimum),  # returns what is to be awaited
        # Those of older versions of structlog accept no arguments.
        "exception": _exception,
        "aexception": _async(base.aexception),
    }
    for name, level in _METHODS.items():
        if LEVELS[level] >= minimum and hasattr(base, name):
            methods[name] = _method(level)
            methods[f"a{name}"] = _async(getattr(base, f"a{name}"))
    made: Any = type(f"BoundLoggerAt{level_name.capitalize()}", (base,), methods)
    globals()[made.__name__] = made
    return made  # type: ignore[no-any-return]


_CLASSES = {minimum: _class_at(name, minimum) for name, minimum in LEVELS.items()}
