"""Timestamps that old code gives, as MozDef reads them correctly.

MozDef drops an event for a string of digits, a number below one and many a text, and reads others
wrong: a number of less than ten digits becomes a fraction of the first second of 1970, a time
without an offset one in its own zone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.timestamps import iso_timestamp, utc_now

# Today's epoch number has 10 digits in seconds, and 19 in nanoseconds, MozDef's finest unit.
_SECONDS_DIGITS = 10
_MAX_DIGITS = 19
_EPOCH_NUMBERS = (10 ** (_SECONDS_DIGITS - 1), 10**_MAX_DIGITS)
_NUMBER = re.compile(r"\d+\.\d*", re.ASCII)
_DAY_OF_YEAR = re.compile(r"\d{4}-\d{3}", re.ASCII)
_OFFSET = re.compile(r".*[0-9].*(?:[Zz]|[+-]\d\d:?\d\d)\s*", re.DOTALL)
_LEAP_SECOND = re.compile(r"(?<!\d)(\d\d?:\d\d:)60(?!\d)", re.ASCII)
_MIDNIGHT_AFTER = re.compile(r"(?<![\d:.+-])24:00(?::00)?(?!\d)", re.ASCII)
# In the calendar's first and last year, the time in UTC may be in none.
_EDGE = re.compile("(?:0001|9999)-")
# MozDef ignores such a zone.
_ZONE_NAME = re.compile(r".*\d.* [A-Z]{3,4}", re.ASCII | re.DOTALL)
# Whatever else MozDef reads as the date that it is has a month's name, three numbers or a time.
_READABLE = re.compile(
    r"\d.*\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*\d"
    r"|(?<![\d.])\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?![\d.])|\d:\d\d",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)


def timestamp_of(value: Any) -> Any:
    """Return *value* as a timestamp that MozDef reads correctly; now if it is not a time."""
    if value is None:
        return utc_now()
    if issubclass(type(value), str):
        return _timestamp_of_string(safe_str(value).strip())
    if type(value) in (int, float) and _EPOCH_NUMBERS[0] <= value < _EPOCH_NUMBERS[1]:
        return value
    return iso_timestamp(value) or utc_now()


def _timestamp_of_string(text: str) -> str:
    if text.isascii() and text.isdigit():
        # Since 1970, in seconds or a finer unit; as a string, MozDef would drop the event.
        finer = max(len(text) - _SECONDS_DIGITS, 0)
        known = len(text) <= _MAX_DIGITS
        return (iso_timestamp(int(text) / 10**finer) if known else None) or utc_now()
    if _NUMBER.fullmatch(text):  # as `time.time` gives it
        return iso_timestamp(float(text)) or utc_now()
    if _LEAP_SECOND.search(text) or _MIDNIGHT_AFTER.search(text):
        # MozDef drops the event for such a time. Where we cannot read it, the second before it is
        # nearer than now.
        if (moment := iso_timestamp(text)) is not None:
            return moment
        text = _MIDNIGHT_AFTER.sub("23:59:59", _LEAP_SECOND.sub(r"\g<1>59", text))
    if _OFFSET.fullmatch(text) and not _EDGE.match(text):
        return text
    readable = iso_timestamp(text) or _read(text)
    if readable is not None:
        return readable
    # Perhaps a format that MozDef knows and we do not.
    return text if _READABLE.search(text) else utc_now()


def _read(text: str) -> str | None:
    """Return *text* as ISO 8601 if it is a day of a year, or has the name of a zone."""
    try:
        if _DAY_OF_YEAR.fullmatch(text):
            return iso_timestamp(datetime.strptime(text, "%Y-%j").replace(tzinfo=UTC))
        if _ZONE_NAME.fullmatch(text):
            moment = parsedate_to_datetime(text)
            return None if moment.tzinfo is None else iso_timestamp(moment)
    except Exception as error:
        pass_on(error)  # not a date
    return None
