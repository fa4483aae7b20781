"""The options of `structlog_mozdef.configure` from environment variables.

``MOZDEF_URL`` is the destination, and each option that a string can stand for has one: its
name in upper case after ``MOZDEF_``. ``MOZDEF_USER`` and ``MOZDEF_PASSWORD`` are those of the URL,
as for the commands. What the program passes itself comes first.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from structlog_mozdef._validate import closest
from structlog_mozdef.exceptions import MozDefError, SpoolError
from structlog_mozdef.options import ConfigureOptions
from structlog_mozdef.options.strings import reader_of
from structlog_mozdef.sink.nowhere import is_nowhere
from structlog_mozdef.transports.options import TransportOptions
from structlog_mozdef.transports.urls import can_have_user, has_user, with_user

PREFIX = "MOZDEF_"
URL, USER, PASSWORD = f"{PREFIX}URL", f"{PREFIX}USER", f"{PREFIX}PASSWORD"


class Settings(NamedTuple):
    """What the program and its environment ask for.

    Attributes:
        url: of the destination, or a transport, or None.
        options: of `structlog_mozdef.configure`.
        variables: those that come from the environment, option -> variable.
    """

    url: Any
    options: dict[str, Any]
    variables: Mapping[str, str]


@functools.cache
def readers() -> Mapping[str, Callable[[str], Any]]:
    """Return variable -> what converts its string, for each option that has a variable."""
    types = typing.get_type_hints(ConfigureOptions)
    found = {f"{PREFIX}{name.upper()}": reader_of(kind) for name, kind in types.items()}
    return {variable: reader for variable, reader in found.items() if reader is not None}


def settings_from(
    environment: Mapping[str, str],
    options: Mapping[str, Any],
    *url: Any,
) -> Settings:
    """Add to *url* and *options*, which the program has passed, what the *environment* says.

    Empty variables count as missing ones, but for ``MOZDEF_URL``: an empty one is no destination.

    Raises:
        ValueError: there is no URL, or a variable has a value that cannot be understood.
    """
    variables = {}
    if url:
        destination = url[0]
    elif URL in environment:
        destination = environment[URL]
        _check_quotes(URL, destination)
        variables["url"] = URL
    else:
        raise ValueError(
            f"{URL} is not set; it must be the URL of the destination, or empty to send nothing"
        )
    read: dict[str, Any] = {}
    for variable in _ours(environment):
        name = variable.removeprefix(PREFIX).lower()
        text = environment[variable].strip()
        if not text or name in options or _is_in_vain(name, destination):
            continue
        reader = readers().get(variable)
        if reader is None:
            continue
        _check_quotes(variable, text)
        try:
            read[name] = reader(text)
        except ValueError as error:
            problem = f"{variable} is {text!r}; it must be {error}"
        else:
            variables[name] = variable
            continue
        raise ValueError(problem)
    if "auth" not in options and "api_key" not in {**options, **read}:
        destination = _with_user(destination, environment)
    return Settings(destination, {**options, **read}, variables)


def _check_quotes(variable: str, text: str) -> None:
    """Raise ValueError where quotes belong to the value, as in the files of ``docker --env-file``.

    The value is not shown, since it may be a secret.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        raise ValueError(f"{variable} has quotes around its value; it must be without them")


def without_effect(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that somebody probably wanted to have an effect, each with a sentence."""
    for variable in _ours(environment):
        known = {URL, USER, PASSWORD, *readers()}
        if variable in known:
            continue
        name = variable.removeprefix(PREFIX).lower()
        meant = closest(name, [each.removeprefix(PREFIX).lower() for each in known])
        if variable.upper() not in known and name in ConfigureOptions.__annotations__:
            yield variable, f"{variable} has no effect: {name} cannot come from the environment"
        elif meant is not None:
            yield variable, f"{variable} has no effect; do you mean {PREFIX}{meant.upper()}?"


def _ours(environment: Mapping[str, str]) -> list[str]:
    # Most programs have none: then `readers`, which costs a few milliseconds, is not needed.
    return [variable for variable in environment if variable.startswith(PREFIX)]


def _is_in_vain(name: str, destination: Any) -> bool:
    """Whether the option *name* is one of a transport, where there is none to be made."""
    return name in TransportOptions.__annotations__ and (
        is_nowhere(destination) or not isinstance(destination, str)
    )


def _with_user(url: Any, environment: Mapping[str, str]) -> Any:
    """Return *url* with the user and the password of the environment, if it has none itself."""
    if not isinstance(url, str) or not can_have_user(url) or has_user(url):
        return url
    user, password = environment.get(USER), environment.get(PASSWORD)
    if not user and not password:
        return url
    if not user or not password:
        given, missing = (USER, PASSWORD) if user else (PASSWORD, USER)
        raise ValueError(f"{given} is set, and {missing} is not; they belong together")
    return with_user(url, user, password)


def by_variable(error: Exception, variables: Mapping[str, str]) -> Exception | None:
    """Return *error* with the name of the variable in its sentence; None if it is about none.

    The value of a URL is left out: what is wrong with it may be where its password stands.
    """
    sentence = str(error)
    found = re.match(r"(\w+) (is|has|of) ", sentence)
    variable = variables.get(found[1]) if found else None
    if found is None or variable is None:
        return None
    if found[1] == "url":
        sentence = f"{variable} cannot be used; {sentence.partition('; ')[2] or 'it is malformed'}"
    else:
        sentence = f"{variable}{sentence[found.end(1) :]}"
    kind = SpoolError if isinstance(error, SpoolError) else ValueError
    return MozDefError(sentence) if type(error) is MozDefError else kind(sentence)
