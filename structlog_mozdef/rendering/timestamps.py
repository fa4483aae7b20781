"""Timestamps as MozDef needs them: ISO 8601 strings with an offset from UTC.

MozDef reads a time without an offset in the time zone of its own machine, and drops an event whose
timestamp is not a date.
"""

from __future__ import annotations

import math
import re
import sys
import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from structlog_mozdef._raised import pass_on

_MINUTE = timedelta(minutes=1)
# An index rejects a date with a larger offset.
_LARGEST_OFFSET = timedelta(hours=18)
# Their first and last days are in no year of UTC: MozDef drops the event.
_EDGES = (1, 9999)

# A leap second, or the midnight after a day.
_END = re.compile(
    r"[T ](?:\d\d:?\d\d:?(?P<second>60)(?!\d)"
    r"|(?P<hour>24)(?=(?::?00(?::?00(?:[.,]0*)?)?)?(?:[Z+-]|$)))",
    re.ASCII,
)

# The current second, and its text: formatting the calendar part costs more than all the rest. One
# tuple, replaced in one step, so that threads need no lock.
_current_second: tuple[float, str] = (math.nan, "")
# Of a number below 1,000: two of them are microseconds, written in half the time.
_THREE_DIGITS = tuple(f"{number:03}" for number in range(1000))
#: The last result of `utc_now`. A renderer that meets it again need not check that it is a date.
latest = ""


def utc_now() -> str:
    """Return the time now, in UTC: ``2014-03-18T23:20:31.013344+00:00``, with microseconds."""
    global _current_second, latest  # noqa: PLW0603 - caches of one entry
    now = time.time()
    second = now // 1
    cached, text = _current_second
    if cached != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        _current_second = (second, text)
    micro = int((now - second) * 1_000_000)
    latest = timestamp = f"{text}{_THREE_DIGITS[micro // 1000]}{_THREE_DIGITS[micro % 1000]}+00:00"
    return timestamp


# If `latest` were empty until the first event, an event with an empty timestamp would pass for it.
utc_now()


def check_timezone(zone: str | tzinfo | None) -> tzinfo | None:
    """Return the time zone that *zone* names, or *zone* itself if it is one already.

    Raises:
        ValueError: the name is unknown, or the value has another type.
    """
    if zone is None or isinstance(zone, tzinfo):
        return zone
    if isinstance(zone, str):
        import pytz

        try:
            return pytz.timezone(zone)
        except Exception as error:
            pass_on(error)  # an unknown name; pytz has several exceptions for them
    raise ValueError(
        f"timezone is {zone!r}; it must be None, a tzinfo or the name of a time zone,"
        " such as 'Europe/Berlin'"
    )


def iso_of_datetime(moment: datetime, naive_zone: tzinfo | None = None) -> str:
    """Return *moment* with its offset from UTC.

    Args:
        moment: to be written, with microseconds.
        naive_zone: the time zone of a naive *moment*. Default: local time.
    """
    try:
        moment = _with_offset(moment, naive_zone)
    except Exception as error:
        pass_on(error)
        # The first and last days of the calendar, or a time zone that fails.
        moment = datetime.replace(moment, tzinfo=UTC)
    return moment.isoformat(timespec="microseconds")


def _with_offset(moment: datetime, naive_zone: tzinfo | None) -> datetime:
    if moment.tzinfo is UTC:
        return moment  # also because CPython 3.13.0 crashes below while the interpreter ends
    moment = _with_pytz_offset(moment)
    offset = moment.utcoffset()
    if offset is None:
        naive = moment.replace(tzinfo=None)
        moment = (
            naive.astimezone()
            if naive_zone is None
            else _with_pytz_offset(naive.replace(tzinfo=naive_zone))
        )
        offset = moment.utcoffset()
    if offset is None:
        raise ValueError(moment)
    # Local mean times have seconds in their offset, which ISO 8601 and MozDef do not know.
    is_odd = offset % _MINUTE or abs(offset) > _LARGEST_OFFSET or moment.year in _EDGES
    return moment.astimezone(UTC) if is_odd else moment


def _with_pytz_offset(moment: datetime) -> datetime:
    """Repair a *moment* whose pytz zone was passed as ``tzinfo=``; return others as they are.

    ``datetime(..., tzinfo=pytz.timezone("Europe/Berlin"))`` has the first offset in the history of
    that zone, a local mean time (+00:53), but means the wall clock in Berlin. It can be recognized
    because `pytz.timezone` returns the same object for a name each time, with that first offset:
    ``localize`` attaches other objects, except to times that are as old as the offset.
    """
    zone: Any = moment.tzinfo
    # pytz is never imported here: a moment with such a zone proves that it is loaded. With another
    # zone, another thread may be in the middle of importing it.
    kind = getattr(sys.modules.get("pytz.tzinfo"), "DstTzInfo", None)
    if kind is None or not isinstance(zone, kind):
        return moment
    if zone is not sys.modules["pytz"].timezone(zone.zone):
        return moment
    naive = moment.replace(tzinfo=None)
    candidates = [zone.localize(naive, is_dst=is_dst) for is_dst in (False, True)]
    earlier, later = sorted(candidates)
    # PEP 495: a clock that is set back shows a time twice, and fold=0 means the first. A clock that
    # is set forward skips a time, and fold=0 means the offset before: the later moment.
    skipped = zone.normalize(earlier).replace(tzinfo=None) != naive
    chosen: datetime = later if skipped != bool(moment.fold) else earlier
    return chosen


def iso_timestamp(value: object, naive_zone: tzinfo | None = None) -> str | None:
    """Return *value* as ISO 8601 with an offset, or None if it is not a point in time.

    Args:
        value: a string, ``datetime``, ``date``, or the seconds since 1970.
        naive_zone: the time zone of a *value* that has none. Default: local time.
    """
    try:
        moment = _moment_of(value)
        return None if moment is None else iso_of_datetime(moment, naive_zone)
    except Exception as error:  # not a date of the calendar, or an object with methods of its own
        pass_on(error)
        return None


def _moment_of(value: object) -> datetime | None:
    if isinstance(value, str):
        # Python reads digits alone as a date; MozDef drops the event for them. RFC 3339 allows a
        # small z, Python does not.
        return None if value.isdigit() else _moment_of_string(value.replace("z", "Z"))
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - naive on purpose
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    return None


def _moment_of_string(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        pass_on(error)
        return _end_of_minute_or_day(text)


def _end_of_minute_or_day(text: str) -> datetime:
    """Return what ``23:59:60`` and ``24:00:00`` mean: the first second of the next day.

    ISO 8601 knows both. Python does not read them, and MozDef drops the event.

    Raises:
        ValueError: *text* is not in ISO 8601.
    """
    end = _END.search(text)
    if end is None:
        raise ValueError(text)
    unit = "second" if end["second"] else "hour"
    start, stop = end.span(unit)
    before = datetime.fromisoformat(f"{text[:start]}{int(end[unit]) - 1}{text[stop:]}")
    return before + timedelta(**{f"{unit}s": 1})
