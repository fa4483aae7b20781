"""Who logs: the frame and the module of a log call, found in the stack."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog.contextvars

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import safe_str

# Frames of these packages lead from the log call to here.
_LOGGING_PACKAGES = frozenset({"structlog", "structlog_mozdef", "logging"})
# The first frames of a thread to which structlog's `ainfo` hands its work.
_THREAD_PACKAGES = frozenset({"asyncio", "concurrent", "threading"})
_DEEPEST = 100
# Where structlog keeps the frame of a log call whose work is done in another thread. Old ones do
# not: then nobody knows.
_ASYNC_CALLER: Any = getattr(structlog.contextvars, "_ASYNC_CALLING_STACK", None)

# Modules seen before, of these packages and others. Bounded, like the number of modules.
_loggers: set[str | None] = set()
_others: set[str | None] = set()
_MODULES_LIMIT = 10_000
# The depth at which the last search ended: it is the same for most log calls of a program.
_depth = 3


def calling_frame() -> FrameType | None:
    """Return the frame of the log call that is being handled, or None if there is none."""
    frame = _first_frame(sys._getframe())  # noqa: SLF001 - the documented way to a stack
    if frame is None or _package_of(frame) in _THREAD_PACKAGES:
        caller = None if _ASYNC_CALLER is None else _first_frame(_ASYNC_CALLER.get(None))
        frame = caller or frame
    return frame


def _first_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and _package_of(frame) in _LOGGING_PACKAGES:
        frame = frame.f_back
    return frame


def _package_of(frame: FrameType) -> str:
    return safe_str(frame.f_globals.get("__name__")).partition(".")[0]


def _module_at(depth: int) -> str | None:
    """Return the name of the module *depth* frames above the caller; None if it has no name.

    Raises:
        ValueError: the stack is not as deep.
    """
    name = sys._getframe(depth + 1).f_globals.get("__name__")  # noqa: SLF001
    return name if type(name) is str else None


if sys.version_info >= (3, 12):
    # Makes no object for the frame; beyond the end of the stack, it returns None.
    _name_at: Callable[[int], str | None] = sys._getframemodulename  # noqa: SLF001 - documented
else:
    _name_at = _module_at


def calling_module() -> str | None:
    """Return the name of the module whose log call is being handled, or None if it has none."""
    try:
        if (name := _name_at(_depth)) in _others and _name_at(_depth - 1) in _loggers:
            return name
        return _search()
    except Exception as error:  # the stack is not as deep, or its globals are odd
        pass_on(error)
        return None


def _search() -> str | None:
    global _depth  # noqa: PLW0603 - a cache of one entry
    for depth in range(2, _DEEPEST):
        name = _name_at(depth)
        package = "" if name is None else name.partition(".")[0]
        if package in _LOGGING_PACKAGES:
            if len(_loggers) < _MODULES_LIMIT:
                _loggers.add(name)
        elif package in _THREAD_PACKAGES or name is None:
            break
        else:
            if len(_others) < _MODULES_LIMIT:
                _others.add(name)
            _depth = depth - 1  # the caller is one nearer
            return name
    frame = calling_frame()
    if frame is None or _package_of(frame) in _THREAD_PACKAGES:
        return None
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else None
