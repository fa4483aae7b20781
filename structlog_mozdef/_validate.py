"""Checks of what a person configures: one sentence that names the value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

#: A year, in seconds. Sockets and locks fail with timeouts that are much longer.
LONGEST_DURATION = 31_536_000.0
# A sentence that lists more names is not read.
_LISTED = 15


def check_number(
    name: str, value: Any, *, minimum: float, maximum: float = math.inf, integer: bool = False
) -> None:
    """Raise ValueError unless *value* is a finite number from *minimum* to *maximum*.

    Args:
        name: what the value is called in the message.
        value: what to check.
        minimum: the smallest value allowed.
        maximum: the largest value allowed.
        integer: whether it must be an integer.
    """
    kinds = (int,) if integer else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not minimum <= value <= maximum  # false for a NaN as well
        or value == math.inf
    ):
        kind = "an integer" if integer else "a number"
        bounds = (
            f"of {minimum} or more" if maximum == math.inf else f"from {minimum} to {maximum:.0f}"
        )
        raise ValueError(f"{name} is {value!r}; it must be {kind} {bounds}")


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise ValueError unless *value* is one of *choices*; 1 and 0 are not True and False."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        allowed = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise ValueError(f"{name} is {value!r}; it must be {allowed}")


def check_names(given: Iterable[str], allowed: Iterable[str], owner: str) -> None:
    """Raise TypeError for a name of an option that is not among *allowed*, those of *owner*."""
    names = list(allowed)
    for name in given:
        if name not in names:
            meant = closest(name, names)
            if meant is not None:
                hint = f"do you mean {meant}?"
            elif len(names) > _LISTED:
                hint = "docs/configuration.rst has all that there are"
            else:
                hint = f"there are {', '.join(names)}"
            raise TypeError(f"{name} is no option of {owner}; {hint}")


def closest(name: str, names: Sequence[str]) -> str | None:
    """Return the one of *names* that a person who wrote *name* has probably meant."""
    import difflib  # for a mistake, and not for each program

    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    return close[0] if close else None
