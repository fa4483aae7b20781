"""Durations and moments in arguments, and durations in output."""

from __future__ import annotations

import argparse
import re
import time
from datetime import datetime

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", re.ASCII)
#: Locks and sockets fail with timeouts that are much longer.
_LONGEST_TIMEOUT_DAYS = 365


def duration(text: str) -> float:
    """Return seconds: ``90``, ``90s``, ``10m``, ``2h`` or ``1d``.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"is {text!r}; it must be a duration, such as 90s, 10m, 2h or 1d"
        )
    return float(match[1]) * _SECONDS[match[2] or "s"]


def timeout(text: str) -> float:
    """Return the seconds of a `duration` that something waits for, a year at the most.

    Raises:
        argparse.ArgumentTypeError: it is none, or longer.
    """
    seconds = duration(text)
    if seconds > _LONGEST_TIMEOUT_DAYS * _SECONDS["d"]:
        raise argparse.ArgumentTypeError(
            f"is {text!r}; it must be a duration of {_LONGEST_TIMEOUT_DAYS}d at the most"
        )
    return seconds


def moment(text: str) -> float:
    """Return seconds of ``time.time``: of a duration ago, or of an ISO 8601 date or time.

    A duration needs a unit here: 20260318 is a date. A time without an offset from UTC is local
    time.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    if _DURATION.fullmatch(text) and text[-1] in _SECONDS:
        return time.time() - duration(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"is {text!r}; it must be a time, such as 2026-03-18T23:20, 2026-03-18, or 10m for ten"
            " minutes ago"
        ) from None


def age_text(seconds: float) -> str:
    """Return a duration in its two largest units: ``2d 3h``, ``10m 5s``, ``7s``."""
    left = int(max(seconds, 0))
    parts: list[str] = []
    for unit, size in reversed(_SECONDS.items()):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
