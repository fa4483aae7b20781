"""How MozDef's worker reads a timestamp.

It reads numbers as epoch times, in a unit that it takes from the count of their digits, and text
with dateutil, which looks for anything in it that could be a part of a date. It drops the event if
it cannot read the timestamp.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive, as MozDef's: in the zone of its worker

# What `isoformat` writes, with an offset. `fromisoformat` reads it 20 times as fast as dateutil
# does; of other forms it reads some that dateutil does not, and the other way round.
_ISOFORMAT = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)

_WORD = re.compile(r"\w")

# dateutil takes 10 us for each character. No date is as long as this; MozDef has no such limit.
_TEXT_MAX_LENGTH = 1_000

_SECONDS_DIGITS = 10


def read_timestamp(value: object, received: datetime) -> tuple[datetime, str | None]:
    """Read ``value`` as MozDef's worker does.

    Args:
        value: what was sent as the timestamp.
        received: the time of arrival, with its zone, in which a naive timestamp is read. It
            completes a text that is only a part of a date.

    Returns:
        The time in UTC, and None or a sentence about why it is probably not what was meant.

    Raises:
        ValueError: if MozDef drops the event; the message is a sentence about it.
    """
    try:
        if isinstance(value, str):
            time, warning = _from_text(value, received)
        # A bool is an int in Python, but not a number to MozDef.
        elif isinstance(value, int) and not isinstance(value, bool):
            time, warning = _from_int(value)
        elif isinstance(value, float):
            time, warning = _from_float(value)
        else:
            kind = type(value).__name__
            raise _Unreadable(f"The timestamp is of type {kind}: MozDef drops the event.")
        if time.tzinfo is None:
            time = time.replace(tzinfo=received.tzinfo or UTC)
        return time.astimezone(UTC), warning
    except (OverflowError, OSError, ValueError) as error:
        if isinstance(error, _Unreadable):
            raise
        raise ValueError("The timestamp is out of range: MozDef drops the event.") from error


class _Unreadable(ValueError):  # noqa: N818 - a verdict from nested calls
    """Its message is a sentence."""


def _from_int(value: int) -> tuple[datetime, str | None]:
    if value < 0:
        raise _Unreadable("The timestamp is a negative integer: MozDef drops the event.")
    if value == 0:
        return _EPOCH, None
    digits = len(str(value))
    # A float, as MozDef's: nanoseconds are rounded, and not cut off.
    time = datetime.fromtimestamp(value / 10 ** (digits % _SECONDS_DIGITS), UTC)
    if digits < _SECONDS_DIGITS:
        return time, "MozDef reads an integer of less than ten digits as a moment of 1970."
    return time, None


def _from_float(value: float) -> tuple[datetime, str | None]:
    if value <= 0:
        return _EPOCH, "MozDef reads a negative timestamp as 1970." if value < 0 else None
    if not math.isfinite(value):
        raise _Unreadable("The timestamp is not a finite number: MozDef drops the event.")
    if value < 1:
        raise _Unreadable("The timestamp is between 0 and 1: MozDef drops the event.")
    digits = int(math.log10(int(value))) + 1
    return datetime.fromtimestamp(value / 10 ** max(digits - _SECONDS_DIGITS, 0), UTC), None


def _from_text(text: str, received: datetime) -> tuple[datetime, str | None]:
    if _ISOFORMAT.fullmatch(text):
        try:
            return datetime.fromisoformat(text), None
        except ValueError:
            pass  # dateutil finds that it does not exist as well
    if not text.strip():
        raise _Unreadable("The timestamp is an empty string: MozDef drops the event.")
    if _is_not_positive(text):
        return _EPOCH, "MozDef reads a string that is zero or a negative number as 1970."
    if text.isdigit():
        raise _Unreadable(
            "The timestamp is a string of digits: MozDef drops the event; send a number."
        )
    if len(text) > _TEXT_MAX_LENGTH:
        raise _Unreadable("The timestamp is a long text: MozDef drops the event.")
    return _guess(text, received)


def _is_not_positive(text: str) -> bool:
    try:
        return float(text) <= 0
    except ValueError:
        return False


def _guess(text: str, received: datetime) -> tuple[datetime, str | None]:
    """Read a text as dateutil does where it is told to skip what is no part of a date."""
    parse = _import_parse()
    midnight = received.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    try:
        time, skipped = parse(text, default=midnight, fuzzy_with_tokens=True, tzinfos=_zone)
    except Exception as error:  # of many types, and MozDef drops the event at each
        raise _Unreadable(
            "The timestamp is not a date that exists: MozDef drops the event."
        ) from error
    if any(_WORD.search(part) and part.strip() != "T" for part in skipped):
        return time, "The timestamp is not a date: MozDef guesses one from parts of the text."
    if _is_completed(parse, text, midnight, time):
        return time, "The timestamp is a part of a date: MozDef takes the rest from today."
    if time.tzinfo is None:
        return time, "The timestamp has no offset: MozDef reads it in the zone of its worker."
    return time, None


def _import_parse() -> Any:
    """Import what only timestamps in other forms than that of ISO 8601 need."""
    try:
        from dateutil.parser import parse
    except ImportError as error:
        hint = 'pip install "structlog-mozdef[collector]"'
        raise ImportError(f"To read timestamps as MozDef does needs an extra: {hint}") from error
    return parse


def _zone(name: str | None, offset: int | None) -> timezone | None:
    # Without an offset, a name such as EST is one that dateutil ignores, or the worker's own.
    return None if offset is None else timezone(timedelta(seconds=offset))


def _is_completed(parse: Any, text: str, default: datetime, time: datetime) -> bool:
    """Return whether *time* takes year, month or day from *default*: another gives another."""
    other = datetime(  # noqa: DTZ001 - as naive as *default*
        2000 if default.year != 2000 else 2004, default.month % 12 + 1, 1 if default.day > 1 else 2
    )
    try:
        return bool(parse(text, default=other, fuzzy=True, tzinfos=_zone) != time)
    except Exception:  # a date that exists in this year only
        return True
