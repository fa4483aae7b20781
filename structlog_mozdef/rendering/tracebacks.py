"""Exceptions and stacks as strings, without the values of local variables.

Local variables hold passwords, tokens and personal data: they never leave the process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, cast

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.callers import calling_frame
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.fields import claim_detail
from structlog_mozdef.rendering.stacks import (
    format_exception,
    format_stack,
    format_traceback,
    message_of,
    name_of_class,
)


def move_exception(details: MutableMapping[str, Any]) -> None:
    """Replace ``exc_info``, ``exception`` and ``stack_info`` in *details* by strings.

    ``exception`` becomes ``{"type": ..., "message": ..., "stack": ...}``, and ``error`` True;
    ``stack`` is the stack of the log call.
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
    if _is_true(stack_info):
        given = issubclass(type(stack_info), str)
        stack = safe_str(stack_info) if given else _stack_of_log_call()
        claim_detail(details, "stack", stack)


def describe_exc_info(exc_info: object) -> dict[str, Any] | None:
    """Describe the ``exc_info`` of a log call: True, an exception, its class or a triple.

    Returns:
        As `describe_exception`, or None if there is no exception.
    """
    # By the type: `isinstance` would believe a ``__class__``.
    kind = type(exc_info)
    if issubclass(kind, BaseException):
        return describe_exception(cast("BaseException", exc_info))
    if issubclass(kind, tuple):
        items: list[Any] = [*tuple.__iter__(cast("tuple[Any, ...]", exc_info)), None, None, None]
        given, exception, found = items[:3]
        # A program may keep the traceback apart, as tblib and multiprocessing do.
        found = found if type(found) is TracebackType else None
        if issubclass(type(exception), BaseException):
            return describe_exception(exception, found)
        return _describe_class(given, exception, found) if _is_exception_class(given) else None
    active = sys.exc_info()[1] if _is_true(exc_info) else None
    if _is_exception_class(exc_info) and exc_info not in type(active).__mro__:
        return _describe_class(cast("type", exc_info), None, None)
    return None if active is None else describe_exception(active)


def describe_exception(
    exception: BaseException, found: TracebackType | None = None
) -> dict[str, Any]:
    """Return the type, message and stack (causes included) of *exception*.

    Args:
        exception: of any class.
        found: the traceback that was given beside it. Default: its own.
    """
    return {
        "type": name_of_class(type(exception)),
        "message": message_of(exception),
        "stack": format_exception(exception, found),
    }


def _describe_class(kind: type, value: object, found: TracebackType | None) -> dict[str, Any]:
    """Describe an exception of which there is only the class, and perhaps what it was made of."""
    name = name_of_class(kind)
    message = "" if value is None else safe_str(value)
    last = f"{name}: {message}" if message else name
    return {
        "type": name,
        "message": message,
        "stack": f"{format_traceback(found)}\n{last}".lstrip(),
    }


def _is_exception_class(value: object) -> bool:
    return issubclass(type(value), type) and type.__subclasscheck__(
        BaseException, cast("type", value)
    )


def _already_formatted(value: object) -> dict[str, Any] | None:
    """Describe the ``exception`` that structlog's own formatters, or the caller, left."""
    kind = type(value)
    if issubclass(kind, BaseException):
        return describe_exception(cast("BaseException", value))
    if issubclass(kind, str):  # structlog.processors.format_exc_info
        return {"stack": safe_str(value)}
    stacks = _list_of(value)
    return _of_dict_tracebacks(stacks) if stacks and all(map(_is_dict_traceback, stacks)) else None


def _is_dict_traceback(value: object) -> bool:
    return _is_dict(value) and "exc_type" in cast("Any", value) and "frames" in cast("Any", value)


def _of_dict_tracebacks(stacks: list[Any]) -> dict[str, Any]:
    """Describe the result of ``structlog.processors.dict_tracebacks``, without its variables."""
    first = stacks[0]
    return {
        "type": safe_str(first["exc_type"]),
        "message": safe_str(first.get("exc_value")),
        "stack": "\n".join(_lines_of(stacks)),
    }


def _lines_of(stacks: list[Any], indent: str = "") -> Iterator[str]:
    for stack in filter(_is_dict_traceback, stacks):
        for frame in filter(_is_dict, _list_of(stack["frames"])):
            source = (
                f'File "{safe_str(frame.get("filename"))}", line {safe_str(frame.get("lineno"))}'
            )
            yield f"{indent}  {source}, in {safe_str(frame.get('name'))}"
        yield f"{indent}{safe_str(stack['exc_type'])}: {safe_str(stack.get('exc_value'))}"
        for member in _list_of(stack.get("exceptions")):  # of an exception group
            yield from _lines_of(_list_of(member), f"{indent}  | ")


def _list_of(value: object) -> list[Any]:
    return value if type(value) is list else []


def _is_dict(value: object) -> bool:
    return type(value) is dict


def _is_true(value: object) -> bool:
    try:
        return bool(value)
    except Exception as error:  # an array without a truth value, or an object's own methods
        pass_on(error)
        return False


def _stack_of_log_call() -> str:
    return format_stack(calling_frame())
