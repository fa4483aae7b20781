"""Which events a filter selects, and in which order they are listed."""

import datetime as dt

import pytest
from support.asking import ask, ids, post
from support.collecting import EVENT, request


def test_row(collector):
    """A row has what is stored of an event, and what became of it."""
    post(collector, {"level": "warning", "severity": "info"})
    (row,) = ask(collector, "events")["events"]
    received = dt.datetime.fromisoformat(row.pop("received"))
    assert (received.tzinfo, abs((dt.datetime.now(dt.UTC) - received).total_seconds()) < 60) == (
        dt.UTC,
        True,
    )
    assert row == {
        "id": 1,
        "timestamp": EVENT["timestamp"],
        "severity": "WARNING",
        "category": "authentication",
        "source": "ldap",
        "hostname": "blah.private.scl3.mozilla.com",
        "tags": ["bro", "auth"],
        "summary": "new test msg",
        "status": "stored",
        "differences": 2,
        "kinds": ["mangled", "renamed"],
    }


def test_event_that_is_not_stored_has_what_was_sent(collector):
    """A row of an event that MozDef loses shows the fields of the event as it was sent."""
    post(collector, {"timestamp": "", "severity": "error"})
    (row,) = ask(collector, "events")["events"]
    assert (row["status"], row["severity"], row["summary"]) == ("dropped", "ERROR", "new test msg")


@pytest.mark.parametrize("body", [b"{oops", b"7", b"", b"\xff\xfe\xfd", b"[NaN]"])
def test_body_that_is_no_event_is_listed(collector, body):
    """A body that MozDef cannot read is a row, whose fields are empty."""
    request(collector, "POST", "/events", body)
    (row,) = ask(collector, "events")["events"]
    assert (row["status"], row["severity"], row["tags"]) == ("refused", "", [])


@pytest.mark.parametrize("value", [None, 7, 1.5, True, {"a": [1]}, ["x"], "", "\ud800"])
def test_values_of_every_type_are_texts(collector, value):
    """Whatever a custom event has as fields, a row has texts."""
    import json

    body = json.dumps(dict.fromkeys(("summary", "severity", "category", "hostname"), value))
    request(collector, "POST", "/custom/x", body.encode())
    (row,) = ask(collector, "events")["events"]
    assert {type(row[name]) for name in ("summary", "severity", "category", "hostname")} == {str}


def test_long_values_are_cut_in_lists(collector):
    """A list stays small: a summary of 100 kB is cut, with an ellipsis; so are tags."""
    post(collector, {"summary": "s" * 100_000, "tags": ["t" * 5000] * 200})
    (row,) = ask(collector, "events")["events"]
    assert (len(row["summary"]), row["summary"][-1]) == (1000, "\N{HORIZONTAL ELLIPSIS}")
    assert (len(row["tags"]), len(row["tags"][0])) == (50, 200)


def test_newest_comes_first(collector):
    """Lists begin with the newest event, or with the oldest if that is asked for."""
    post(collector, {}, {}, {})
    assert ids(collector) == [3, 2, 1]
    assert ids(collector, {"order": "newest"}) == [3, 2, 1]
    assert ids(collector, {"order": "oldest"}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("parameters", "found", "more"),
    [
        ({"limit": 2}, [5, 4], True),
        ({"limit": 5}, [5, 4, 3, 2, 1], False),
        ({"limit": 2, "before": 4}, [3, 2], True),
        ({"limit": 2, "before": 3}, [2, 1], False),
        ({"limit": 2, "after": 1, "order": "oldest"}, [2, 3], True),
        ({"after": 5}, [], False),
        ({"after": 2, "before": 4}, [3], False),
    ],
)
def test_pages(collector, parameters, found, more):
    """A limit, and the ids of events before or after, page through a list."""
    post(collector, *[{}] * 5)
    answer = ask(collector, "events", parameters)
    assert ([event["id"] for event in answer["events"]], answer["more"]) == (found, more)


def test_many_events_are_listed_in_order(collector):
    """The order holds beyond the blocks that events are kept in."""
    post(collector, *[{}] * 5000)
    assert ids(collector, {"before": 4100, "limit": 10}) == list(range(4099, 4089, -1))
    assert ids(collector, {"after": 4090, "limit": 10, "order": "oldest"}) == list(
        range(4091, 4101)
    )


EVENTS = (
    {"severity": "INFO", "category": "a", "source": "x", "hostname": "h1", "tags": ["vpn", "t1"]},
    {"severity": "ERROR", "category": "b", "source": "x", "hostname": "h2", "tags": ["vpn"]},
    {"severity": "ERROR", "category": "a", "source": "y", "hostname": "h1", "tags": []},
    {"severity": "INFO", "timestamp": ""},  # dropped
    {"severity": "INFO", "details": {"x": float("nan")}},  # refused
    {"severity": "INFO", "foo": 1, "level": "INFO"},  # stored with differences
)


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ([("severity", "ERROR")], [3, 2]),
        ([("severity", "error")], [3, 2]),
        ([("severity", "ERROR"), ("category", "a")], [3]),
        ([("severity", "ERROR"), ("severity", "INFO")], [6, 5, 4, 3, 2, 1]),
        ([("category", "a"), ("category", "b")], [3, 2, 1]),
        ([("source", "x")], [2, 1]),
        ([("hostname", "h1")], [3, 1]),
        ([("tag", "vpn")], [2, 1]),
        ([("tag", "t1"), ("tag", "auth")], [6, 5, 4, 1]),
        ([("tag", "")], [3]),
        ([("tag", "vp")], []),
        ([("status", "dropped")], [4]),
        ([("status", "stored"), ("differing", "true")], [6]),
        ([("differing", "true")], [6, 5, 4]),
        ([("refused", "true")], [5]),
        ([("kind", "dropped")], [6, 4]),
        ([("kind", "renamed")], [6]),
        ([("severity", "NOTHING")], []),
    ],
)
def test_filters(collector, parameters, found):
    """Every condition must be met; a parameter that is repeated gives alternatives."""
    post(collector, *EVENTS)
    assert ids(collector, parameters) == found
    assert ask(collector, "count", parameters) == {"count": len(found)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("logged", [1]),
        ("LOGGED", [1]),
        ("log", [2, 1]),
        ("ogged", []),
        ("kang logged", [1]),
        ('"logged in"', [1]),
        ('"in logged"', []),
        ('"logg"', []),
        ("10.0.0.7", [1]),
        ("10.0.0", [2, 1]),
        ("username", [1]),
        ("summary", []),
        ("mueller", []),
        ("muller", [2]),
        ("M\xfcller", [2]),
        ("second", [2]),
        ("'); DROP TABLE texts_0; --", []),
        ("NOT logged", []),
        ("text:logged", []),
        ("logged*", [1]),
        ("(", []),
        ("kang\0logged", [1]),
        ("\ud83d", []),
        ("", [2, 1]),
        (" ", [2, 1]),
    ],
)
def test_words(collector, text, found):
    """Words are found from their beginnings, in values and in names of details."""
    post(
        collector,
        {"summary": "User logged in", "details": {"username": "kang", "ip": "10.0.0.7"}},
        {"summary": "Login of M\xfcller", "details": {"ip": "10.0.0.8", "x": "first\nsecond"}},
    )
    assert ids(collector, {"text": text.encode("utf-8", "surrogatepass")}) == found


def test_words_are_alternatives_where_they_are_repeated(collector):
    """An event that has the words of one of several texts is found."""
    post(collector, {"summary": "one"}, {"summary": "two"}, {"summary": "three"})
    assert ids(collector, [("text", "one"), ("text", "two")]) == [2, 1]


def test_words_are_found_in_what_arrives_later(collector):
    """The same question finds what has arrived meanwhile, in every part of the index."""
    for count in (1, 600, 4000, 13_000):
        post(collector, *[{"summary": "found"}] * (count - 1), {"summary": "other"})
        found = ask(collector, "count", {"text": "found"})["count"]
        assert found == collector.received - collector.store.totals.last + found
        assert ask(collector, "count", {"text": "other"})["count"] + found == collector.received


def test_words_of_lost_events_are_found(collector):
    """What MozDef would lose is found by its words as well."""
    post(collector, {"summary": "lost", "timestamp": ""})
    assert ids(collector, {"text": "lost"}) == [1]


def test_times(collector):
    """Events are selected by the time of their arrival, the end not included."""
    post(collector, {}, {})
    time = ask(collector, "events/1")["received"]
    later = (dt.datetime.fromisoformat(time) + dt.timedelta(microseconds=1)).isoformat()
    assert ids(collector, {"since": time}) == [2, 1]
    assert ids(collector, {"until": time}) == []
    assert ids(collector, {"since": time, "until": later}) == [2, 1]
    assert ids(collector, {"since": later}) == []
    assert ids(collector, {"since": "2026-01-01"}) == [2, 1]
    path = f"/api/v1/count?since={time}"  # with a plus that is not encoded
    assert request(collector, "GET", path) == (200, b'{"count":2}')


@pytest.mark.parametrize(
    ("question", "parameters", "sentence"),
    [
        ("events", {"foo": "1"}, "The parameter 'foo' is unknown; these are known: after, before"),
        ("count", {"limit": "1"}, "The parameter 'limit' is unknown"),
        ("totals", {"severity": "INFO"}, "is unknown; these are known: none."),
        ("events", {"limit": "0"}, "limit is '0', not an integer from 1 to 1,000."),
        ("events", {"limit": "x"}, "limit is 'x', not an integer"),
        ("events", {"limit": "\u0663"}, "not an integer"),
        ("events", {"after": "-1"}, "after is '-1'"),
        ("events", {"after": "9" * 30}, "after is "),
        ("events", {"order": "up"}, "order is 'up', not newest or oldest."),
        ("events", {"status": "lost"}, "status is 'lost', not stored or refused or dropped."),
        ("events", {"kind": "x"}, "kind is 'x', not "),
        ("events", {"differing": "false"}, "differing is 'false', not true."),
        ("events", {"since": "yesterday"}, "since is 'yesterday', not a time as ISO 8601"),
        ("events", {"until": "9999-12-31T23:59:59Z"}, "until is "),
        ("events", {"since": "0001-01-01T00:00:00+23:59"}, "since is "),
        ("events", {"text": "x" * 501}, "text is longer than 500 characters."),
        ("histogram", {"buckets": "501"}, "buckets is '501', not an integer from 1 to 500."),
        ("wait", {"timeout": "301"}, "timeout is '301', not seconds from 0 to 300."),
        ("wait", {"timeout": "nan"}, "timeout is 'nan'"),
        ("wait", {"count": "0"}, "count is '0'"),
        ("events", [("limit", 1), ("limit", 2)], "limit is there more than once."),
        ("events", [("tag", "x")] * 101, "tag is there more than 100 times."),
        ("events", [("text", "x")] * 17, "text is there more than 16 times."),
    ],
)
def test_bad_parameters_are_answered_400(collector, question, parameters, sentence):
    """A parameter that is unknown or impossible is named in one sentence."""
    answer = ask(collector, question, parameters, status=400)
    assert list(answer) == ["error"]
    assert sentence in answer["error"]
