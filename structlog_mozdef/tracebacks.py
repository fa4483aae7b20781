"""Exceptions and stacks as plain data, without the values of local variables.

Local variables hold passwords, tokens and personal data: they never leave the process.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import MutableMapping
from types import FrameType
from typing import Any

from structlog_mozdef.details import claim_detail
from structlog_mozdef.text import text_of

# Frames of these packages lead from the log call to here: nobody looks for them in a stack.
_LOGGING_PACKAGES = ("structlog", "structlog_mozdef", "logging")


def move_exception(details: MutableMapping[str, Any]) -> None:
    """Replace ``exc_info``, ``exception`` and ``stack_info`` in *details* by plain data.

    ``exception`` becomes ``{"type": ..., "message": ..., "stack": ...}`` and ``error`` True;
    ``stack`` is the stack of the log call as text.
    """
    exception: dict[str, Any] | None = None
    if "exc_info" in details:
        exception = describe_exc_info(details.pop("exc_info"))
    if exception is None:
        exception = _already_formatted(details.get("exception"))
        if exception is not None:
            del details["exception"]
    if exception is not None:
        claim_detail(details, "exception", exception)
        claim_detail(details, "error", True)
    stack_info = details.pop("stack_info", None)
    if stack_info:
        stack = stack_info if isinstance(stack_info, str) else _stack_of_log_call()
        claim_detail(details, "stack", stack)


def describe_exc_info(exc_info: object) -> dict[str, Any] | None:
    """Describe ``exc_info`` as the logging calls take it: True, an exception or a triple.

    None where there is no exception.
    """
    if isinstance(exc_info, BaseException):
        return describe_exception(exc_info)
    if isinstance(exc_info, tuple):
        exception = exc_info[1] if len(exc_info) > 1 else None
    else:
        exception = sys.exc_info()[1] if exc_info else None
    return describe_exception(exception) if isinstance(exception, BaseException) else None


def describe_exception(exception: BaseException) -> dict[str, Any]:
    """The type, message and stack (with causes) of *exception*."""
    kind = type(exception)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    try:
        message = str(exception)
    except Exception as error:
        message = f"<message whose str raised {type(error).__name__}>"
    try:
        stack = "".join(traceback.format_exception(kind, exception, exception.__traceback__))
    except Exception as error:  # a hostile __repr__, __str__ or __cause__
        stack = f"<stack whose formatting raised {type(error).__name__}>"
    return {"type": name, "message": message, "stack": stack.rstrip("\n")}


def _already_formatted(value: object) -> dict[str, Any] | None:
    """What structlog's own formatters, or the caller, left under ``exception``."""
    if isinstance(value, BaseException):
        return describe_exception(value)
    if isinstance(value, str):  # structlog.processors.format_exc_info
        return {"stack": value}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _of_dict_tracebacks(value)
    return None


def _of_dict_tracebacks(stacks: list[Any]) -> dict[str, Any]:
    """Describe what ``structlog.processors.dict_tracebacks`` made, without its local variables."""
    lines = []
    for stack in stacks:
        for frame in stack.get("frames") or ():
            place = f'File "{frame.get("filename")}", line {frame.get("lineno")}'
            lines.append(f"  {place}, in {frame.get('name')}")
        lines.append(f"{stack.get('exc_type')}: {stack.get('exc_value')}")
    first = stacks[0]
    return {
        "type": text_of(first.get("exc_type")),
        "message": text_of(first.get("exc_value")),
        "stack": "\n".join(lines),
    }


def _stack_of_log_call() -> str:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the documented way to a stack
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _LOGGING_PACKAGES:
            break
        frame = frame.f_back
    return "".join(traceback.format_stack(frame)).rstrip("\n")
