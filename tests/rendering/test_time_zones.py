"""A time means what its program meant, whichever library its time zone comes from."""

import datetime as dt
import logging
import pickle
import subprocess
import sys
import zoneinfo

import orjson
import pytest
import pytz
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import hostile
from support.destinations import structlog_defaults
from support.local_time import local_time_zone

from structlog_mozdef import (
    MozDefHandler,
    MozDefRenderer,
    MozDefTee,
    Sink,
    TimestampAdder,
    build_processors,
    configure,
)
from structlog_mozdef.transports.memory import MemoryTransport

BERLIN = "Europe/Berlin"
SUMMER = dt.datetime(2026, 7, 1, 12, 0, 0)
IN_BERLIN = "2026-07-01T12:00:00.000000+02:00"

#: The same time zone in each of the ways of naming it.
ZONES = pytest.mark.parametrize(
    "zone", [BERLIN, "europe/berlin", pytz.timezone(BERLIN), zoneinfo.ZoneInfo(BERLIN)], ids=repr
)


@pytest.fixture(autouse=True)
def local_zone():
    """The local time zone is not that of any test."""
    with local_time_zone("EST+5"):
        yield


def rendered(zone, **event_dict):
    return orjson.loads(MozDefRenderer(timezone=zone)(None, "info", event_dict))


def written(moment, zone=None):
    """*moment* as the timestamp of an event."""
    return rendered(zone, timestamp=moment)["timestamp"]


@ZONES
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (SUMMER, IN_BERLIN),
        ("2026-07-01 12:00:00", IN_BERLIN),
        (SUMMER.date(), "2026-07-01T00:00:00.000000+02:00"),
    ],
    ids=["datetime", "string", "date"],
)
def test_timestamp_without_a_zone_is_in_the_given_one(given, expected, zone):
    """A timestamp that has no time zone is a wall clock of the renderer's."""
    assert written(given, zone) == expected


@ZONES
def test_naive_datetime_in_details_is_in_the_given_zone(zone):
    """So is a datetime anywhere else in an event."""
    details = rendered(zone, at=SUMMER, all=[{"at": SUMMER}])["details"]
    assert details == {"at": IN_BERLIN, "all": [{"at": IN_BERLIN}]}


@ZONES
def test_naive_datetime_in_a_repaired_event_is_in_the_given_zone(zone):
    """So is a datetime in an event that needs repair, as a key as well."""
    details = rendered(zone, at=SUMMER, repaired=float("nan"), keys={SUMMER: 2**70})["details"]
    assert (details["at"], *details["keys"]) == (IN_BERLIN, IN_BERLIN)


@ZONES
@pytest.mark.parametrize(
    "moment",
    [
        SUMMER.replace(tzinfo=dt.timezone(dt.timedelta(hours=-3))),
        pytz.timezone("America/Sao_Paulo").localize(SUMMER),
        SUMMER.replace(tzinfo=pytz.timezone("America/Sao_Paulo")),
        SUMMER.replace(tzinfo=zoneinfo.ZoneInfo("America/Sao_Paulo")),
        "2026-07-01T12:00:00-03:00",
    ],
    ids=repr,
)
def test_zone_of_a_datetime_wins(moment, zone):
    """A datetime that has a time zone keeps it."""
    assert written(moment, zone) == "2026-07-01T12:00:00.000000-03:00"


@ZONES
def test_processor_has_a_zone_as_well(zone):
    """`TimestampAdder` gives a naive timestamp its offset before another renderer sees it."""
    event_dict = TimestampAdder(zone)(None, "info", {"timestamp": SUMMER})
    assert event_dict["timestamp"] == IN_BERLIN


def test_processor_adds_the_time_now():
    """`TimestampAdder` adds the time in UTC to an event that has none."""
    moment = dt.datetime.fromisoformat(TimestampAdder(BERLIN)(None, "info", {})["timestamp"])
    age = dt.datetime.now(dt.UTC) - moment
    assert (moment.utcoffset(), age < dt.timedelta(minutes=1)) == (dt.timedelta(0), True)


@ZONES
def test_configured_chain_has_the_zone(zone):
    """`configure` hands the time zone to each processor that needs it."""
    transport = MemoryTransport()
    with structlog_defaults():
        sink = configure(transport, timezone=zone, redact=True, linger=0)
        structlog.get_logger().info("x", timestamp=SUMMER, a=[{"password": "x", "at": SUMMER}])
        sink.close(10)
    (event,) = transport.events
    assert (event["timestamp"], event["details"]["a"][0]["at"]) == (IN_BERLIN, IN_BERLIN)


def test_tee_has_a_zone():
    """`MozDefTee` hands the time zone to its renderer, and the event on as it was."""
    transport = MemoryTransport()
    with Sink(transport, linger=0) as sink:
        passed_on = MozDefTee(sink, timezone=BERLIN)(None, "info", {"at": SUMMER})
    assert (transport.events[0]["details"], passed_on) == ({"at": IN_BERLIN}, {"at": SUMMER})


def test_handler_has_a_zone():
    """`MozDefHandler` hands the time zone to its renderer."""
    transport = MemoryTransport()
    with Sink(transport, linger=0) as sink:
        record = logging.makeLogRecord({"name": "app", "msg": "x", "at": SUMMER})
        MozDefHandler(sink, timezone=BERLIN).handle(record)
    assert transport.events[0]["details"]["at"] == IN_BERLIN


UNKNOWN = [
    "Europe/Berln",
    "",
    "CEST-1",
    "../Berlin",
    "/etc/passwd",
    "Z\u00fcrich",
    "\x00",
    2,
    b"UTC",
]


@pytest.mark.parametrize("zone", UNKNOWN, ids=repr)
@pytest.mark.parametrize(
    "configured",
    [
        lambda zone: MozDefRenderer(timezone=zone),
        TimestampAdder,
        lambda zone: build_processors(timezone=zone),
        lambda zone: configure(MemoryTransport(), timezone=zone),
    ],
    ids=["renderer", "processor", "build_processors", "configure"],
)
def test_unknown_zone_is_an_error(zone, configured):
    """An unknown name is rejected in one sentence, which quotes it."""
    with pytest.raises(ValueError) as caught:
        configured(zone)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert str(caught.value) == (
        f"timezone is {zone!r}; it must be None, a tzinfo or the name of a time zone,"
        " such as 'Europe/Berlin'"
    )


class ZoneWithoutOffset(dt.tzinfo):
    def utcoffset(self, moment):
        return None


@pytest.mark.parametrize(
    "zone", [hostile.BrokenZone(), ZoneWithoutOffset()], ids=["broken", "none"]
)
def test_zone_that_fails_is_replaced_by_utc(zone):
    """UTC stands in for a time zone whose methods raise or know no offset."""
    assert written(SUMMER, zone) == "2026-07-01T12:00:00.000000+00:00"


@pytest.mark.parametrize("moment", [dt.datetime.min, dt.datetime.max])
def test_ends_of_the_calendar(moment):
    """The first and the last moment that Python knows have an offset in any time zone."""
    assert written(moment, BERLIN)[-6] in "+-"


@pytest.mark.parametrize("kind", [MozDefRenderer, TimestampAdder])
def test_zone_survives_a_pickle(kind):
    """A processor that came out of a pickle has the same time zone."""
    copy = pickle.loads(pickle.dumps(kind(timezone=BERLIN)))
    assert repr(copy) == repr(kind(timezone=BERLIN))
    assert BERLIN in repr(copy)


def test_pytz_is_loaded_for_a_name_only():
    """A program that names no time zone does not load pytz, whatever zones its times have."""
    program = """
import datetime, sys, zoneinfo
from structlog_mozdef import MozDefRenderer
zone = zoneinfo.ZoneInfo("Europe/Berlin")
now = datetime.datetime.now()
MozDefRenderer(timezone=zone)(None, "info", {"timestamp": now, "a": now.replace(tzinfo=zone)})
before = "pytz" in sys.modules
MozDefRenderer(timezone="Europe/Berlin")
print(before, "pytz" in sys.modules)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert output.split() == ["False", "True"]


#: Clocks in Berlin are set forward at 2:00 and back at 3:00 on these days; with ``fold=0`` a time
#: is before the change, with ``fold=1`` after it (PEP 495).
EDGES = pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (dt.datetime(2026, 3, 29, 1, 59, 59), "2026-03-29T01:59:59.000000+01:00"),
        (dt.datetime(2026, 3, 29, 2, 30), "2026-03-29T02:30:00.000000+01:00"),
        (dt.datetime(2026, 3, 29, 2, 30, fold=1), "2026-03-29T02:30:00.000000+02:00"),
        (dt.datetime(2026, 3, 29, 3, 0), "2026-03-29T03:00:00.000000+02:00"),
        (dt.datetime(2026, 10, 25, 1, 59, 59), "2026-10-25T01:59:59.000000+02:00"),
        (dt.datetime(2026, 10, 25, 2, 30), "2026-10-25T02:30:00.000000+02:00"),
        (dt.datetime(2026, 10, 25, 2, 30, fold=1), "2026-10-25T02:30:00.000000+01:00"),
        (dt.datetime(2026, 10, 25, 3, 0), "2026-10-25T03:00:00.000000+01:00"),
    ],
    ids=str,
)


@EDGES
@ZONES
def test_skipped_and_repeated_times_in_the_given_zone(moment, expected, zone):
    """A wall clock that is skipped or shown twice means what ``fold`` says."""
    assert written(moment, zone) == expected


@EDGES
@pytest.mark.parametrize("zone", [pytz.timezone(BERLIN), zoneinfo.ZoneInfo(BERLIN)], ids=repr)
def test_skipped_and_repeated_times_in_their_own_zone(moment, expected, zone):
    """The same for a zone that was given to the constructor of the datetime."""
    assert written(moment.replace(tzinfo=zone)) == expected


@EDGES
def test_localized_time_keeps_its_offset(moment, expected):
    """A time that pytz itself localized keeps its offset, whatever ``fold`` says."""
    localized = pytz.timezone(BERLIN).localize(moment, is_dst=expected.endswith("+02:00"))
    assert written(localized) == expected


def test_time_before_time_zones_keeps_its_offset():
    """A time so old that its local mean time is meant keeps it."""
    localized = pytz.timezone("Europe/Amsterdam").localize(dt.datetime(1820, 1, 1))
    moment = dt.datetime.fromisoformat(written(localized))
    assert moment == localized


SECOND = dt.timedelta(seconds=1)
CHANGES = [  # of the offset alone, without a summer time, and of a whole day
    ("Europe/Moscow", dt.datetime(2014, 10, 26, 1, 30)),
    ("Asia/Pyongyang", dt.datetime(2018, 5, 4, 23, 45)),
    ("Pacific/Apia", dt.datetime(2011, 12, 30, 12)),
    ("Europe/Dublin", dt.datetime(2026, 10, 25, 1, 30)),
    ("America/Caracas", dt.datetime(2016, 5, 1, 2, 45)),
    ("Africa/Casablanca", dt.datetime(2026, 3, 22, 2, 30)),
    ("Antarctica/Troll", dt.datetime(2026, 3, 29, 2, 0)),
    ("Australia/Lord_Howe", dt.datetime(2026, 4, 5, 1, 45)),
]


def with_examples(test):
    for name, moment in CHANGES:
        for fold in (0, 1):
            test = example(name, moment.replace(fold=fold))(test)
    return test


@with_examples
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(pytz.all_timezones),
    st.datetimes(dt.datetime(1902, 1, 1), dt.datetime(2037, 12, 31)).flatmap(
        lambda moment: st.sampled_from([moment, moment.replace(fold=1)])
    ),
)
def test_pytz_means_the_same_as_zoneinfo(name, moment):
    """In any time zone a wall clock is the same moment, whichever library the zone comes from."""
    with pytz.open_resource(name) as data:  # the two may have data of different years
        expected = written(moment, zoneinfo.ZoneInfo.from_file(data, name))
    zone = pytz.timezone(name)
    found = {written(moment, name), written(moment, zone), written(moment.replace(tzinfo=zone))}
    # pytz rounds old offsets to minutes.
    parsed = [dt.datetime.fromisoformat(text) for text in (*found, expected)]
    assert (len(found), abs(parsed[0] - parsed[1]) <= 30 * SECOND) == (1, True)


@settings(max_examples=100, deadline=None)
@given(st.datetimes(timezones=st.none() | st.timezones()), st.none() | st.timezones())
def test_any_time_has_an_offset(moment, zone):
    """Whatever time is given, MozDef can read it."""
    assert dt.datetime.fromisoformat(written(moment, zone)).utcoffset() is not None
