"""One event: sent beside stored, with the reason of each difference."""

import json

import pytest
from support.asking import ask, post
from support.collecting import EVENT, LINE, request


def differences_of(collector, event):
    request(collector, "POST", "/events", event if isinstance(event, bytes) else json.dumps(event))
    number = collector.received
    return {
        (entry["kind"], entry["path"]): entry
        for entry in ask(collector, f"events/{number}")["differences"]
    }


def test_sent_is_beside_stored(collector):
    """An event has the text as it was received, and the document that is stored."""
    request(collector, "POST", "/events", LINE)
    event = ask(collector, "events/1")
    (document,) = collector.documents()
    assert (event["sent"], event["stored"]) == (LINE.decode(), document)
    assert (event["path"], event["differences"]) == ("/events", [])
    (row,) = ask(collector, "events")["events"]
    assert {**event, **row, "differences": []} == event


def test_lost_event_has_nothing_stored(collector):
    """Where MozDef stores nothing, that is null, and a difference of the whole event says why."""
    request(collector, "POST", "/events", b"{oops")
    event = ask(collector, "events/1")
    assert (event["sent"], event["stored"]) == ("{oops", None)
    assert event["differences"] == [
        {
            "kind": "rejected",
            "path": "",
            "sent": None,
            "stored": None,
            "stored_path": "",
            "reason": "The body is not one JSON value that MozDef can read: it answers 500.",
        }
    ]


def test_renamed(collector):
    """A field that is stored under another name has its value and both names."""
    entry = differences_of(collector, {**EVENT, "Message": "text"})["renamed", "Message"]
    assert (entry["sent"], entry["stored"], entry["stored_path"]) == ("text", "text", "summary")
    assert entry["reason"] == "MozDef stores it as summary."


def test_mangled(collector):
    """A value that is changed has both values, also where it is renamed as well."""
    found = differences_of(collector, {**EVENT, "level": 7})
    entry = found["mangled", "level"]
    assert (entry["sent"], entry["stored"], entry["stored_path"]) == (7, "7", "severity")


def test_dropped_field(collector):
    """A field that is lost has what was sent, and nothing stored."""
    entry = differences_of(collector, {**EVENT, "user": {"name": "kang"}})["dropped", "user"]
    assert (entry["sent"], entry["stored"], entry["stored_path"]) == ({"name": "kang"}, None, "")


def test_refused_field_inside_of_details(collector):
    """A value that the index refuses is found by its dotted path, as a text if it is no JSON."""
    body = LINE.replace(b'"kang"', b"NaN")
    entry = differences_of(collector, body)["refused", "details.username"]
    assert (entry["sent"], entry["stored"]) == ("nan", None)


def test_name_with_dots(collector):
    """A path is also found where a name has dots itself."""
    found = differences_of(collector, {**EVENT, "details": {"a.b": {"c.d": "2026/02/30"}}})
    assert found["refused", "details.a.b.c.d"]["sent"] == "2026/02/30"


def test_large_values_are_cut_in_differences(collector):
    """A large value stands whole in what was sent, and cut in the difference."""
    text = "x" * 100_000
    found = differences_of(collector, {**EVENT, "unknown": {"text": text}})
    assert len(found["dropped", "unknown"]["sent"]) == 10_000
    assert text in ask(collector, "events/1")["sent"]


def test_differences_are_limited(collector):
    """Of a hundred thousand differences a thousand are listed, and the others counted."""
    body = json.dumps({**EVENT, **dict.fromkeys(map(str, range(100_000)))})
    request(collector, "POST", "/events", body)
    *listed, last = ask(collector, "events/1")["differences"]
    assert (len(listed), last["path"]) == (1000, "")
    assert last["reason"] == "There are 99,000 differences more, which are not listed."


@pytest.mark.parametrize("levels", [30, 250, 300, 800])
def test_deep_json(collector, levels):
    """Deep nesting is answered as it was sent."""
    post(collector, b'{"details": {"x":' + b"[" * levels + b"]" * levels + b'}, "foo": [1]}')
    event = ask(collector, "events/1")
    assert event["stored"]["details"]["x"] == json.loads("[" * levels + "]" * levels)


@pytest.mark.parametrize("value", ["\\ud800", "\\u0000", "\u202e\u2066", "</script>", "\\u2028"])
def test_hostile_texts_are_data(collector, value):
    """Half a surrogate pair, control characters and markup are answered as what they are."""
    body = LINE.decode().replace("kang", value).encode()
    request(collector, "POST", "/events", body)
    event = ask(collector, "events/1")
    assert event["stored"]["details"]["username"] == json.loads(f'"{value}"')
    assert event["sent"] == body.decode()


@pytest.mark.parametrize("number", ["2", "0", "-1", "abc", "9" * 18, "9" * 40, "1.0", "\u0661"])
def test_event_that_is_not_there_is_answered_404(collector, number):
    """A number that no event has is answered 404, with a sentence."""
    request(collector, "POST", "/events", LINE)
    import urllib.parse

    answer = ask(collector, f"events/{urllib.parse.quote(number)}", status=404)
    assert answer["error"].startswith("There is no such event")


def test_download(collector):
    """The events that meet a filter are downloaded one a line, oldest first, as they are shown."""
    post(collector, *[{"severity": "ERROR" if n % 2 else "INFO"} for n in range(300)])
    status, body = request(collector, "GET", "/api/v1/events.ndjson?severity=ERROR")
    lines = body.splitlines()
    assert (status, len(lines)) == (200, 150)
    assert json.loads(lines[0]) == ask(collector, "events/2")
    assert [json.loads(line)["id"] for line in lines] == list(range(2, 301, 2))


def test_download_is_a_file(collector):
    """A browser saves the download, and is told its type."""
    import http.client

    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/api/v1/events.ndjson")
    response = connection.getresponse()
    assert response.read() == b""
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    assert response.headers["Content-Disposition"] == 'attachment; filename="events.ndjson"'
    connection.close()
