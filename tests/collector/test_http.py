"""MozDef's answers over HTTP to single events, and what it stores."""

import gzip
import json

import pytest
from support.collecting import LINE, lost, request


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("path", ["/events", "/events/", "/nxlog", "/nxlog/", "/cef", "/cef/"])
def test_one_event_is_stored(collector, method, path):
    """One object is answered with an empty 200, and stored without its endpoint."""
    assert request(collector, method, path, LINE) == (200, b"")
    assert ["endpoint" in document for document in collector.documents()] == [False]
    assert collector.differences() == []


def test_custom_document_is_stored_as_it_is(collector):
    """A document of /custom/NAME keeps its keys and gains NAME as its endpoint."""
    assert request(collector, "POST", "/custom/vulnerabilities", b'{"Asset": 1}') == (200, b"")
    (document,) = collector.documents()
    assert (document["Asset"], document["endpoint"]) == (1, "vulnerabilities")


def test_status(collector):
    """The status names the service, and nothing is stored."""
    status, body = request(collector, "GET", "/status")
    assert (status, json.loads(body)) == (200, {"status": "ok", "service": "loginput"})
    assert collector.received == 0


@pytest.mark.parametrize("path", ["/test", "/test/"])
def test_test(collector, path):
    """The test answers 200 with an empty body, and nothing is stored."""
    assert request(collector, "GET", path) == (200, b"")
    assert collector.received == 0


@pytest.mark.parametrize(("body", "status"), [(None, 500), (LINE, 200)])
def test_underscore_status(collector, body, status):
    """MozDef reads an event from a GET of /_status, and answers 500 where there is none."""
    assert request(collector, "GET", "/_status", body) == (status, b"")
    assert collector.stored == (body is not None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/events", 405),
        ("GET", "/_bulk", 405),
        ("PUT", "/_bulk", 405),
        ("POST", "/nothing", 404),
        ("POST", "/_status", 405),
        ("POST", "/test", 405),
        ("POST", "/custom/a/b", 404),
        ("POST", "/custom/a/", 404),
    ],
)
def test_wrong_method_or_path(collector, method, path, status):
    """Other methods and paths are rejected, never redirected, and nothing is stored."""
    assert request(collector, method, path, LINE)[0] == status
    assert collector.stored == 0


@pytest.mark.parametrize("path", ["/events", "/custom/name"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + LINE + b"]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="bad JSON"),
        pytest.param(b'{"a": 1,}', id="trailing comma"),
        pytest.param(b'{"summary": "\xe9"}', id="Latin-1"),
        pytest.param(gzip.compress(LINE), id="gzip"),
        pytest.param(LINE + LINE, id="two objects"),
        pytest.param(LINE + b"\n" + LINE, id="two lines"),
        pytest.param(b'{"x":' + b"[" * 989 + b"]" * 989 + b"}", id="990 levels"),
        pytest.param(b"[" * 200_000, id="200,000 levels"),
    ],
)
def test_bad_body_is_answered_500(collector, path, body):
    """A body that is not one object gets an empty 500, and the reason is kept."""
    assert request(collector, "POST", path, body) == (500, b"")
    assert collector.stored == 0
    assert [entry.kind for entry in collector.differences()] == ["rejected"]


def test_gzip_is_named(collector):
    """The reason for a compressed body says that MozDef does not unpack it."""
    request(collector, "POST", "/events", gzip.compress(LINE), {"Content-Encoding": "gzip"})
    assert "gzip" in lost(collector)[0]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-ndjson", None])
def test_content_type_does_not_matter(collector, content_type):
    """An event is stored whatever its content type."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert request(collector, "POST", "/events", LINE, headers) == (200, b"")
    assert collector.stored == 1


@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b"1e999", b'"2026/02/30"'])
def test_what_only_elasticsearch_refuses_is_answered_200(collector, value):
    """What MozDef accepts and its index does not is answered 200 and lost later."""
    body = LINE.replace(b'"kang"', value)
    assert request(collector, "POST", "/events", body) == (200, b"")
    assert collector.stored == 0
    assert [(entry.kind, entry.field) for entry in collector.differences()] == [
        ("refused", "details.username")
    ]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (b'"\\ud800"', "\ud800"),
        (b'"\xed\xa0\x80"', "\ud800"),
        (b"9" * 4300, 10**4300 - 1),
        (b"-" + b"9" * 20, 1 - 10**20),
    ],
)
def test_what_elasticsearch_accepts_is_stored_as_it_is(collector, value, stored):
    """Lone surrogates and integers beyond 64 bits are stored by Elasticsearch 7.17."""
    body = LINE.replace(b'"kang"', value)
    assert request(collector, "POST", "/events", body) == (200, b"")
    assert collector.documents()[0]["details"]["username"] == stored


def test_nanosecond_integers_stay_exact(collector):
    """An integer of 19 digits within 64 bits is stored to the last digit."""
    body = LINE.replace(b'"kang"', b"[9223372036854775807, -9223372036854775808]")
    request(collector, "POST", "/events", body)
    assert collector.documents()[0]["details"]["username"] == [2**63 - 1, -(2**63)]


def test_byte_order_mark_is_accepted(collector):
    """A byte order mark before the JSON does no harm."""
    assert request(collector, "POST", "/events", b"\xef\xbb\xbf" + LINE) == (200, b"")
    assert collector.stored == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-8-sig"])
def test_every_form_of_unicode_is_stored(collector, encoding):
    """A body of UTF-16 or UTF-32 is stored, with or without its mark, and kept as readable text."""
    text = LINE.decode().replace("kang", "k\N{LATIN SMALL LETTER A WITH RING ABOVE}ng")
    assert request(collector, "POST", "/events", text.encode(encoding)) == (200, b"")
    (row,) = collector.rows()
    assert row.raw == text
    assert row.document["details"]["username"] == "k\xe5ng"


def test_970_levels_are_stored(collector):
    """Nesting of 970 levels is stored."""
    body = b'{"details": {"x":' + b"[" * 968 + b"]" * 968 + b"}}"
    assert request(collector, "POST", "/events", body) == (200, b"")
    assert collector.stored == len(collector.documents()) == 1


def test_dropped_event_is_answered_200_with_its_reason_kept(collector):
    """An event that the worker drops is answered 200, and kept as it was sent, with the reason."""
    body = b'{"timestamp":  ""}'
    assert request(collector, "POST", "/events", body) == (200, b"")
    (row,) = collector.rows()
    assert (row.path, row.raw, row.document) == ("/events", '{"timestamp":  ""}', None)
    assert (row.differences[0].kind, row.differences[0].field) == ("dropped", "timestamp")
