"""Values of options from strings, as a person writes them into an environment variable."""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Callable, Iterable
from typing import Any, Literal, Union, get_args, get_origin

_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0")
_NONE = ("none", "null")


def reader_of(annotation: Any) -> Callable[[str], Any] | None:
    """Return the function that converts strings for an option of the type *annotation*.

    It raises ValueError, with what the string must be. None is for an option that no string can
    stand for: a mapping, or an object.
    """
    kinds = set(_members(annotation))
    reader: Callable[[str], Any] | None = None
    if Iterable[str] in kinds:
        reader = _list
    elif bool in kinds:
        if kinds & {str, os.PathLike[str]}:
            reader = _flag_or_path
        else:
            reader = _flag_or_auto if Literal["auto"] in kinds else _flag
    elif os.PathLike[str] in kinds:
        reader = _paths if any(get_origin(kind) is tuple for kind in kinds) else _path
    elif str in kinds or any(get_origin(kind) is Literal for kind in kinds):
        reader = str
    elif float in kinds and kinds <= {float, types.NoneType}:
        reader = _number
    elif kinds <= {int, types.NoneType}:
        reader = _integer
    if reader is not None and types.NoneType in kinds:
        return functools.partial(_none_or, reader)
    return reader


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (types.UnionType, Union):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]


def _none_or(reader: Callable[[str], Any], text: str) -> Any:
    return None if text.lower() in _NONE else reader(text)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _flag(text: str) -> bool:
    if text.lower() in (*_YES, *_NO):
        return text.lower() in _YES
    raise ValueError("true or false")


def _flag_or_auto(text: str) -> bool | str:
    if text.lower() in (*_YES, *_NO, "auto"):
        return "auto" if text.lower() == "auto" else _flag(text)
    raise ValueError("true, false or auto")


def _flag_or_path(text: str) -> bool | str:
    return _flag(text) if text.lower() in (*_YES, *_NO) else _path(text)


def _path(text: str) -> str:
    return os.path.expanduser(text)  # noqa: PTH111 - kept as it was given


def _paths(text: str) -> str | tuple[str, ...]:
    paths = tuple(map(_path, _list(text)))
    return paths[0] if len(paths) == 1 else paths


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        pass
    raise ValueError("an integer")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    raise ValueError("a number")
