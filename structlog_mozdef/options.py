"""Checks of what a person configures: one sentence that names the value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def check_number(name: str, value: Any, *, least: float, whole: bool = False) -> None:
    """Raise ValueError unless *value* is a finite number (a *whole* one) of *least* or more."""
    kinds = (int,) if whole else (int, float)
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not math.isfinite(value)
        or value < least
    ):
        kind = "whole number" if whole else "number"
        raise ValueError(f"{name} is {value!r}; it must be a {kind} of {least} or more")


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Raise ValueError unless *value* is one of *choices*."""
    if not any(value is choice or value == choice for choice in choices):
        allowed = ", ".join(map(repr, choices[:-1])) + f" or {choices[-1]!r}"
        raise ValueError(f"{name} is {value!r}; it must be {allowed}")
