"""Events to an index or a data stream of Elasticsearch and OpenSearch.

The server is a fake with documented answers: see `elastic`.
"""

import base64
import contextlib
import hashlib
import json

import pytest
from support.elasticsearch import ERRORS, Elastic, error_answer
from support.errors import error_of, kind_of
from support.receivers import Receiver, answer, unused_port
from support.transport_contract import TransportContract

import structlog_mozdef as mozdef
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.http import HTTPTransport

STREAM = "0123456789abcdef"


def event(number, **fields):
    details = {"stream_id": STREAM, "sequence": number}
    fields = {"summary": f"event {number}", "timestamp": "2014-03-18T23:20:31+00:00", **fields}
    return json.dumps({"details": details, **fields}).encode()


EVENTS = [event(number) for number in range(3)]


def id_of(raw, number):
    return f"{STREAM}-{number}-{hashlib.sha256(raw).hexdigest()[:16]}"


def send(server, events=EVENTS, **options):
    url = options.pop("url", server.url)
    with contextlib.closing(HTTPTransport(url, **options)) as transport:
        return transport.send(events)


class ElasticContract(TransportContract):
    """Events to ``/i/_bulk`` with options."""

    options: dict = {}  # noqa: RUF012 - read only

    @contextlib.contextmanager
    def transport_to(self, url):
        with contextlib.closing(HTTPTransport(url, **self.options)) as transport:
            yield transport

    @contextlib.contextmanager
    def working(self):
        with Elastic() as server, self.transport_to(server.url) as transport:
            yield transport, lambda: server.documents

    @contextlib.contextmanager
    def broken(self):
        with Elastic() as server, self.transport_to(server.url) as transport:
            server.fault_of_all = "no master"
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with self.transport_to(f"http://127.0.0.1:{unused_port()}/i/_bulk") as transport:
            yield transport


class TestIndex(ElasticContract):
    """An index of Elasticsearch 8 or 9, or of OpenSearch 2 or 3."""


class TestIndexWithIds(ElasticContract):
    """An index, with ids."""

    options = {"document_ids": True}  # noqa: RUF012


class TestCreate(ElasticContract):
    """An index, with ``create``: events without a timestamp stay as they are."""

    options = {"bulk_action": "create", "document_ids": True}  # noqa: RUF012


def test_answer_with_types():
    """Elasticsearch 7 and OpenSearch 1 say ``_type`` as well."""
    with Elastic(typed=True) as server:
        assert send(server) == ALL_ACCEPTED
        assert len(server.stored) == 3


# Action lines.


@pytest.mark.parametrize("action", ["index", "create"])
def test_action(action):
    """Each event has the action line that was asked for."""
    with Elastic() as server:
        send(server, bulk_action=action)
        assert server.actions == [{action: {}}] * 3


def test_default_is_mozdefs():
    """The default is what MozDef knows, to the byte."""
    with Elastic() as server:
        send(server)
        assert server.requests[0].body == b"".join(
            b'{"index": {}}\n' + each + b"\n" for each in EVENTS
        )


def test_query_is_kept():
    """Parameters of the URL, an ingest pipeline for one, are sent."""
    with Elastic() as server:
        send(server, url=server.url + "?pipeline=p&filter_path=errors,items.*.status")
        assert server.requests[0].path == "/i/_bulk?pipeline=p&filter_path=errors,items.*.status"


# Data streams.


def test_data_stream():
    """A data stream accepts events with ``create``, and stores them with ``@timestamp``."""
    with Elastic(data_stream=True) as server:
        assert send(server, bulk_action="create") == ALL_ACCEPTED
        assert [json.loads(each)["@timestamp"] for each in server.documents] == [
            "2014-03-18T23:20:31+00:00"
        ] * 3


def test_event_is_not_changed_behind_the_timestamp():
    """What the renderer wrote follows as it is."""
    with Elastic(data_stream=True) as server:
        send(server, bulk_action="create")
        assert [b"{" + each.split(b",", 1)[1] for each in server.documents] == EVENTS


def test_timestamp():
    """The copy is of the field at top level; one's own ``@timestamp`` stays."""
    expected = {
        b'  {"timestamp":5}': 5,
        b'{"timestamp":"\xc3\xa4"}': "\u00e4",
        b'{"details":{"timestamp":"no"},"timestamp":"yes"}': "yes",
        b'{"@timestamp":"own","timestamp":"other"}': "own",
        b'{"timestamp":null}': None,
    }
    with Elastic() as server:
        send(server, list(expected), bulk_action="create")
        assert [each.count(b"@timestamp") for each in server.documents] == [1] * 5
        stored = [json.loads(each)["@timestamp"] for each in server.documents]
        assert stored == list(expected.values())


def test_no_timestamp():
    """Without a timestamp there is none to copy, and the server judges."""
    events = [b"{}", b'{"summary":"x"}', b"[1]", b"no JSON", b'"x"']
    with Elastic() as server:
        server.fault = lambda document: "timestamp"
        result = send(server, events, bulk_action="create")
        assert (server.documents, set(result.rejected.values())) == (
            events,
            {"HTTP 400 mapper_parsing_exception"},
        )


def test_index_into_a_data_stream():
    """Without ``create`` nothing is thrown away, and the error says what to set."""
    with Elastic(data_stream=True) as server:
        result = send(server)
    assert (dict(result.rejected), list(result.retry), result.error.retryable) == (
        {},
        [0, 1, 2],
        False,
    )
    assert 'which needs the option bulk_action="create"' in str(result.error)


# Ids.


@pytest.mark.parametrize("action", ["index", "create"])
def test_ids(action):
    """Stream, sequence and a digest of the event are the id."""
    with Elastic() as server:
        send(server, bulk_action=action, document_ids=True)
        assert list(server.stored) == [id_of(raw, number) for number, raw in enumerate(EVENTS)]


@pytest.mark.parametrize("action", ["index", "create"])
def test_repeats_are_stored_once(action):
    """An event that is sent again is accepted, and stored once."""
    with Elastic(data_stream=action == "create") as server:
        options = {"bulk_action": action, "document_ids": True}
        for _ in range(2):
            assert send(server, **options) == ALL_ACCEPTED
        assert server.summaries() == ["event 0", "event 1", "event 2"]


def test_repeats_without_ids():
    """Without ids a repeat is stored twice."""
    with Elastic() as server:
        for _ in range(2):
            send(server)
        assert len(server.stored) == 6


@pytest.mark.parametrize("action", ["index", "create"])
def test_same_sequence_is_no_repeat(action):
    """Another event under the same stream and sequence, fields of the program, is stored."""
    with Elastic() as server:
        events = [event(1), event(1, category="other")]
        send(server, events, bulk_action=action, document_ids=True)
        assert len(server.stored) == 2


def test_event_without_a_stream_has_no_id():
    """Two events that are the same to the byte, and have no sequence, are two."""
    with Elastic() as server:
        send(server, [b'{"summary":"x"}'] * 2, document_ids=True)
        assert (server.actions, len(server.stored)) == ([{"index": {}}] * 2, 2)


def test_outage_leaves_each_event_once():
    """With ids, every event is stored once in spite of probes and repeats after an outage."""
    failures = [answer(500), answer(503), answer(500)]
    with Elastic(data_stream=True) as server:
        respond = server.respond

        def moody(request):
            stored = respond(request)  # "perhaps delivered"
            return failures.pop() if failures else stored

        server.respond = moody
        sink = mozdef.Sink(
            server.url,
            bulk_action="create",
            document_ids=True,
            recovery_pause=0.01,
            retry=mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.02),
        )
        with sink:
            for number in range(20):
                sink.put(event(number))
            assert sink.flush(20)
        assert server.summaries() == [f"event {number}" for number in range(20)]


# Errors of single events.


@pytest.mark.parametrize("name", ["mapping", "document", "strict", "fields", "timestamp"])
def test_event_that_the_index_cannot_take(name):
    """What is wrong with the event makes a dead letter, with the type of the error."""
    with Elastic() as server:
        server.fault = lambda document: name if b"event 1" in document else None
        result = send(server)
        assert (dict(result.rejected), list(result.retry), server.summaries()) == (
            {1: f"HTTP 400 {ERRORS[name][1]}"},
            [],
            ["event 0", "event 2"],
        )


@pytest.mark.parametrize(
    ("name", "retryable", "ambiguous"),
    [
        ("rejected", True, False),
        ("rejected 2", True, False),
        ("memory", True, False),
        ("flood 429", True, False),
        ("unavailable", True, False),
        ("no master", True, False),
        ("flood", False, False),
        ("read-only", False, False),
        ("no index", False, False),
        ("rights", False, False),
        ("data stream", False, False),
        ("pipeline", False, False),
        ("alias", False, False),
        ("shards", False, False),
        ("shards 8", False, False),
        ("closed", False, False),
        ("name", False, False),
    ],
)
def test_event_that_is_kept(name, retryable, ambiguous):
    """What is not the event's fault is waited out, or asks for a person: no dead letter."""
    with Elastic() as server:
        server.fault = lambda document: name if b"event 1" in document else None
        result = send(server)
        assert (dict(result.rejected), list(result.retry), kind_of(result.error)) == (
            {},
            [1],
            (TransportError, retryable, ambiguous),
        )


def test_error_names_its_type():
    """Why events must be sent again is said with the type of the error."""
    with Elastic() as server:
        server.fault = lambda document: "flood"
        assert str(send(server).error) == (
            "the server asked for 3 events again: HTTP 403 cluster_block_exception"
        )


def test_event_that_quotes_an_error():
    """An event whose value reads like an error of settings is a dead letter all the same."""
    text = "only write ops with an op_type of create are allowed in data streams"
    item = {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": text}}
    other = {"status": 400, "error": {"type": "illegal_argument_exception", "reason": f"x {text}"}}
    body = {"took": 1, "errors": True, "items": [{"index": item}, {"index": other}]}
    with Receiver(lambda request: answer(200, json.dumps(body).encode())) as server:
        result = send(server, EVENTS[:2], url=server.base + "/_bulk")
    assert (list(result.rejected), list(result.retry)) == ([0, 1], [])


def test_errors_quote_no_event():
    """No value of an event gets into a reason or an error."""
    names = sorted(set(ERRORS) - {"conflict"})
    with Elastic() as server:
        server.fault = lambda document: names[json.loads(document)["details"]["sequence"]]
        result = send(server, [event(number) for number in range(len(names))])
    assert len(result.rejected) + len(result.retry) == len(names)
    assert "s3cret" not in f"{result.rejected} {result.error}"


def test_disk_that_was_full():
    """Events wait for the index to be writable again; none is lost, none twice."""
    with Elastic() as server:
        server.fault = lambda document: "flood" if len(server.documents) < 30 else None
        retry = mozdef.RetryPolicy(wait_initial=0.01, wait_max=0.02)
        with mozdef.Sink(server.url, retry=retry) as sink:
            for number in range(10):
                sink.put(event(number))
            assert sink.flush(20)
        assert (sorted(server.summaries()), len(sink.dead_letters())) == (
            [f"event {number}" for number in range(10)],
            0,
        )


# Answers that a filter_path made smaller.


def filtered(body):
    return Receiver(lambda request: answer(200, json.dumps(body).encode()))


ERROR = {"type": "mapper_parsing_exception", "reason": "r"}


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        ({"errors": False}, []),
        ({"errors": False, "items": [{"index": {"status": 201}}] * 3}, []),
        ({"items": [{"index": {"status": 201}}] * 3}, []),
        ({"items": [{"index": {"status": 400, "error": ERROR}}] * 3}, [0, 1, 2]),
        ({"errors": True, "items": [{"index": {"status": 400}}] * 3}, [0, 1, 2]),
    ],
)
def test_filtered_answer(body, rejected):
    """An answer with status and error is understood, whatever else filter_path removes."""
    with filtered(body) as server:
        assert list(send(server, url=server.base + "/_bulk").rejected) == rejected


@pytest.mark.parametrize(
    "body",
    [
        {"errors": True},
        {"errors": True, "items": [{"index": {"error": ERROR}}]},
        {"errors": True, "items": [{"index": {"error": ERROR}}] * 3},
        {"items": [{"index": {"error": ERROR}}] * 3},
    ],
)
def test_filter_that_hides_too_much(body):
    """An answer with errors that does not say of which events is never success."""
    with filtered(body) as server:
        error = error_of(send, server, url=server.base + "/_bulk")
    assert (kind_of(error), "filter_path" in str(error)) == ((TransportError, True, True), True)


# Errors of requests.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rejected", (TransportError, True, False)),
        ("memory", (TransportError, True, False)),
        ("no master", (TransportError, True, True)),
        ("credentials", (TransportError, False, False)),
        ("rights", (TransportError, False, False)),
        ("flood", (TransportError, False, False)),
        ("parameter", (TransportError, False, False)),
        ("name", (TransportError, False, False)),
        ("mapping", (Rejected, True, False)),
    ],
)
def test_errors_of_requests(name, expected):
    """A request that failed is sent once more, needs a setting, or is halved."""
    with Elastic() as server:
        server.fault_of_all = name
        assert kind_of(error_of(send, server)) == expected


def test_array_is_mozdefs_alone():
    """An array, which only MozDef accepts, makes no dead letters elsewhere."""
    with Elastic() as server:
        error = error_of(send, server, bulk_format="array")
        assert (kind_of(error), str(error)) == (
            (TransportError, False, False),
            (
                "HTTP 400 illegal_argument_exception: the server is not MozDef, and needs the"
                ' option bulk_format="ndjson"'
            ),
        )


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"error":5}', b'{"error":{"type":5}}', b"[]"])
def test_other_bodies_of_400(body):
    """Any other 400 blames the payload."""
    with Receiver(lambda request: answer(400, body)) as server:
        error = error_of(send, server, url=server.base + "/_bulk")
    assert (type(error), str(error)) == (Rejected, "HTTP 400")


def test_action_line_is_blamed():
    """The answer to a malformed first line is one of settings in every wording."""
    with Receiver(lambda request: error_answer("action")) as server:
        error = error_of(send, server, url=server.base + "/_bulk")
    assert kind_of(error) == (TransportError, False, False)


# API keys.


@pytest.mark.parametrize(
    "api_key",
    [("id", "k\u00e9y"), ["id", "k\u00e9y"], base64.b64encode("id:k\u00e9y".encode()).decode()],
)
def test_api_key(api_key):
    """An API key is sent, as a pair or in its encoded form."""
    with Elastic(api_key=("id", "k\u00e9y")) as server:
        assert send(server, api_key=api_key) == ALL_ACCEPTED


def test_wrong_api_key():
    """A key that is not known is a matter of settings."""
    with Elastic(api_key=("id", "key")) as server:
        assert error_of(send, server, api_key=("id", "other")).retryable is False


@pytest.mark.parametrize(
    ("url", "options"),
    [("http://user:s3cret@h/_bulk", {}), ("http://h/_bulk", {"auth": ("user", "s3cret")})],
)
def test_api_key_and_password(url, options):
    """A key and a password together are an error."""
    with pytest.raises(ValueError, match="api_key is given as well as user and password") as caught:
        HTTPTransport(url, api_key=("id", "s3cret"), **options)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("api_key", ["s3cret:key", "s3cret key", ("s3cret",), ("s3cret", "")])
def test_malformed_api_key_is_not_shown(api_key):
    """A value that is no key is an error, which does not show it."""
    with pytest.raises(ValueError, match="that is no API key") as caught:
        HTTPTransport("http://h/_bulk", api_key=api_key)
    assert "s3cret" not in str(caught.value)


# Settings that cannot work.


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("http://h/events", {"bulk_action": "create"}, "bulk_action is 'create', which MozDef"),
        ("http://h/events", {"document_ids": True}, "document_ids is True, which MozDef"),
        (
            "http://h/_bulk",
            {"bulk_action": "create", "bulk_format": "array"},
            "bulk_action is 'create'; with it, bulk_format must be 'ndjson'",
        ),
        (
            "http://h/_bulk",
            {"document_ids": True, "bulk_format": "array"},
            "document_ids is True; with it, bulk_format must be 'ndjson'",
        ),
    ],
)
def test_settings_that_cannot_work(url, options, message):
    """Options that MozDef does not know are errors for its URLs."""
    with pytest.raises(ValueError) as caught:
        HTTPTransport(url, **options)
    assert str(caught.value).startswith(message)
