"""Counts: by time and severity, by the values of fields, by stream, and in all."""

import datetime as dt
import json
import urllib.parse

import pytest
from support.asking import ask, ids, numbered, post
from support.collecting import request

from structlog_mozdef.collector import Store, running_collector
from structlog_mozdef.collector.api.catalog import Catalog
from structlog_mozdef.collector.api.filters import Filter
from structlog_mozdef.collector.api.histogram import histogram
from structlog_mozdef.collector.differences import Outcome
from structlog_mozdef.collector.ingest import ReceivedEvent

START = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


@pytest.fixture
def counted():
    """What counts events of given seconds and severities."""
    with Store_and_catalog() as counter:
        yield counter


class Store_and_catalog:  # noqa: N801
    def __enter__(self):
        self.store = Store()
        self.catalog = Catalog(self.store)
        return self

    def __exit__(self, *_):
        self.catalog.close()
        self.store.close()

    def __call__(self, events, buckets=60, since=None, until=None):
        for seconds, severity in events:
            outcome = Outcome({"severity": severity})
            time = START + dt.timedelta(seconds=seconds)
            self.store.add("/events", time, [ReceivedEvent("{}", outcome)])
        while not self.catalog.follow():
            pass
        selection = self.catalog.select(Filter(since=since, until=until))
        return histogram(selection, buckets, since, until)


def counts_of(answer):
    return [bucket["counts"] for bucket in answer["buckets"]]


def test_histogram(counted):
    """Each bucket has the number of events of each severity; empty buckets are there."""
    answer = counted([(0, "INFO"), (1, "INFO"), (1, "ERROR"), (3, "INFO")], buckets=4)
    assert answer["step"] == 1
    assert answer["start"] == START.isoformat()
    assert answer["end"] == (START + dt.timedelta(seconds=4)).isoformat()
    assert counts_of(answer) == [{"INFO": 1}, {"INFO": 1, "ERROR": 1}, {}, {"INFO": 1}]
    assert [bucket["start"] for bucket in answer["buckets"]] == [
        (START + dt.timedelta(seconds=second)).isoformat() for second in range(4)
    ]


@pytest.mark.parametrize("buckets", [1, 2, 3, 7, 60, 500])
@pytest.mark.parametrize("duration", [0, 0.001, 1, 59.9, 3600, 86_400 * 3, 86_400 * 400])
def test_histogram_has_all_events_in_so_many_buckets(counted, buckets, duration):
    """Every event is in a bucket, and there are no more buckets than were asked for."""
    answer = counted([(duration * n / 99, "INFO") for n in range(100)], buckets)
    assert 1 <= len(answer["buckets"]) <= buckets
    assert sum(count["INFO"] for count in counts_of(answer) if count) == 100


def test_histogram_between_two_times(counted):
    """The buckets reach from one given time to the other, whatever there is between."""
    since, until = START.timestamp() + 10, START.timestamp() + 20
    events = [(0, "INFO"), (10, "INFO"), (19.5, "ERROR"), (20, "INFO")]
    answer = counted(events, 10, since, until)
    assert (len(answer["buckets"]), answer["step"]) == (10, 1)
    assert (counts_of(answer)[0], counts_of(answer)[-1]) == ({"INFO": 1}, {"ERROR": 1})


def test_histogram_of_nothing(collector):
    """Without an event there is no bucket, unless both times are given."""
    nothing = {"start": None, "end": None, "step": None, "buckets": []}
    assert ask(collector, "histogram") == nothing
    parameters = {"since": "2026-01-01", "until": "2026-01-02", "buckets": 24}
    assert len(ask(collector, "histogram", parameters)["buckets"]) == 24


def test_histogram_of_a_clock_that_is_set_back(counted):
    """Events after a clock was set back are counted at the time that was reached before."""
    answer = counted([(10, "INFO"), (0, "INFO"), (11, "INFO")], buckets=60)
    assert sum(count["INFO"] for count in counts_of(answer) if count) == 3


def test_facets(collector):
    """Each field has its values with the number of events, the most frequent first."""
    post(
        collector,
        {"severity": "error", "tags": ["a", "b"]},
        {"severity": "ERROR", "tags": ["a", "a"]},
        {"severity": "INFO", "tags": []},
    )
    facets = ask(collector, "facets")
    assert list(facets) == ["severity", "category", "source", "tag", "hostname"]
    assert facets["severity"] == [{"value": "ERROR", "count": 2}, {"value": "INFO", "count": 1}]
    assert sorted((entry["value"], entry["count"]) for entry in facets["tag"]) == [
        ("", 1),
        ("a", 2),
        ("b", 1),
    ]
    assert ask(collector, "facets", {"tag": "b"})["severity"] == [{"value": "ERROR", "count": 1}]


def test_facets_are_limited(collector):
    """Of many values the fifty most frequent are there."""
    post(collector, *[{"hostname": f"h{n}"} for n in range(100)], {"hostname": "h77"})
    hosts = ask(collector, "facets")["hostname"]
    assert (len(hosts), hosts[0]) == (50, {"value": "h77", "count": 2})


def test_values_that_somebody_invents_are_bounded(collector):
    """Of thousands of values the first are told apart in counts; each still selects its events."""
    post(collector, *({"severity": f"S{n}", "tags": [f"a{n}", f"b{n}"]} for n in range(1500)))
    counts = {}
    for bucket in ask(collector, "histogram")["buckets"]:
        for value, count in bucket["counts"].items():
            counts[value] = counts.get(value, 0) + count
    assert (len(counts), counts["OTHER"], sum(counts.values())) == (1001, 500, 1500)
    for wanted in ({"severity": "s3"}, {"severity": "S1400"}, {"tag": "a1400"}, {"tag": "b3"}):
        assert ask(collector, "count", wanted) == {"count": 1}
    both = [("tag", "a1400"), ("tag", "b3"), ("tag", "nothing")]
    assert ids(collector, both) == [1401, 4]
    assert ids(collector, [*both, ("severity", "S1400")]) == [1401]


def test_value_of_a_facet_selects_its_events(collector):
    """A value as a facet has it selects as many events as it says, whatever it is."""
    values = ["x" * 500, "a&b=c", "", "\u202e", "\ud800", 7, None]
    for value in values:
        body = json.dumps({"category": value, "source": value, "tags": [value]})
        request(collector, "POST", "/custom/x", body.encode())
    facets = ask(collector, "facets")
    for name in ("category", "source", "tag"):
        for entry in facets[name]:
            if entry["value"] != "\ud800":  # no URL can have it
                query = urllib.parse.urlencode({name: entry["value"]})
                status, body = request(collector, "GET", f"/api/v1/count?{query}")
                assert (status, json.loads(body)) == (200, {"count": entry["count"]})


def test_totals(collector):
    """All that was received is stored, refused or dropped."""
    post(collector, {}, {"timestamp": ""}, {"details": {"x": float("nan")}})
    request(collector, "POST", "/events", b"{oops")
    assert ask(collector, "totals") == {
        "received": 4,
        "stored": 1,
        "refused": 2,
        "dropped": 1,
        "forgotten": 0,
        "last": 4,
    }


def stream_of(collector):
    (stream,) = ask(collector, "streams")["streams"]
    return stream


def test_stream(collector):
    """A stream has its process, its first and last number, and its count."""
    post(collector, *numbered(1, 2, 3))
    assert stream_of(collector) == {
        "stream_id": "a",
        "process": "./mozdef.py[14619] on blah.private.scl3.mozilla.com",
        "first": 1,
        "last": 3,
        "received": 3,
        "missing": 0,
        "gaps": [],
        "more_gaps": False,
        "repeats": 0,
        "began": True,
        "ended": False,
        "last_event": 3,
    }


@pytest.mark.parametrize(
    ("sequence", "gaps", "repeats", "began"),
    [
        ([1, 2, 5, 9], [[3, 4], [6, 8]], 0, True),
        ([9, 5, 2, 1], [[3, 4], [6, 8]], 0, True),
        ([1, 3, 2], [], 0, True),
        ([2, 4, 3, 1], [], 0, True),
        ([3, 2, 4], [], 0, False),
        ([1, 1, 2, 2, 1], [], 3, True),
        ([1, 10, 5, 5, 4, 6], [[2, 3], [7, 9]], 1, True),
        ([2**63 - 1, 1], [[2, 2**63 - 2]], 0, True),
    ],
)
def test_gaps_and_repeats(collector, sequence, gaps, repeats, began):
    """Numbers that are missing between the first and the last, and those that came twice."""
    post(collector, *numbered(*sequence))
    stream = stream_of(collector)
    assert (stream["gaps"], stream["repeats"], stream["began"]) == (gaps, repeats, began)
    assert stream["missing"] == sum(end - start + 1 for start, end in gaps)


def test_end_of_a_stream(collector):
    """A stream has ended where its last event says so."""
    end = {"details": {"stream_id": "a", "sequence": 3, "stream_end": True}}
    post(collector, *numbered(1, 2), end)
    assert stream_of(collector)["ended"]
    post(collector, *numbered(4))
    assert not stream_of(collector)["ended"]


def test_lost_events_are_part_of_their_stream(collector):
    """An event that MozDef drops has arrived: it leaves no gap."""
    post(collector, *numbered(1), *numbered(2, timestamp=""), *numbered(3))
    assert stream_of(collector)["missing"] == 0


@pytest.mark.parametrize(
    "details",
    [{}, {"stream_id": "a"}, {"sequence": 1}, {"stream_id": 7, "sequence": 1}]
    + [{"stream_id": "a", "sequence": n} for n in (0, -1, "1", 1.0, True, None, 2**63)]
    + [{"stream_id": "a" * 101, "sequence": 1}],
)
def test_what_is_no_number_of_a_stream(collector, details):
    """An event without a stream and a number, or with impossible ones, is in no stream."""
    post(collector, {"details": details})
    assert ask(collector, "streams") == {"streams": [], "unseen": 0}


def test_many_gaps_are_cut(collector):
    """Of many gaps a hundred are listed; all missing numbers are counted."""
    post(collector, *numbered(*range(1, 1001, 2)))
    stream = stream_of(collector)
    assert (len(stream["gaps"]), stream["more_gaps"], stream["missing"]) == (100, True, 499)


def test_streams_are_limited(collector):
    """Of more than a thousand streams the newest are known, the last one first."""
    post(collector, *[numbered(1, stream_id=f"s{n}")[0] for n in range(1100)])
    streams = ask(collector, "streams")["streams"]
    assert (len(streams), streams[0]["stream_id"]) == (1000, "s1099")


def test_clear(collector):
    """After a clear there is nothing; the next event has the next number."""
    post(collector, *numbered(1, 2))
    assert ask(collector, "count", {"text": "new"}) == {"count": 2}
    assert ask(collector, "events", method="DELETE") == {"cleared": 2}
    assert (ids(collector), collector.documents(), collector.received) == ([], [], 0)
    assert ask(collector, "streams") == {"streams": [], "unseen": 0}
    assert ask(collector, "count", {"text": "new"}) == {"count": 0}
    post(collector, {})
    assert ids(collector) == [3]
    assert ids(collector, {"text": "new"}) == [3]
    assert ask(collector, "totals")["received"] == 1


def test_oldest_events_go():
    """What is no longer kept is in no list and no count; the totals and the streams know it."""
    with running_collector(keep=100) as collector:
        for start in range(0, 10_000, 1000):
            post(collector, *numbered(*range(start + 1, start + 1001)))
            assert ask(collector, "count")["count"] == 100
        assert ids(collector, {"limit": 1000}) == list(range(10_000, 9_900, -1))
        assert ask(collector, "count", {"text": "new"}) == {"count": 100}
        totals = ask(collector, "totals")
        assert (totals["received"], totals["forgotten"]) == (10_000, 9_900)
        stream = ask(collector, "streams")
        seen = stream["streams"][0]["received"]
        assert seen + stream["unseen"] == 10_000


def test_events_of_a_file_are_known(tmp_path):
    """What an earlier collector has stored in a file is found."""
    with running_collector(database=tmp_path / "events.db") as collector:
        post(collector, {}, {"timestamp": ""})
    with running_collector(database=tmp_path / "events.db") as collector:
        post(collector, {"summary": "later"})
        assert ids(collector) == [3, 2, 1]
        assert ids(collector, {"text": "later"}) == [3]
        assert ask(collector, "totals")["dropped"] == 1
