"""How MozDef's worker reads a timestamp.

It takes ISO 8601, the date format of e-mail, and epoch numbers in seconds, milliseconds,
microseconds or nanoseconds. What it cannot read costs the whole event.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ISO_8601 = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?"
    r" ?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)

_ISOFORMAT_LENGTH = len("2014-03-18T23:20:31.013344+00:00")

# An epoch number of today has 10 digits in seconds and 19 in nanoseconds; more is no time.
_SECONDS_DIGITS = 10
_NANOSECONDS_DIGITS = 19


def read_timestamp(value: object, received: datetime) -> tuple[datetime, str | None]:
    """Read ``value`` as MozDef's worker does.

    Args:
        value: what was sent as the timestamp.
        received: when the event arrived, with its zone; a naive timestamp is read in that zone.

    Returns:
        The time in UTC, and a sentence that says why it is probably not what was meant, or None.

    Raises:
        ValueError: where MozDef drops the event; the message is a sentence about it.
    """
    try:
        if isinstance(value, str):
            return _from_text(value, received)
        # bool is an int to Python, and no number to MozDef.
        if isinstance(value, int) and not isinstance(value, bool):
            return _from_int(value), None
        if isinstance(value, float):
            return _from_float(value)
    except (OverflowError, OSError) as error:
        raise ValueError("The timestamp is out of range: MozDef drops the event.") from error
    raise ValueError(
        f"The timestamp is of type {type(value).__name__}: MozDef drops the event."
    ) from None


def _from_int(value: int) -> datetime:
    if value < 0:
        raise ValueError("The timestamp is a negative integer: MozDef drops the event.")
    digits = len(str(value)) if value < 10**_NANOSECONDS_DIGITS else _NANOSECONDS_DIGITS + 1
    if digits > _NANOSECONDS_DIGITS:
        raise ValueError("The timestamp has more than 19 digits: MozDef drops the event.")
    # Integer arithmetic down to microseconds: a float would blur nanoseconds.
    microseconds = value * 10**6 // 10 ** max(digits - _SECONDS_DIGITS, 0)
    return _EPOCH + timedelta(microseconds=microseconds)


def _from_float(value: float) -> tuple[datetime, str | None]:
    if not math.isfinite(value):
        raise ValueError("The timestamp is no finite number: MozDef drops the event.")
    if value < 0:
        return _EPOCH, "MozDef reads a negative timestamp as 1970."
    digits = len(str(int(value)))
    return _EPOCH + timedelta(seconds=value / 10 ** max(digits - _SECONDS_DIGITS, 0)), None


def _from_text(value: str, received: datetime) -> tuple[datetime, str | None]:
    text = value.strip()
    if not text:
        raise ValueError("The timestamp is an empty string: MozDef drops the event.")
    if text.isdigit():
        raise ValueError(
            "The timestamp is a string of digits: MozDef drops the event; send a number."
        )
    time = _from_iso_8601(text)
    if time is not None:
        return _localized(time, received)
    if _is_not_positive(text):
        return _EPOCH, "MozDef reads a text that is a negative number as 1970."
    time = _from_mail_date(text)
    if time is not None:
        return _localized(time, received)
    if not any(character.isdigit() for character in text):
        raise ValueError("The timestamp is a text that is no date: MozDef drops the event.")
    # MozDef takes any number in the text for a part of a date and fills in the rest from today.
    # Which part depends on the text; midnight of today stands for all of these wrong dates.
    midnight = received.replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        _localized(midnight, received)[0],
        "The timestamp is no ISO 8601 date: MozDef guesses one from the numbers in the text.",
    )


def _is_not_positive(text: str) -> bool:
    try:
        return float(text) <= 0
    except ValueError:
        return False


def _from_iso_8601(text: str) -> datetime | None:
    # What datetime.isoformat() writes is read fastest by its counterpart, which is pickier than
    # MozDef in some versions of Python and knows week dates in others.
    if len(text) == _ISOFORMAT_LENGTH and text[7] == "-" and text[10] == "T":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    match = _ISO_8601.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups()
    zone = None
    if zulu:
        zone = UTC
    elif sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    # A date that does not exist (February 30th) raises the ValueError that drops the event.
    return datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        microsecond,
        tzinfo=zone,
    )


def _from_mail_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None


def _localized(time: datetime, received: datetime) -> tuple[datetime, str | None]:
    if time.tzinfo is not None:
        return time.astimezone(UTC), None
    return (
        time.replace(tzinfo=received.tzinfo or UTC).astimezone(UTC),
        "The timestamp has no offset: MozDef reads it in the zone of its worker.",
    )
