"""Timestamps as MozDef needs them: ISO 8601 in text, with an offset.

MozDef reads a time without an offset in the time zone of its own machine, and drops the event
for a text that is no date.
"""

from __future__ import annotations

import sys
import time
from datetime import date, datetime, timezone
from typing import Any

_FULL_LENGTH = len("2026-01-01T00:00:00.000000+00:00")

# The current second, and its text with a place for the microseconds: formatting the calendar part
# costs more than all the rest. One tuple, replaced whole, so that threads need no lock.
_current_second: tuple[int, str] = (-1, "")
#: What `utc_now` gave last. A renderer that meets it again need not look whether it is a date.
latest = ""


def utc_now() -> str:
    """Now, in UTC: ``2014-03-18T23:20:31.013344+00:00``, always with microseconds."""
    global _current_second, latest  # noqa: PLW0603 - caches of one entry
    now = time.time()
    second = int(now)
    cached, text = _current_second
    if cached != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.%%06d+00:00", time.gmtime(second))
        _current_second = (second, text)
    latest = timestamp = text % int((now - second) * 1_000_000)
    return timestamp


def iso_of_datetime(moment: datetime) -> str:
    """*moment* with its offset; a naive one is taken as local time."""
    zone: Any = moment.tzinfo
    if zone is not None:
        pytz = sys.modules.get("pytz")
        # pytz.timezone(...) given straight to tzinfo= means the zone's first local mean time
        # (Amsterdam +00:18): what was meant is the wall clock of that zone.
        if (
            pytz is not None
            and isinstance(zone, pytz.tzinfo.DstTzInfo)
            and zone is pytz.timezone(zone.zone)
        ):
            moment = zone.localize(moment.replace(tzinfo=None))
    try:
        if moment.utcoffset() is None:
            moment = moment.replace(tzinfo=None).astimezone()
    except (OverflowError, OSError, ValueError):  # the first and last days of the calendar
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.isoformat(timespec="microseconds")


def iso_timestamp(value: object) -> str | None:
    """*value* (text, ``datetime``, ``date`` or seconds since 1970) as ISO 8601 with an offset.

    None where it is no point in time.
    """
    if isinstance(value, str):
        return _iso_of_text(value)
    if isinstance(value, datetime):
        return iso_of_datetime(value)
    if isinstance(value, date):
        return iso_of_datetime(datetime(value.year, value.month, value.day))  # noqa: DTZ001 - local
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            moment = datetime.fromtimestamp(value, timezone.utc)
        except (OverflowError, OSError, ValueError):
            return None
        return moment.isoformat(timespec="microseconds")
    return None


def _iso_of_text(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
        if len(text) == _FULL_LENGTH and text[10] == "T" and moment.tzinfo is not None:
            return text
    except ValueError:
        # Python 3.10 does not know the Z that structlog's TimeStamper writes.
        if not text.endswith(("Z", "z")):
            return None
        try:
            moment = datetime.fromisoformat(text[:-1] + "+00:00")
        except ValueError:
            return None
    # Later Pythons read digits alone as a date; MozDef drops the event for them.
    return None if text.isdigit() else iso_of_datetime(moment)
