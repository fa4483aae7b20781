"""Exceptions: whose they are, and what tools show of our frames in their tracebacks.

A log call never raises what the values of an event, or the package itself, raise. But what a signal
handler of the program raises in the middle of it (a time limit of Celery, a timeout by SIGALRM)
belongs to the program, whatever its type.

Tracebacks of this package show no passwords, and objects that are half made.
"""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


_FLAGS_OF_REST = ((inspect.CO_VARARGS, 1), (inspect.CO_VARKEYWORDS, 1))


def is_from_signal_handler(error: BaseException) -> bool:
    """Return whether a signal handler written in Python has raised *error*.

    Python calls a handler with the frame that it interrupts; nothing else is called with the frame
    of its caller. So a handler can be told apart from the methods of a value by its arguments.
    """
    step = error.__traceback__
    while step is not None:
        deeper = step.tb_next
        if deeper is not None and _is_handler(deeper, step.tb_frame):
            return True
        step = deeper
    return False


def pass_on(error: BaseException) -> None:
    """Raise what a signal handler has raised, if *error* is that or came of it; else do nothing.

    To be called first in every ``except Exception`` of a log call. An error of the standard
    library can take the place of a handler's: a `threading.Condition` that was interrupted while
    it waited ends with "release unlocked lock".
    """
    if is_from_signal_handler(error):
        raise error
    caller = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    context = error.__context__
    while context is not None:
        # Not one that the program was handling already when it made this log call.
        if _is_within(context.__traceback__, caller) and is_from_signal_handler(context):
            raise context
        context = context.__context__


def _is_within(step: TracebackType | None, caller: FrameType) -> bool:
    frame = None if step is None else step.tb_frame
    while frame is not None and frame is not caller:
        frame = frame.f_back
    return frame is not None


def _is_handler(step: TracebackType, interrupted: FrameType) -> bool:
    code = step.tb_frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += sum(number for flag, number in _FLAGS_OF_REST if code.co_flags & flag)
    if not count:  # nearly always a handler has two; a function without arguments is none
        return False
    variables = step.tb_frame.f_locals
    for name in code.co_varnames[:count]:
        value = variables.get(name)
        if value is interrupted or (type(value) is tuple and _holds(value, interrupted)):
            return True
    return False


def _holds(values: tuple[object, ...], wanted: object) -> bool:
    return any(value is wanted for value in values)


def clears_locals(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that is given URLs with passwords, or other secrets.

    Where it raises, the traceback stays, but the frames from here on have lost their variables:
    Sentry, rich and pytest show them, and they may end up anywhere.
    """

    @functools.wraps(function)
    def clearing(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            del args, kwargs
            _clear(error, set())
            raise

    return clearing


def shows_half_made(represent: Callable[[Any], str]) -> Callable[[Any], str]:
    """Decorate a ``__repr__``: it does not fail in the traceback of a constructor that failed."""

    @functools.wraps(represent)
    def showing(self: Any) -> str:
        try:
            return represent(self)
        except AttributeError:
            return f"<{type(self).__name__} that was not made>"

    return showing


def _clear(error: BaseException | None, seen: set[int]) -> None:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    traceback.clear_frames(error.__traceback__)
    _clear(error.__cause__, seen)
    _clear(error.__context__, seen)
