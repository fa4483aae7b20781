"""Every rendered event passes MozDef's mapping and Elasticsearch without a finding."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile

from structlog_mozdef import MozDefRenderer
from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.worker import apply

RECEIVED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NAMES = ["category", "details", "event", "exc_info", "exception", "hostname", "index", "level"]
NAMES += ["logger", "pid", "processid", "processname", "severity", "source", "sourceipaddress"]
NAMES += ["stack_info", "success", "summary", "tag", "tags", "timestamp", "payload", "fields"]


def mapped(event_dict):
    encoded = MozDefRenderer()(None, "info", event_dict)
    return apply(json_like_mozdef.loads(encoded), "_bulk", RECEIVED, "mozdef.example.com")


def unchanged(event_dict):
    """The rendered event and its stored form, as far as it was sent."""
    encoded = MozDefRenderer()(None, "info", event_dict)
    sent = json_like_mozdef.loads(encoded)
    stored = apply(sent, "_bulk", RECEIVED, "mozdef.example.com").document
    sent["processid"] = str(sent["processid"])
    return sent, {name: stored[name] for name in sent}


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(st.characters(), max_size=4),
        hostile.ANYTHING
        | st.sampled_from(["true", "yes", "10.0.0.7", "20260102", "2026-01-02", "::1%1"]),
        max_size=8,
    )
)
def test_any_event_is_stored(event_dict):
    """No event dict becomes an event that is dropped, rejected or mangled."""
    result = mapped(hostile.made(event_dict))
    assert (result.document is not None, result.differences) == (True, ())


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=40)
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.dates()
    | st.integers()
    | st.floats()
    | st.from_regex(r"\d{4}-?(\d\d-?\d\d|W\d\d-?\d)[T ]\d\d:?\d\d(:\d\d[.,]\d{6})?[+-]\d\d:\d\d")
)
def test_any_timestamp_is_stored(timestamp):
    """Whatever is given as the time of an event, MozDef reads it as a date."""
    result = mapped({"timestamp": timestamp})
    assert (result.document is not None, result.differences) == (True, ())


@pytest.mark.parametrize(
    "event_dict",
    [
        {"event": "text", "a": {"b": [1, None, True]}, "tags": ["x"]},
        {"timestamp": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)},
        {"index": 1, "t": None, "payload": "x"},
    ],
)
def test_event_is_stored_unchanged(event_dict):
    """The stored event is the one that was sent."""
    sent, stored = unchanged(event_dict)
    assert sent == stored
