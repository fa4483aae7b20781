"""Errors in settings that ``logging.config.dictConfig`` reads.

It raises "Unable to configure handler 'mozdef'" instead of each error, and keeps what is wrong as
its cause: programs that show an error by its message alone, as gunicorn does, do not say it. But
before that it asks for the message of the error's own cause, to see whether it should try again
later. What is raised there replaces its error, so that is where the sentence is raised.
If another Python does not ask any more, errors are as dictConfig makes them.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from structlog_mozdef.exceptions import MozDefError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_MODULE = "logging.config"


class _Cause(Exception):  # noqa: N818 - it is none: it stands where one is looked for
    """The cause of an error, whose message dictConfig asks for."""

    def __str__(self) -> str:
        asking = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
        sentence, cause = self.args
        if asking.f_globals.get("__name__") == _MODULE and asking.f_code.co_name == "configure":
            name = asking.f_locals.get("name")
            raise ValueError(f"handler {name!r}: {sentence}") from cause
        return str(sentence)


def shows_errors(constructor: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate the constructor of a handler: ``dictConfig`` raises the sentences of its errors."""

    @functools.wraps(constructor)
    def construct(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return constructor(*args, **kwargs)
        except (ValueError, TypeError, MozDefError) as error:
            if _is_asked_by_dict_config():
                error.__cause__ = _Cause(str(error), error.__cause__)
            raise

    return construct


def _is_asked_by_dict_config() -> bool:
    frame = sys._getframe(2)  # noqa: SLF001 - as above
    while frame is not None and frame.f_globals.get("__name__") != _MODULE:
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None
