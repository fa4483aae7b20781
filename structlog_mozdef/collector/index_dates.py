"""Which texts an index takes for dates.

It looks for dates where a field is new (`detect_date`), and such a field takes nothing else from
then on. The dates of MozDef's template are read less strictly (`is_lenient_date`).
"""

from __future__ import annotations

import calendar
import functools
import re
from datetime import date
from typing import Literal

import pytz

DateFormat = Literal["iso", "slashes"]

_TIME = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?(?:,\d{1,9})?)?)?"
_OFFSET = r"Z|[+-](?:(?:0\d|1[0-7])(?::?[0-5]\d|:[0-5]\d:[0-5]\d)?|18(?::?00)?)"

# The format strict_date_optional_time. A year alone is a number, and never a date.
_ISO = re.compile(
    r"-?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
    rf"(?P<time>T(?:{_TIME}(?:{_OFFSET}|(?P<zone>[A-Z]\S*))?)?)?",
    re.ASCII,
)
# The same format as Elasticsearch 6.8 reads it, which has weeks and days of the year as well.
_ISO_6 = re.compile(
    r"[+-]?(?P<year>\d{4})"
    r"(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?|-W(?P<week>\d\d)(?:-[1-7])?|-(?P<days>\d{3}))?"
    r"(?P<time>[Tt](?:[Zz]|\+?(?:[01]\d|2[0-3])"  # an offset without a time is read as a time
    r"(?:[.,]\d{1,9}|:[0-5]\d(?:[.,]\d{1,9}|:[0-5]\d(?:[.,]\d{1,9})?)?)?"
    r"(?:[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d(?::?[0-5]\d)?)?)?)?)?",
    re.ASCII,
)
_SLASHES = re.compile(
    r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)(?: (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)?",
    re.ASCII,
)
# The format date_optional_time.
_LENIENT = re.compile(
    r"-?(?P<year>\d{1,9})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:T(?:(?:[01]?\d|2[0-3])(?::[0-5]?\d(?::[0-5]?\d(?:[.,]\d{1,9})?)?)?"
    rf"(?:{_OFFSET}|(?P<zone>[A-Z]\S*))?)?)?",
    re.ASCII,
)
_YEAR_MAX = 292_278_993  # in milliseconds it still fits in 64 bits

_ZONE_WITH_OFFSET = re.compile(rf"(?:UTC|GMT|UT)(?:{_OFFSET})?", re.ASCII)
# Java knows them as other names only.
_NO_ZONES = frozenset({"EST", "HST", "MST", "ROC"})
# Java alone knows them.
_OLD_ZONE = re.compile(
    r"SystemV/(?:AST4(?:ADT)?|CST6(?:CDT)?|EST5(?:EDT)?|HST10|MST7(?:MDT)?|PST8(?:PDT)?|YST9(?:YDT)?)"
)


class ImpossibleDateError(ValueError):
    """The index takes a text for a date, and fails at it: it refuses the whole event."""


def detect_date(text: str, *, is_6: bool = False) -> DateFormat | None:
    """Return the format of the date that the index sees in the text of a new field, or None.

    Args:
        text: the value.
        is_6: as Elasticsearch 6.8 does it.

    Raises:
        ImpossibleDateError: for a date with slashes that does not exist, such as ``2026/02/30``,
            and for a month that does not, such as ``2024-25`` and ``2026-13T10:00``.
    """
    if len(text) < len("2026T") or not (text[0].isdigit() or text[0] in "+-"):
        return None  # nearly every text
    if (match := _SLASHES.fullmatch(text)) is not None and match["year"] != "0000":
        if _exists(match):
            return "slashes"
        if not is_6:
            raise ImpossibleDateError(text)
    match = (_ISO_6 if is_6 else _ISO).fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    if not _exists(match):
        if not is_6 and not parts["day"] and _is_zone(parts["zone"]):
            raise ImpossibleDateError(text)
        return None
    has_date = parts["month"] or parts.get("week") or parts.get("days")
    return "iso" if (has_date or parts["time"]) and _is_zone(parts.get("zone")) else None


def may_be_impossible_date(text: str) -> bool:
    """Return whether ``detect_date`` may raise for a text."""
    # With slashes, or without a day, perhaps after a sign: 2024-25, 2024-25T10.
    return text[4:5] == "/" or "T" in text[7:9] or (len(text) <= 8 and "-" in text[4:6])


def is_lenient_date(text: str, *, is_6: bool = False) -> bool:
    """Return whether a date of MozDef's template accepts the text; the arguments are as above."""
    match = _LENIENT.fullmatch(text)
    if match is not None and int(match["year"]) <= _YEAR_MAX and _exists(match):
        return match["zone"] is None or (not is_6 and _is_zone(match["zone"]))
    return is_6 and _ISO_6.fullmatch(text) is not None and detect_date(text, is_6=True) == "iso"


def _exists(match: re.Match[str]) -> bool:
    parts = match.groupdict()
    # The calendar repeats itself after 400 years, and Python's has no year 0.
    year = int(parts["year"]) % 400 + 2000
    month = int(parts["month"] or 1)
    if not 1 <= month <= 12:
        return False
    return (
        1 <= int(parts["day"] or 1) <= calendar.monthrange(year, month)[1]
        and 1 <= int(parts.get("week") or 1) <= _n_weeks(year)
        and 1 <= int(parts.get("days") or 1) <= 365 + calendar.isleap(year)
    )


def _n_weeks(year: int) -> int:
    return date(year, 12, 28).isocalendar().week  # the last week has a Thursday in the year


@functools.lru_cache(maxsize=64)
def _is_zone(name: str | None) -> bool:
    if name is None or _ZONE_WITH_OFFSET.fullmatch(name):
        return True
    if _OLD_ZONE.fullmatch(name):
        return True
    return name in pytz.all_timezones_set and name not in _NO_ZONES
