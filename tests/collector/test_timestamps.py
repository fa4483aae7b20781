"""How MozDef's worker reads timestamps."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from dateutil import parser
from hypothesis import given
from hypothesis import strategies as st
from support.collecting import EVENT, RECEIVED, differences_of, outcome_of, stored, without


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2014-03-18T23:20:31.013344+00:00", "2014-03-18T23:20:31.013344+00:00"),
        ("2014-03-18T23:20:31Z", "2014-03-18T23:20:31+00:00"),
        ("2014-03-18 16:20:31.5-07:00", "2014-03-18T23:20:31.500000+00:00"),
        ("2014-03-19T00:20:31.123456789+0100", "2014-03-18T23:20:31.123456+00:00"),
        ("Tue, 18 Mar 2014 23:20:31 +0000", "2014-03-18T23:20:31+00:00"),
        (1395184831, "2014-03-18T23:20:31+00:00"),
        (1395184831.5, "2014-03-18T23:20:31.500000+00:00"),
        (1395184831013, "2014-03-18T23:20:31.013000+00:00"),
        (1395184831013344, "2014-03-18T23:20:31.013344+00:00"),
        (1395184831013344789, "2014-03-18T23:20:31.013345+00:00"),  # rounded
        (1210045573680191989, "2008-05-06T03:46:13.680192+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (1.5, "1970-01-01T00:00:01.500000+00:00"),
        ("18/Mar/2014:23:20:31 +0000", "2014-03-18T23:20:31+00:00"),
        ("20140318T232031Z", "2014-03-18T23:20:31+00:00"),
        ("2014-03-18 23:20:31 UTC", "2014-03-18T23:20:31+00:00"),
        ("2014-03-18T23:20:31,5+01", "2014-03-18T22:20:31.500000+00:00"),
    ],
)
def test_valid_timestamp_is_stored_in_utc(value, time):
    """ISO 8601 with an offset, a mail date and an epoch number of any unit are read correctly."""
    document = {**EVENT, "timestamp": value}
    assert (stored(document)["timestamp"], stored(document)["utctimestamp"]) == (time, time)
    assert outcome_of(document).differences == ()


@pytest.mark.parametrize("key", ["date", "eventtime", "utctimestamp", "timestamp"])
def test_timestamp_aliases_set_both_times(key):
    """Each name of the timestamp sets timestamp and utctimestamp."""
    document = stored({**without("timestamp"), key: "2020-01-02T03:04:05Z"})
    assert document["timestamp"] == document["utctimestamp"] == "2020-01-02T03:04:05+00:00"


def test_naive_timestamp_is_read_in_the_zone_of_the_worker():
    """A timestamp without an offset is read in the worker's zone, and reported."""
    zone = timezone(timedelta(hours=-8))
    document = {**EVENT, "timestamp": "2014-03-18T15:20:31"}
    received = RECEIVED.astimezone(zone)
    assert stored(document, received=received)["timestamp"] == "2014-03-18T23:20:31+00:00"
    assert differences_of(document, "mangled", "timestamp")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2014/03/18 10:20:30", "2014-03-18T10:20:30+00:00"),
        ("March 18, 2014", "2014-03-18T00:00:00+00:00"),
        ("2014-03-18 10:20:30 EST", "2014-03-18T10:20:30+00:00"),
        ("2014-03-18", "2014-03-18T00:00:00+00:00"),
    ],
)
def test_whole_date_without_an_offset_is_read_right(value, time):
    """The forms of dateutil are read right, in the worker's zone; the name of a zone is ignored."""
    document = {**EVENT, "timestamp": value}
    assert stored(document)["timestamp"] == time
    assert "no offset" in differences_of(document, "mangled", "timestamp")[0].reason


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("Mar 18 23:20:31", "2026-03-18T23:20:31+00:00"),
        ("Monday", "2026-03-09T00:00:00+00:00"),
        ("May", "2026-05-04T00:00:00+00:00"),
        (" 7 ", "2026-03-07T00:00:00+00:00"),
        ("1.5", "2026-03-01T00:00:00+00:00"),
        ("Feb 31 2020", None),
        ("Feb 29", None),  # 2026 has none
    ],
)
def test_part_of_a_date_is_completed_from_the_day_of_arrival(value, time):
    """A part of a date takes the rest from the day of arrival, and is reported."""
    document = {**EVENT, "timestamp": value}
    if time is None:
        assert differences_of(document, "dropped", "timestamp")
        return
    assert stored(document)["timestamp"] == time
    assert "part of a date" in differences_of(document, "mangled", "timestamp")[0].reason


@pytest.mark.parametrize("value", ["attempt 3 failed", "the sun is up", "port 22 at 10:20"])
def test_text_with_a_part_of_a_date_gets_a_wrong_date(value):
    """A text in which dateutil finds anything is stored with some date, and reported."""
    document = {**EVENT, "timestamp": value}
    assert datetime.fromisoformat(stored(document)["timestamp"]).tzinfo is not None
    assert "guesses" in differences_of(document, "mangled", "timestamp")[0].reason


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (5, "1970-01-01T00:00:00.500000+00:00"),
        (123456789, "1970-01-01T00:00:00.123457+00:00"),
        (-0.5, "1970-01-01T00:00:00+00:00"),
        (float("-inf"), "1970-01-01T00:00:00+00:00"),
        ("-5", "1970-01-01T00:00:00+00:00"),
        ("0", "1970-01-01T00:00:00+00:00"),
        ("00", "1970-01-01T00:00:00+00:00"),
        ("-Infinity", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_number_that_becomes_1970(value, time):
    """An integer of less than ten digits becomes 1970, as does what is not positive."""
    document = {**EVENT, "timestamp": value}
    assert stored(document)["timestamp"] == time
    assert "1970" in differences_of(document, "mangled", "timestamp")[0].reason


def test_1970_is_in_the_zone_of_the_worker():
    """MozDef's 1970 is a naive time."""
    received = RECEIVED.astimezone(timezone(timedelta(hours=-8)))
    document = {**EVENT, "timestamp": 0}
    assert stored(document, received=received)["timestamp"] == "1970-01-01T08:00:00+00:00"


@pytest.mark.parametrize(
    "value",
    [
        "1395184831",
        "\N{SUPERSCRIPT TWO}",
        "",
        "  ",
        None,
        True,
        False,
        "yesterday",
        "nan",
        [],
        {},
        -5,
        10**19,
        10**400,
        0.5,
        1e-300,
        float("nan"),
        float("inf"),
        "1395184831.5",
        "10.0.0.1",
        "2014-W12-2",
        "2014-077",
        "2014-02-30T00:00:00Z",
        "2014-03-18T24:00:00Z",
        "2014-03-18T25:00:00Z",
        "2014-03-18T23:20:60Z",
        "2014-03-18T23:20:31+99:99",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-23:00",
        "2014 " * 1000,
        "\ud800",
    ],
)
def test_unreadable_timestamp_drops_the_event(value):
    """A timestamp that MozDef cannot read makes it drop the event."""
    document = {**EVENT, "timestamp": value}
    assert outcome_of(document).document is None
    assert differences_of(document, "dropped", "timestamp")


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])),
    st.sampled_from(["auto", "milliseconds", "seconds"]),
)
def test_isoformat_is_read_as_dateutil_reads_it(time, precision):
    """The short cut for what isoformat writes agrees with dateutil, the year 1 included."""
    text = time.isoformat(timespec=precision)
    try:
        expected = parser.parse(text, fuzzy=True).astimezone(UTC)
    except OverflowError:
        expected = None
    document = outcome_of({**EVENT, "timestamp": text}).document
    assert (expected and expected.isoformat()) == (document and document["timestamp"])
