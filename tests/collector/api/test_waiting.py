"""Waiting for events: for some that match, and for all that come."""

import asyncio
import contextlib
import http.client
import json
import threading
import time

import pytest
from support.asking import ask, live, path_of, post
from support.collecting import request
from support.running import wait_for

from structlog_mozdef.collector import Store, running_collector
from structlog_mozdef.collector.api.filters import Filter
from structlog_mozdef.collector.api.live import INTERVAL, LiveStream
from structlog_mozdef.collector.api.questions import Questions


@contextlib.contextmanager
def waiting(collector, parameters):
    """Wait for events in another thread; yields a list that gets the answer."""
    answers = []

    def wait():
        status, body = request(collector, "GET", path_of("wait", parameters))
        answers.append((status, [event["id"] for event in json.loads(body)["events"]]))

    thread = threading.Thread(target=wait)
    thread.start()
    yield answers
    thread.join()


def test_wait_for_what_is_there(collector):
    """Events that are there already need no wait; they come oldest first."""
    post(collector, {"severity": "INFO"}, {"severity": "ERROR"}, {"severity": "ERROR"})
    answer = ask(collector, "wait", {"severity": "ERROR", "count": 2})
    assert [event["id"] for event in answer["events"]] == [2, 3]


def test_wait_for_what_comes(collector):
    """The answer comes with the last event that was needed."""
    parameters = {"severity": "ERROR", "count": 2, "timeout": 60}
    with waiting(collector, parameters) as answers:
        post(collector, {"severity": "ERROR"})
        post(collector, {"severity": "INFO"})
        assert answers == []
        post(collector, {"severity": "ERROR"})
    assert answers == [(200, [1, 3])]


def test_wait_ends_in_time(collector):
    """In the end, what has matched is answered with 408."""
    post(collector, {})
    answer = ask(collector, "wait", {"count": 2, "timeout": 0.05}, status=408)
    assert [event["id"] for event in answer["events"]] == [1]


def test_wait_for_new_events_alone(collector):
    """With the last id that is known, only later events count."""
    post(collector, {})
    last = ask(collector, "totals")["last"]
    with waiting(collector, {"after": last, "timeout": 60}) as answers:
        post(collector, {})
    assert answers == [(200, [2])]


def test_waits_are_limited(collector):
    """Beyond a number of requests that wait, the next one is answered 503; they go on."""
    with contextlib.ExitStack() as stack:
        waits = [
            stack.enter_context(waiting(collector, {"severity": "X", "timeout": 60}))
            for _ in range(64)
        ]

        def is_refused():
            status, _ = request(collector, "GET", path_of("wait", {"timeout": 0, "text": "x"}))
            return status == 503

        assert wait_for(is_refused)
        post(collector, {"severity": "X"})
    assert waits == [[(200, [1])]] * 64


@pytest.mark.parametrize(("question", "status"), [("wait?timeout=100", 408), ("live", 200)])
def test_stop_does_not_wait(question, status):
    """A collector stops at once, and answers the requests that wait."""
    with running_collector() as collector:
        client = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=20)
        client.request("GET", f"/api/v1/{question}")
        ask(collector, "totals")  # it has read the first request when it answers the second
        start = time.monotonic()
    assert time.monotonic() - start < 1
    response = client.getresponse()
    assert response.status == status
    response.read()
    client.close()


def test_live_events(collector):
    """Events come as they arrive, newest first in a message, with the totals."""
    with live(collector) as client:
        name, _, data = client.message()
        assert (name, data["events"], data["skipped"]) == ("events", [], 0)
        assert data["totals"] == ask(collector, "totals")
        post(collector, {}, {}, {})
        _, _, data = client.message()
        assert [event["id"] for event in data["events"]] == [3, 2, 1]
        assert data["events"] == ask(collector, "events")["events"]
        assert data["totals"]["received"] == 3


def test_live_begins_with_the_next_event(collector):
    """What was there before is not sent, unless it is asked for."""
    post(collector, {}, {})
    with live(collector) as client:
        assert client.message()[2]["events"] == []
        post(collector, {})
        assert client.events(1) == [3]
    with live(collector, {"after": 0}) as client:
        assert client.events(3) == [1, 2, 3]


def test_live_events_are_filtered(collector):
    """Only what meets the filter is sent; the totals are those of all events."""
    with live(collector, {"severity": "ERROR", "text": "new"}) as client:
        assert client.message()[2]["events"] == []
        post(collector, {"severity": "INFO"})
        _, _, data = client.message()
        assert (data["events"], data["totals"]["received"]) == ([], 1)
        post(collector, {"severity": "ERROR"})
        assert client.events(1) == [2]


def test_live_events_that_are_too_many_are_skipped(collector):
    """Of thousands the newest 200 are sent, and the number of the others."""
    with live(collector) as client:
        client.message()
        post(collector, *[{}] * 3000)
        _, _, data = client.message()
        assert (len(data["events"]), data["skipped"]) == (200, 2800)
        assert data["events"][0]["id"] == 3000


def test_live_messages_are_few(collector):
    """However many requests arrive, there are at most ten messages a second."""
    with live(collector) as client:
        client.message()
        start = time.monotonic()
        for _ in range(100):
            post(collector, {})
        seen, messages = 0, 0
        while seen < 100:
            _, _, data = client.message()
            seen += len(data["events"])
            messages += 1
        assert messages <= (time.monotonic() - start) / INTERVAL + 1


def test_live_stream_is_resumed(collector):
    """A client that connects again with the id of its last message gets what came meanwhile."""
    with live(collector) as client:
        client.message()
        post(collector, {})
        _, last, _ = client.message()
    post(collector, {}, {})
    with live(collector, headers={"Last-Event-ID": last}) as client:
        assert client.events(2) == [2, 3]


@pytest.mark.parametrize("number", ["1" * 5000, "99999999999999999999", "-1", "1.0", ""])
def test_live_stream_is_not_resumed_at_an_impossible_number(collector, number):
    """A client that claims a number that no event has gets all."""
    post(collector, {})
    with live(collector) as client:
        instance = client.message()[1].partition("-")[0]
    with live(collector, headers={"Last-Event-ID": f"{instance}-{number}"}) as client:
        assert client.message()[0] == "cleared"
        assert client.events(1) == [1]


def test_live_stream_without_news_is_kept_open():
    """Where nothing arrives for a time, a comment is sent, so that no proxy ends the stream."""

    async def first_messages():
        messages = LiveStream(questions, Filter(), heartbeat=0.0).messages()
        found = [await anext(messages) for _ in range(3)]
        await messages.aclose()
        return found

    with contextlib.closing(Store()) as store, contextlib.closing(Questions(store)) as questions:
        first, *others = asyncio.run(first_messages())
    assert first.startswith(b"event: events\n")
    assert others == [b":\n\n"] * 2


@pytest.mark.parametrize("question", ["live", "events.ndjson"])
def test_head_of_a_stream_is_answered(collector, question):
    """A request for the headers alone is answered, and the connection goes on with the next one."""
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    for method, path in [("HEAD", path_of(question)), ("GET", path_of("count"))]:
        connection.request(method, path)
        response = connection.getresponse()
        assert (response.status, response.read()) == (
            200,
            b"" if method == "HEAD" else b'{"count":0}',
        )
    connection.close()


@pytest.mark.parametrize("last", ["0123abcd-1", "1", "x", "-", "0123abcd-99999999999999999999999"])
def test_live_stream_of_another_collector_is_not_resumed(collector, last):
    """A client whose collector was started again is told that all has changed, and gets all."""
    post(collector, {}, {})
    with live(collector, headers={"Last-Event-ID": last}) as client:
        assert client.message()[0] == "cleared"
        assert client.events(2) == [1, 2]


def test_live_stream_says_that_all_was_cleared(collector):
    """A clear is a message of its own, also of another window."""
    post(collector, {})
    with live(collector) as client:
        client.message()
        ask(collector, "events", method="DELETE")
        name, _, totals = client.message()
        assert (name, totals["received"]) == ("cleared", 0)
        client.message()
        post(collector, {})
        assert client.events(1) == [2]
        collector.clear()
        assert client.message()[0] == "cleared"


def test_live_streams_are_limited(collector):
    """Beyond 32 streams the next one is answered 503; one that ends makes room."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(live(collector)) for _ in range(32)]
        for client in clients:
            client.message()
        with live(collector) as late:
            assert late.response.status == 503
            assert "Too many" in json.loads(late.response.read())["error"]
        clients[0].close()

        def is_free():
            with live(collector) as again:
                return again.response.status == 200

        assert wait_for(is_free)


def test_live_stream_is_not_kept_by_a_cache(collector):
    """The stream has its own type, and nothing on the way may keep it."""
    with live(collector) as client:
        assert client.response.headers["Content-Type"].startswith("text/event-stream")
        assert client.response.headers["Cache-Control"] == "no-store"
