"""Timestamps as MozDef needs them: ISO 8601 in text, with an offset.

MozDef reads a time without an offset in the time zone of its own machine, and drops the event
for a text that is no date.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

_MINUTE = timedelta(minutes=1)

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


# Were `latest` empty until the first event, an event whose timestamp is empty would pass for it.
utc_now()


def iso_of_datetime(moment: datetime) -> str:
    """*moment* with its offset; a naive one is taken as local time."""
    try:
        moment = _with_offset(moment)
    except Exception:
        # The first and last days of the calendar, or a time zone that fails: UTC stands in.
        moment = datetime.replace(moment, tzinfo=UTC)
    return moment.isoformat(timespec="microseconds")


def _with_offset(moment: datetime) -> datetime:
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
    offset = moment.utcoffset()
    if offset is None:
        moment = moment.replace(tzinfo=None).astimezone()
        offset = moment.utcoffset()
    # Local mean times have seconds in their offset, which ISO 8601 and MozDef do not know.
    return moment.astimezone(UTC) if offset % _MINUTE else moment  # type: ignore[operator]


def iso_timestamp(value: object) -> str | None:
    """*value* (text, ``datetime``, ``date`` or seconds since 1970) as ISO 8601 with an offset.

    None where it is no point in time.
    """
    try:
        if isinstance(value, str):
            return _iso_of_text(value)
        if isinstance(value, datetime):
            return iso_of_datetime(value)
        if isinstance(value, date):
            midnight = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - local time
            return iso_of_datetime(midnight)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
            return moment.isoformat(timespec="microseconds")
    except Exception:  # no date of the calendar, or an object with methods of its own
        return None
    return None


def _iso_of_text(text: str) -> str | None:
    # Python reads digits alone as a date; MozDef drops the event for them.
    if text.isdigit():
        return None
    # RFC 3339 allows a small z, Python does not.
    if text.endswith("z"):
        text = text[:-1] + "Z"
    return iso_of_datetime(datetime.fromisoformat(text))
