"""How MozDef's worker reads timestamps."""

from datetime import datetime, timedelta, timezone

import pytest
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
        (1395184831013344789, "2014-03-18T23:20:31.013344+00:00"),
        (1210045573680191989, "2008-05-06T03:46:13.680191+00:00"),  # a float would round it up
        (0, "1970-01-01T00:00:00+00:00"),
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
    "value",
    [
        "1395184831",
        "0",
        "²",
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
        float("nan"),
        float("inf"),
        "2014-02-30T00:00:00Z",
        "2014-03-18T25:00:00Z",
        "2014-03-18T23:20:31+99:99",
        "9999-12-31T23:59:59-23:00",
    ],
)
def test_unreadable_timestamp_drops_the_event(value):
    """A timestamp that MozDef cannot read makes it drop the event."""
    document = {**EVENT, "timestamp": value}
    assert outcome_of(document).document is None
    assert differences_of(document, "dropped", "timestamp")


@pytest.mark.parametrize("value", ["attempt 3 failed", "-5", "1.5", -0.5])
def test_string_with_a_number_gets_a_wrong_date(value):
    """A string with a number is stored with some date, and reported."""
    document = {**EVENT, "timestamp": value}
    assert datetime.fromisoformat(stored(document)["timestamp"]).tzinfo is not None
    assert differences_of(document, "mangled", "timestamp")
