"""Which address the events go to, and in which form."""

import contextlib
import json
import socket

import pytest
from support.receivers import OK, Receiver, answer

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.http import HTTPTransport

EVENTS = [b'{"summary":"a"}', b'{"summary":"b"}', b'{"summary":"c"}']
NDJSON = b"".join(b'{"index": {}}\n' + event + b"\n" for event in EVENTS)
NDJSON_OF_ONE = b'{"index": {}}\n{"summary":"a"}\n'


def send(receiver, path="/events", batches=(EVENTS,), **options):
    with contextlib.closing(HTTPTransport(receiver.base + path, **options)) as transport:
        for batch in batches:
            transport.send(batch)
    return receiver.requests


def without_bulk(status=404):
    return lambda request: answer(status) if "/_bulk" in request.path else OK


def test_bulk_is_asked_for_once():
    """The sibling /_bulk is asked for with one empty POST, and then used."""
    with Receiver() as receiver:
        requests = send(receiver, batches=[EVENTS, EVENTS])
        assert [(request.path, request.body) for request in requests] == [
            ("/_bulk", b""),
            ("/_bulk", NDJSON),
            ("/_bulk", NDJSON),
        ]


def test_every_event_has_an_action_line():
    """Before each event stands an action line, also where it is alone: MozDef loses a lone line."""
    with Receiver() as receiver:
        requests = send(receiver, batches=[EVENTS[:1]])
        assert requests[-1].body == b'{"index": {}}\n{"summary":"a"}\n'


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 410, 415, 501])
def test_single_events_where_bulk_is_not(status):
    """Where /_bulk is not to be had, for whatever reason, each event is a request of its own."""
    with Receiver(without_bulk(status)) as receiver:
        requests = send(receiver)
        assert [(request.path, request.body) for request in requests[1:]] == [
            ("/events", event) for event in EVENTS
        ]


def test_page_instead_of_bulk():
    """A web page at /_bulk is no /_bulk that accepts events."""
    page = answer(200, b"<html>hello", Content_Type="text/html")
    with Receiver(lambda request: page if request.path == "/_bulk" else OK) as receiver:
        assert send(receiver)[-1].path == "/events"


def asked_of(no_such_path, batches=1):
    """What is asked of a server with this answer to a path that cannot exist, and 200 to others."""

    def respond(request):
        return no_such_path if request.path == "/_no_such_path" else OK

    with Receiver(respond, knows_paths=False) as receiver:
        return [(r.path, r.body) for r in send(receiver, batches=[EVENTS[:1]] * batches)]


@pytest.mark.parametrize("everything", [OK, answer(201, b"ok"), answer(204)])
def test_server_that_says_yes_to_everything(everything):
    """A server that accepts what cannot exist has not said that it has a /_bulk, and gets none."""
    assert asked_of(everything, batches=2) == [
        ("/_bulk", b""),
        ("/_no_such_path", b""),
        ("/events", EVENTS[0]),
        ("/events", EVENTS[0]),
    ]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 410, 500])
def test_server_that_knows_its_paths(status):
    """A server that has another answer for what cannot exist has a /_bulk: it gets the batches."""
    assert asked_of(answer(status), batches=2) == [
        ("/_bulk", b""),
        ("/_no_such_path", b""),
        ("/_bulk", NDJSON_OF_ONE),
        ("/_bulk", NDJSON_OF_ONE),
    ]


def test_page_for_what_cannot_exist():
    """A web page that says so with 200 is another answer."""
    page = answer(200, b"<html>no such page", Content_Type="text/html")
    assert asked_of(page)[-1] == ("/_bulk", NDJSON_OF_ONE)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_outage_between_the_questions(status):
    """An outage is no answer: both questions are asked again."""
    answers = iter([OK, answer(status)])
    with (
        Receiver(lambda request: next(answers, OK), knows_paths=False) as receiver,
        contextlib.closing(HTTPTransport(receiver.url)) as transport,
    ):
        with pytest.raises(TransportError):
            transport.send(EVENTS[:1])
        transport.send(EVENTS[:1])
        asked = ["/_bulk", "/_no_such_path"]
        assert [request.path for request in receiver.requests] == [*asked, *asked, "/events"]


@pytest.mark.parametrize("path", ["/a/events?x=1", "/a/events/?x=1", "/a/nxlog?x=1"])
def test_path_that_cannot_exist_is_a_sibling(path):
    """It is asked for where /_bulk is, with the same query: a prefix may belong to another one."""
    with Receiver(knows_paths=False) as receiver:
        assert send(receiver, path)[1].path == "/a/_no_such_path?x=1"


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_outage_proves_nothing_about_bulk(status):
    """A server that fails has not said that there is no /_bulk: nothing is sent yet."""
    with Receiver(lambda request: answer(status)) as receiver:
        with pytest.raises(TransportError):
            send(receiver)
        assert [request.path for request in receiver.requests] == ["/_bulk"]


def test_missing_bulk_is_asked_for_once():
    """That there is no /_bulk is remembered."""
    with Receiver(without_bulk()) as receiver:
        paths = [request.path for request in send(receiver, batches=[EVENTS[:1]] * 3)]
        assert paths == ["/_bulk", "/events", "/events", "/events"]


@pytest.mark.parametrize("events", [EVENTS[:1], EVENTS])
def test_bulk_is_asked_for_again_after_an_outage(events):
    """After a failure, wherever in a batch, the server may be another version: it is asked."""
    answers = iter([answer(404), *[OK] * (len(events) - 1), answer(500)])
    with (
        Receiver(lambda request: next(answers, OK)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url)) as transport,
    ):
        with contextlib.suppress(TransportError):
            transport.send(events)
        transport.send(events)
        assert [request.path for request in receiver.requests[-2:]] == ["/_bulk", "/_bulk"]


def test_bulk_that_went_away_is_asked_for_again():
    """A /_bulk that answers 404 later is not insisted on."""
    answers = iter([OK, OK, answer(404), answer(404)])
    with (
        Receiver(lambda request: next(answers, OK)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url)) as transport,
    ):
        transport.send(EVENTS)
        with pytest.raises(TransportError):
            transport.send(EVENTS)
        transport.send(EVENTS[:1])
        assert receiver.requests[-1].path == "/events"


def test_blamed_batch_is_no_outage():
    """A /_bulk that blames a batch is there: it is not asked for once more."""
    answers = iter([OK, answer(400)])
    with (
        Receiver(lambda request: next(answers, OK)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url)) as transport,
    ):
        with pytest.raises(TransportError):
            transport.send(EVENTS)
        transport.send(EVENTS)
        assert len(receiver.requests) == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/events", "/_bulk"),
        ("/events/", "/_bulk"),
        ("/nxlog", "/_bulk"),
        ("/prefix/events", "/prefix/_bulk"),
        ("/a/b/events?x=1&y=%20", "/a/b/_bulk?x=1&y=%20"),
        ("/events/events", "/events/_bulk"),
        ("/_bulk", "/_bulk"),
        ("/_bulk/", "/_bulk/"),
        ("/index/_bulk", "/index/_bulk"),
        ("/index/_bulk?pipeline=p", "/index/_bulk?pipeline=p"),
        ("/custom/x", "/custom/x"),
        ("/custom/x?y=z", "/custom/x?y=z"),
        ("/events/x", "/events/x"),
        ("/my-events", "/my-events"),
        ("/", "/"),
        ("/caf%C3%A9/events", "/caf%C3%A9/_bulk"),
    ],
)
def test_paths(path, expected):
    """Prefixes and queries are kept; only /events and /nxlog have a sibling for batches."""
    with Receiver() as receiver:
        assert send(receiver, path)[-1].path == expected


@pytest.mark.parametrize("host", ["events", "nxlog.example.com"])
def test_host_that_is_called_like_the_path(host):
    """A host called "events" stays the host."""
    with Receiver() as receiver:
        path = "/events" if host == "events" else "/nxlog"
        proxies = {"http": receiver.base}
        with contextlib.closing(
            HTTPTransport(f"http://{host}{path}", proxies=proxies)
        ) as transport:
            transport.send(EVENTS)
        assert receiver.requests[-1].path == f"http://{host}/_bulk"


@pytest.mark.parametrize("path", ["/_bulk", "/index/_bulk", "/custom/x"])
def test_known_addresses_need_no_asking(path):
    """A URL that says by itself what it accepts is not asked."""
    with Receiver() as receiver:
        assert all(request.body for request in send(receiver, path))


def test_one_event_a_request_by_choice():
    """`bulk=False` never touches /_bulk."""
    with Receiver() as receiver:
        assert {request.path for request in send(receiver, bulk=False)} == {"/events"}


def test_bulk_taken_for_granted():
    """`bulk=True` uses /_bulk without asking."""
    with Receiver() as receiver:
        assert [(r.path, r.body) for r in send(receiver, bulk=True)] == [("/_bulk", NDJSON)]


@pytest.mark.parametrize("count", [1, 3])
def test_array(count):
    """`bulk_format="array"` sends a JSON array, also of one."""
    with Receiver() as receiver:
        body = send(receiver, batches=[EVENTS[:count]], bulk_format="array")[-1].body
        assert json.loads(body) == [json.loads(event) for event in EVENTS[:count]]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"bulk": True}, "application/x-ndjson"),
        ({"bulk": True, "bulk_format": "array"}, "application/json"),
        ({"bulk": False}, "application/json"),
    ],
)
def test_content_type(options, kind):
    """The content type is the one of the body: Elasticsearch looks at it."""
    with Receiver() as receiver:
        assert send(receiver, **options)[-1].headers["content-type"] == kind


@pytest.mark.parametrize("options", [{"bulk": False}, {"bulk": True}, {}])
def test_one_connection(options):
    """All requests go over one connection that is kept."""
    with Receiver() as receiver:
        send(receiver, batches=[EVENTS] * 5, **options)
        assert receiver.connections == 1


def test_ipv6():
    """The host may be an IPv6 address."""
    try:
        receiver = Receiver(family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with receiver:
        url = f"http://[::1]:{receiver.port}/events"
        with contextlib.closing(HTTPTransport(url)) as transport:
            transport.send(EVENTS)
        assert receiver.requests[-1].headers["host"] == f"[::1]:{receiver.port}"


def test_partial_success_of_single_events():
    """Where single events are sent, those before a failure are delivered, those behind are not."""
    answers = iter([OK, OK, answer(503)])
    with (
        Receiver(lambda request: next(answers)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url, bulk=False)) as transport,
    ):
        result = transport.send([*EVENTS, b"{}"])
        assert (list(result.retry), str(result.error)) == ([2, 3], "HTTP 503")


def test_refused_single_event():
    """Where single events are sent, one that is blamed does not stop those behind it."""
    answers = iter([OK, answer(400), OK])
    with (
        Receiver(lambda request: next(answers)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url, bulk=False)) as transport,
    ):
        result = transport.send(EVENTS)
        assert (dict(result.rejected), list(result.retry)) == ({1: "HTTP 400"}, [])
