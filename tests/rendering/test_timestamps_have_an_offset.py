"""Every time that leaves the process is ISO 8601 with its offset from UTC."""

import datetime as dt
import re
import subprocess
import sys
import time
import zoneinfo

import orjson
import pytest
import pytz
from support import hostile
from support.local_time import local_time_zone

from structlog_mozdef import MozDefRenderer, add_timestamp

SUMMER = dt.datetime(2026, 7, 1, 12, 0, 0)
WINTER = dt.datetime(2026, 1, 1, 12, 0, 0)
AMSTERDAM = zoneinfo.ZoneInfo("Europe/Amsterdam")


@pytest.fixture
def local_zone():
    """The local time zone is five hours behind UTC."""
    with local_time_zone("EST+5"):
        yield


def stamped(**event_dict):
    return add_timestamp(None, "info", event_dict)["timestamp"]


def rendered(**event_dict):
    return orjson.loads(MozDefRenderer()(None, "info", event_dict))


def test_now_is_in_utc_with_microseconds():
    """The time that is added has six digits of a second and ``+00:00``, at any moment."""
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
    assert all(form.fullmatch(stamped()) for _ in range(2000))


def test_now_is_now():
    """The time that is added lies between the moments before and after."""
    before = time.time()
    moment = dt.datetime.fromisoformat(stamped()).timestamp()
    assert before - 1e-5 <= moment <= time.time()


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (-1.0, "1969-12-31T23:59:59.000000+00:00"),
        (-0.25, "1969-12-31T23:59:59.750000+00:00"),
        (0.0, "1970-01-01T00:00:00.000000+00:00"),
        (1790000000.0625, "2026-09-21T14:13:20.062500+00:00"),
    ],
)
def test_clock_is_written_as_it_is(monkeypatch, now, text):
    """Also where a clock is set to a time before 1970."""
    monkeypatch.setattr(time, "time", lambda: now)
    assert stamped() == text


def test_time_never_runs_backwards():
    """Times that are added one after the other are in order, as strings as well."""
    moments = [stamped() for _ in range(2000)]
    assert moments == sorted(moments)


def test_given_string_is_kept():
    """A timestamp that the event already has stays."""
    assert stamped(timestamp="2020-01-01T00:00:00+00:00") == "2020-01-01T00:00:00+00:00"


MOMENTS = [
    (SUMMER, "2026-07-01T12:00:00.000000-05:00"),
    (SUMMER.replace(tzinfo=dt.UTC), "2026-07-01T12:00:00.000000+00:00"),
    (SUMMER.replace(tzinfo=AMSTERDAM), "2026-07-01T12:00:00.000000+02:00"),
    (WINTER.replace(tzinfo=AMSTERDAM), "2026-01-01T12:00:00.000000+01:00"),
    (pytz.timezone("Europe/Amsterdam").localize(SUMMER), "2026-07-01T12:00:00.000000+02:00"),
    (SUMMER.replace(tzinfo=pytz.timezone("Europe/Amsterdam")), "2026-07-01T12:00:00.000000+02:00"),
    (WINTER.replace(tzinfo=pytz.timezone("US/Eastern")), "2026-01-01T12:00:00.000000-05:00"),
    (SUMMER.replace(tzinfo=pytz.utc), "2026-07-01T12:00:00.000000+00:00"),
    (SUMMER.replace(tzinfo=pytz.FixedOffset(90)), "2026-07-01T12:00:00.000000+01:30"),
    (
        SUMMER.replace(tzinfo=dt.timezone(dt.timedelta(seconds=30))),
        "2026-07-01T11:59:30.000000+00:00",
    ),
]


@pytest.mark.usefixtures("local_zone")
@pytest.mark.parametrize(("moment", "expected"), MOMENTS, ids=str)
def test_given_datetime_gets_its_offset(moment, expected):
    """A datetime keeps its offset, whichever library its zone is from; a naive one is local."""
    assert stamped(timestamp=moment) == expected


@pytest.mark.usefixtures("local_zone")
@pytest.mark.parametrize(("moment", "expected"), MOMENTS, ids=str)
def test_datetime_in_details_gets_its_offset(moment, expected):
    """The same inside details."""
    details = rendered(a=moment, b=[{"c": moment}])["details"]
    assert details == {"a": expected, "b": [{"c": expected}]}


@pytest.mark.parametrize("moment", [dt.datetime.min, dt.datetime.max])
def test_ends_of_the_calendar(moment):
    """The first and the last moment that Python knows have an offset as well."""
    assert stamped(timestamp=moment)[-6] in "+-"


def test_zone_that_fails():
    """A time zone whose methods raise is replaced by UTC."""
    assert stamped(timestamp=SUMMER.replace(tzinfo=hostile.BrokenZone())).endswith(
        "T12:00:00.000000+00:00"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000+00:00"),
        ("2026-01-02 03:04:05.500000+02:00", "2026-01-02T03:04:05.500000+02:00"),
        (1767323045.5, "2026-01-02T03:04:05.500000+00:00"),
        (1767323045, "2026-01-02T03:04:05.000000+00:00"),
    ],
)
def test_given_point_in_time_is_normal(given, expected):
    """Strings and seconds since 1970 are written in the same form, and leave no detail."""
    event = rendered(timestamp=given)
    assert (event["timestamp"], event["details"]) == (expected, {})


@pytest.mark.parametrize("given", ["yesterday", "20260102", "", True, 1e20, [1]])
def test_other_values_are_kept(given):
    """A value that is not a time becomes a detail, since MozDef would drop the event for it."""
    event = rendered(timestamp=given)
    assert (event["details"], event["timestamp"][-6:]) == ({"timestamp": given}, "+00:00")


def test_empty_timestamp_of_the_very_first_event_is_replaced():
    """An empty string does not pass for the latest timestamp before there is one."""
    program = (
        "from structlog_mozdef.rendering.renderer import MozDefRenderer\n"
        "print(MozDefRenderer()(None, 'info', {'event': 'x', 'timestamp': ''}).decode())"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stdout
    assert dt.datetime.fromisoformat(orjson.loads(output)["timestamp"]).tzinfo is not None


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00.000000+00:00"),
        ("9999-12-31T23:00:00-05:00", "9999-12-31T23:00:00.000000+00:00"),
        ("0001-06-01T02:00:00+02:00", "0001-06-01T00:00:00.000000+00:00"),
        ("2026-01-02T23:00:00+23:00", "2026-01-02T00:00:00.000000+00:00"),
    ],
)
def test_time_that_mozdef_or_an_index_would_reject(moment, expected):
    """A time that is in no year of UTC, or has an offset that no index knows, is in UTC."""
    assert rendered(timestamp=moment)["timestamp"] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000+00:00"),
        ("2016-12-31 23:59:60.5+00:00", "2017-01-01T00:00:00.500000+00:00"),
        ("2017-01-01T05:29:60+05:30", "2017-01-01T05:30:00.000000+05:30"),
        ("20161231T235960z", "2017-01-01T00:00:00.000000+00:00"),
        ("2016-02-28T24:00:00Z", "2016-02-29T00:00:00.000000+00:00"),
        ("2016-02-28 24:00:00.000+01:00", "2016-02-29T00:00:00.000000+01:00"),
        ("20160228T2400Z", "2016-02-29T00:00:00.000000+00:00"),
    ],
)
def test_end_of_minute_or_day(given, expected):
    """A leap second, and midnight as the end of a day, become the next second."""
    event = rendered(timestamp=given)
    assert (event["timestamp"], event["details"]) == (expected, {})


@pytest.mark.parametrize(
    "given", ["2016-12-31T24:00:01Z", "2016-12-31T23:60:00Z", "2016-12-31T23:59:61Z", "24:00:00"]
)
def test_other_times_that_do_not_exist(given):
    """They are no point in time: the event has the time now, and keeps them in its details."""
    event = rendered(timestamp=given)
    assert event["timestamp"] > "2026"
    assert event["details"] == {"timestamp": given}
