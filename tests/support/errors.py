"""What tests look at in an error."""

from __future__ import annotations

import traceback

import pytest

from structlog_mozdef.exceptions import TransportError


def error_of(function, *args, kind=TransportError, **kwargs):
    """Return the error of *kind* that a call raises. No other error may hang on to it."""
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


def setting_error_of(function, *args, **kwargs):
    """Return the sentence of the ValueError that a call raises: one line, and no subclass of it."""
    error = error_of(function, *args, kind=ValueError, **kwargs)
    assert (type(error), "\n" in str(error)) == (ValueError, False)
    return str(error)


def kind_of(error):
    """Return what the sink decides by: the class of an error, `retryable` and `ambiguous`."""
    return type(error), error.retryable, error.ambiguous


def everything_about(error):
    """Return all texts of an exception, and of those that hang on to it."""
    parts, waiting, seen = [], [error], set()
    while waiting:
        inner = waiting.pop()
        if inner is None or id(inner) in seen:
            continue
        seen.add(id(inner))
        parts += [
            str(inner),
            repr(inner),
            repr(inner.args),
            "".join(traceback.format_exception(inner)),
        ]
        waiting += [inner.__cause__, inner.__context__]
    return "\n".join(parts)
