"""Stacks as strings, also where Python fails to format them.

Python reads the source lines of a stack, and asks the loaders of modules for them; it also calls
the methods of the exceptions, and looks into the text of a SyntaxError. Any of that may raise. What
is certain is then formatted without it: file, line and function of each frame.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import name_of_type, safe_str

# The slots themselves: a class may have a property in their place.
_slots: Any = BaseException.__dict__
_cause_of = _slots["__cause__"].__get__
_context_of = _slots["__context__"].__get__
_hides_context = _slots["__suppress_context__"].__get__
_traceback_of = _slots["__traceback__"].__get__
_members_of = BaseExceptionGroup.__dict__["exceptions"].__get__
# Exceptions that are related to one exception, itself included.
_EXCEPTIONS_LIMIT = 50


def format_exception(exception: BaseException, found: TracebackType | None = None) -> str:
    """Return the stack of *exception* and of those that led to it. Never raises.

    Args:
        exception: of any class.
        found: the traceback that was given beside it. Default: its own.
    """
    found = found or _traceback_of(exception)
    try:
        stack = "".join(traceback.format_exception(type(exception), exception, found))
    except Exception as error:  # a loader, a hostile __repr__ or __notes__, a broken SyntaxError
        pass_on(error)
        stack = "\n".join([*_lines_of(exception, found, set()), _why(error)])
    return stack.rstrip("\n")


def format_traceback(found: TracebackType | None) -> str:
    """Return the frames of a traceback without an exception. Never raises."""
    return "\n".join(_lines_of_traceback(found))


def format_stack(frame: FrameType | None) -> str:
    """Return the stack that leads to *frame*, or to the caller. Never raises."""
    try:
        return "".join(traceback.format_stack(frame)).rstrip("\n")
    except Exception as error:  # a loader
        pass_on(error)
        frames = reversed(list(traceback.walk_stack(frame)))
        return "\n".join([*_lines_of_frames(frames), _why(error)])


def name_of_class(kind: type) -> str:
    """Return the name of a class with its module, unless that is Python's own or the program."""
    try:
        name = kind.__qualname__
        if kind.__module__ not in ("builtins", "__main__"):
            name = f"{kind.__module__}.{name}"
    except Exception as error:  # a metaclass with methods of its own
        pass_on(error)
        name = name_of_type(kind)
    return name


def message_of(exception: BaseException) -> str:
    """Return ``str(exception)``. Never raises."""
    try:
        return safe_str(str(exception))
    except Exception as error:
        pass_on(error)
        return f"<message whose str raised {name_of_type(type(error))}>"


def _why(error: Exception) -> str:
    return f"<stack whose formatting raised {name_of_type(type(error))}>"


def _lines_of(
    exception: BaseException, found: TracebackType | None, seen: set[int]
) -> Iterator[str]:
    seen.add(id(exception))
    earlier = _cause_of(exception)
    if earlier is None and not _hides_context(exception):
        earlier = _context_of(exception)
    members = _members_of(exception) if issubclass(type(exception), BaseExceptionGroup) else ()
    for related in (earlier, *members):
        if related is not None and id(related) not in seen and len(seen) < _EXCEPTIONS_LIMIT:
            yield from _lines_of(related, _traceback_of(related), seen)
            yield ""
    yield from _lines_of_traceback(found)
    yield f"{name_of_class(type(exception))}: {message_of(exception)}"


def _lines_of_traceback(found: TracebackType | None) -> Iterator[str]:
    if found is not None:
        yield "Traceback (most recent call last):"
        yield from _lines_of_frames(traceback.walk_tb(found))


def _lines_of_frames(frames: Iterable[tuple[FrameType, int]]) -> Iterator[str]:
    for frame, line in frames:
        code = frame.f_code
        yield f'  File "{safe_str(code.co_filename)}", line {line}, in {safe_str(code.co_name)}'
