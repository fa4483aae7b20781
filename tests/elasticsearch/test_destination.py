"""Events to an index of a real Elasticsearch or OpenSearch: `tests/transports/http` has a fake.

What the free jars do not have is tried on the fake alone: API keys, basic authentication, and the
data streams of Elasticsearch, which OpenSearch has.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import threading

import pytest
from support.index_servers import SERVERS, IndexServer
from support.mozdef_template import put_template

import structlog_mozdef as mozdef
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.http import HTTPTransport

STREAM = "0123456789abcdef"


def event(number, **details):
    details = {"stream_id": STREAM, "sequence": number, **details}
    fields = {"summary": f"event {number}", "timestamp": "2014-03-18T23:20:31+00:00"}
    return json.dumps({"details": details, **fields}).encode()


EVENTS = [event(number) for number in range(3)]


def bulk_url(server, index):
    """Return the URL of the index's ``_bulk``, which Elasticsearch 6 wants with a type."""
    return f"{server.url}/{index}{'/_doc' if server.name == 'elasticsearch6' else ''}/_bulk"


def send(server, index, events=EVENTS, query="", **options):
    url = bulk_url(server, index) + query
    with contextlib.closing(HTTPTransport(url, **options)) as transport:
        return transport.send(events)


def summaries(server, index):
    return sorted(document["summary"] for document in server.documents(index))


def ids(server, index):
    server.request("POST", f"/{index}/_refresh")
    _, found = server.request("POST", f"/{index}/_search", {})
    return sorted(hit["_id"] for hit in found["hits"]["hits"])


def test_events_are_stored(server, index):
    """What the renderer made is what the index has."""
    renderer = mozdef.MozDefRenderer()
    events = [renderer(None, "info", {"event": f"event {n}", "user": "kang"}) for n in range(500)]
    with mozdef.Sink(bulk_url(server, index)) as sink:
        for each in events:
            sink.put(each)
        assert sink.flush(60)
    stored = sorted(server.documents(index), key=lambda document: document["summary"])
    assert stored == sorted(map(json.loads, events), key=lambda document: document["summary"])


@pytest.mark.parametrize("action", ["index", "create"])
def test_repeats_are_stored_once(action, server, index):
    """With ids, events that are sent again are accepted, and stored once."""
    for _ in range(2):
        assert send(server, index, bulk_action=action, document_ids=True) == ALL_ACCEPTED
    assert ids(server, index) == [
        f"{STREAM}-{number}-{hashlib.sha256(raw).hexdigest()[:16]}"
        for number, raw in enumerate(EVENTS)
    ]


def test_repeats_without_ids(server, index):
    """Without ids, an index keeps each repeat."""
    for _ in range(2):
        assert send(server, index) == ALL_ACCEPTED
    assert len(server.documents(index)) == 6


CONFLICTS = {
    "another type": ({"when": "2014-03-18"}, {"when": "yesterday"}, "mapper_parsing_exception"),
    "object": ({"who": "kang"}, {"who": {"name": "kang"}}, "mapper_parsing_exception"),
    "scalar": ({"who": {"name": "kang"}}, {"who": "kang"}, "mapper_parsing_exception"),
    "address": ({}, {"sourceipaddress": "unknown"}, "mapper_parsing_exception"),
    "too many names": (
        {},
        {f"name{number}": 1 for number in range(1_100)},
        "illegal_argument_exception",
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_event_that_the_index_rejects_is_a_dead_letter(name, server, index):
    """Its reason names what the index said; the events around it are stored."""
    put_template(server)
    index = f"events-{index}"
    first, second, reason = CONFLICTS[name]
    if (name, server.name) == ("too many names", "elasticsearch7"):
        reason = "mapper_parsing_exception"
    with mozdef.Sink(bulk_url(server, index)) as sink:
        for each in (event(0, **first), event(1)):
            sink.put(each)
        assert sink.flush(60)
        for each in (event(2), event(3, **second), event(4)):
            sink.put(each)
        assert sink.flush(60)
        letters = sink.dead_letters()
    assert [(json.loads(letter.event)["summary"], letter.reason) for letter in letters] == [
        ("event 3", f"HTTP 400 {reason}")
    ]
    assert summaries(server, index) == ["event 0", "event 1", "event 2", "event 4"]


def test_filtered_answer(server, index):
    """An answer that is filtered, to be smaller, says as much of each event."""
    put_template(server)
    events = [event(0), event(1, success="perhaps"), event(2)]
    query = "?filter_path=errors,items.*.status,items.*.error"
    result = send(server, f"events-{index}", events, query)
    assert (list(result.rejected), list(result.retry)) == ([1], [])


def test_index_that_may_not_be_written(server, index):
    """A block of the index is no fault of an event: all are kept until it is gone."""
    assert send(server, index) == ALL_ACCEPTED
    server.request("PUT", f"/{index}/_settings", {"index.blocks.write": True})
    result = send(server, index)
    assert (dict(result.rejected), list(result.retry)) == ({}, [0, 1, 2])
    assert "HTTP 403 cluster_block_exception" in str(result.error)
    server.request("PUT", f"/{index}/_settings", {"index.blocks.write": False})
    assert send(server, index) == ALL_ACCEPTED


def test_request_for_a_pipeline_that_does_not_exist(server, index):
    """A setting that is wrong asks for a person, and no event is a dead letter."""
    result = send(server, index, query="?pipeline=missing")
    assert (dict(result.rejected), list(result.retry), result.error.retryable) == (
        {},
        [0, 1, 2],
        False,
    )


def test_data_stream(server, index):
    """A data stream accepts ``create``, with a copy of the timestamp; without, nothing is lost."""
    if server.name != "opensearch2":
        pytest.skip("the free jars of Elasticsearch have no data streams")
    template = {"index_patterns": [f"{index}*"], "data_stream": {}}
    assert server.request("PUT", f"/_index_template/{index}", template)[0] == 200
    result = send(server, index)
    assert (dict(result.rejected), list(result.retry)) == ({}, [0, 1, 2])
    assert 'which needs the option bulk_action="create"' in str(result.error)
    for _ in range(2):
        assert send(server, index, bulk_action="create", document_ids=True) == ALL_ACCEPTED
    documents = server.documents(index)
    assert [document["@timestamp"] for document in documents] == ["2014-03-18T23:20:31+00:00"] * 3


@pytest.fixture(scope="module", params=SERVERS)
def small_server(request, tmp_path_factory):
    """A server of its own, which writes one request at a time and lets one other wait."""
    settings = {"thread_pool.write.size": "1", "thread_pool.write.queue_size": "1"}
    folder = tmp_path_factory.mktemp("small") / request.param
    with IndexServer(request.param, folder, settings) as server:
        yield server


def test_server_that_is_too_busy(small_server, index):
    """Events that a full queue turns away (429) are sent again: each is stored once."""
    busy = threading.Event()
    turned_away = []
    others = [event(number, padding="x" * 5_000) for number in range(300)]

    def write(number):
        while not busy.is_set():
            try:
                error = send(small_server, f"{index}-{number}", others).error
            except TransportError as raised:
                error = raised  # of the request as a whole
            if error is not None:
                turned_away.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        retry = mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.1)
        url = bulk_url(small_server, index)
        with mozdef.Sink(url, document_ids=True, recovery_pause=0, retry=retry) as sink:
            for number in range(300):
                sink.put(event(number))
            assert sink.flush(120)
            assert sink.dead_letters() == []
    finally:
        busy.set()
        for thread in threads:
            thread.join()
    assert summaries(small_server, index) == sorted(f"event {number}" for number in range(300))
    assert any("HTTP 429" in text for text in turned_away)


def test_restart_in_the_middle(small_server, index):
    """A server that is killed while events are sent, and comes again, has each event once."""
    retry = mozdef.RetryPolicy(wait_initial=0.05, wait_max=0.5)
    options = {"document_ids": True, "recovery_pause": 0, "retry": retry, "batch_events": 50}
    with mozdef.Sink(bulk_url(small_server, index), **options) as sink:
        sink.put(event(0))
        assert sink.flush(60)
        for number in range(1, 3_000):
            sink.put(event(number))
        small_server.stop(signal.SIGKILL)
        assert sink.stats().buffered > 0
        small_server.start()
        assert sink.flush(120)
        assert sink.dead_letters() == []
    assert summaries(small_server, index) == sorted(f"event {number}" for number in range(3_000))
