"""MozDef's answers over HTTP, and what it stores."""

import gzip
import http.client
import json
import socket

import pytest

from structlog_mozdef.collector import running_collector

EVENT = {
    "category": "authentication",
    "details": {"username": "kang"},
    "hostname": "host.example.com",
    "processid": 1,
    "processname": "test",
    "severity": "INFO",
    "source": "ldap",
    "summary": "first",
    "tags": ["auth"],
    "timestamp": "2014-03-18T23:20:31.013344+00:00",
}
LINE = json.dumps(EVENT).encode()
ACTION = b'{"index": {}}'


def event(summary):
    return {**EVENT, "summary": summary}


def line(summary):
    return json.dumps(event(summary)).encode()


@pytest.fixture
def collector():
    with running_collector() as running:
        yield running


def request(collector, method, path, body=None, headers=None):
    """Send one request on a connection of its own; return the status and the body."""
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def talk(collector, data):
    """Send raw bytes; return all that comes back until the server closes or is silent for 0.5 s."""
    host, _, port = collector.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.settimeout(0.5)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer


def summaries(collector):
    return [document["summary"] for document in collector.documents()]


def lost(collector):
    """Return why events or fields were lost, with an error answer or without."""
    kinds = ("dropped", "refused", "rejected")
    return [entry.reason for entry in collector.differences() if entry.kind in kinds]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("path", ["/events", "/events/", "/nxlog", "/nxlog/"])
def test_one_event_is_stored(collector, method, path):
    """One object is answered with an empty 200, stored, and gains its endpoint."""
    assert request(collector, method, path, LINE) == (200, b"")
    assert [document["endpoint"] for document in collector.documents()] == ["events"]
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


def test_home_counts(collector):
    """The root says how many events arrived and how many MozDef would have stored."""
    request(collector, "POST", "/_bulk", LINE)
    request(collector, "POST", "/events", LINE)
    assert json.loads(request(collector, "GET", "/")[1]) == {"received": 2, "stored": 1}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/events", 405),
        ("GET", "/_bulk", 405),
        ("PUT", "/_bulk", 405),
        ("POST", "/nothing", 404),
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
        pytest.param(LINE.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(gzip.compress(LINE), id="gzip"),
        pytest.param(LINE + LINE, id="two objects"),
        pytest.param(LINE + b"\n" + LINE, id="two lines"),
        pytest.param(b'{"x":' + b"[" * 990 + b"]" * 990 + b"}", id="990 levels"),
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


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b'"\xed\xa0\x80"', b"9" * 20, b"9" * 9999],
)
def test_what_only_elasticsearch_refuses_is_answered_200(collector, value):
    """NaN, lone surrogates and huge integers are answered 200 and lost later."""
    body = LINE.replace(b'"kang"', value)
    assert request(collector, "POST", "/events", body) == (200, b"")
    assert collector.stored == 0
    assert [(entry.kind, entry.field) for entry in collector.differences()] == [
        ("refused", "details.username")
    ]


def test_nanosecond_integers_stay_exact(collector):
    """An integer of 19 digits within 64 bits is stored to the last digit."""
    body = LINE.replace(b'"kang"', b"[9223372036854775807, -9223372036854775808]")
    request(collector, "POST", "/events", body)
    assert collector.documents()[0]["details"]["username"] == [2**63 - 1, -(2**63)]


def test_byte_order_mark_is_accepted(collector):
    """A byte order mark before the JSON does no harm."""
    assert request(collector, "POST", "/events", b"\xef\xbb\xbf" + LINE) == (200, b"")
    assert collector.stored == 1


def test_950_levels_are_stored(collector):
    """Nesting of 950 levels is stored."""
    body = b'{"details": {"x":' + b"[" * 948 + b"]" * 948 + b"}}"
    assert request(collector, "POST", "/events", body) == (200, b"")
    assert collector.stored == len(collector.documents()) == 1


def test_dropped_event_is_answered_200_with_its_reason_kept(collector):
    """An event that the worker drops is answered 200, and kept as it was sent, with the reason."""
    body = b'{"timestamp":  ""}'
    assert request(collector, "POST", "/events", body) == (200, b"")
    (row,) = collector.rows()
    assert (row.path, row.raw, row.document) == ("/events", '{"timestamp":  ""}', None)
    assert (row.differences[0].kind, row.differences[0].field) == ("dropped", "timestamp")


@pytest.mark.parametrize("path", ["/_bulk", "/_bulk/"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(line("a") + b"\n" + line("b"), id="lines"),
        pytest.param(line("a") + b"\n" + line("b") + b"\n", id="trailing newline"),
        pytest.param(line("a") + b"\r\n" + line("b") + b"\r\n", id="CRLF"),
        pytest.param(b"\n".join([ACTION, line("a"), ACTION, line("b")]) + b"\n", id="action lines"),
        pytest.param(b"[" + line("a") + b"," + line("b") + b"]", id="array"),
        pytest.param(b"[ \n" + line("a") + b",\n" + line("b") + b"\n]", id="array of lines"),
    ],
)
def test_bulk_is_stored(collector, path, body):
    """Lines with and without action lines, and arrays, are stored in their order."""
    assert request(collector, "POST", path, body) == (200, b"")
    assert summaries(collector) == ["a", "b"]
    assert collector.differences() == []
    assert all("endpoint" not in document for document in collector.documents())


@pytest.mark.parametrize(
    "body", [ACTION + b"\n" + LINE, ACTION + b"\n" + LINE + b"\n", b"[" + LINE + b"]"]
)
def test_bulk_of_one_event_is_stored(collector, body):
    """One event is stored with an action line before it, or in an array."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert collector.stored == 1


@pytest.mark.parametrize("body", [LINE, LINE + b"\n", json.dumps(EVENT, indent=1).encode()])
def test_single_line_on_bulk_is_lost(collector, body):
    """A single line or a bare object on /_bulk is answered 200 and lost."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert (collector.received, collector.stored) == (1, 0)
    assert "single line" in lost(collector)[0]


@pytest.mark.parametrize("body", [b"", b"\n", b"[]", ACTION, ACTION + b"\n"])
def test_empty_bulk_is_answered_200(collector, body):
    """A bulk without an event is answered 200, and nothing is received."""
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert (collector.received, collector.differences()) == (0, [])


def test_create_action_becomes_a_junk_event(collector):
    """An action line other than index is stored as an event of its own, and reported."""
    body = b'{"create": {}}\n' + line("a") + b"\n"
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert summaries(collector) == ["UNKNOWN", "a"]
    assert any("junk" in entry.reason for entry in collector.differences())


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="bad"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"7", id="number"),
        pytest.param(b"null", id="null"),
    ],
)
def test_bad_line_stops_the_bulk(collector, bad):
    """An empty or bad line is answered 500; the earlier lines are stored, the later are not."""
    body = b"\n".join([ACTION, line("a"), bad, ACTION, line("b")])
    assert request(collector, "POST", "/_bulk", body) == (500, b"")
    assert summaries(collector) == ["a"]
    assert len(lost(collector)) == 1


def test_bad_line_is_named_and_kept(collector):
    """The reason names the number of the bad line, whose source is kept."""
    request(collector, "POST", "/_bulk", b"\n".join([ACTION, line("a"), b"{oops", LINE]))
    row = collector.rows()[-1]
    assert (row.raw, row.differences[0].reason[:6]) == ("{oops", "Line 3")


@pytest.mark.parametrize("bad", [b"7", b"null", b"true", b"1.5"])
def test_scalar_in_an_array_stops_the_bulk(collector, bad):
    """A number or null in an array is answered 500; the earlier elements are stored."""
    body = b"[" + b",".join([line("a"), bad, line("b")]) + b"]"
    assert request(collector, "POST", "/_bulk", body) == (500, b"")
    assert summaries(collector) == ["a"]


@pytest.mark.parametrize("bad", [b'"text"', b"[1]", b'"the index"', b"[]"])
def test_string_and_array_in_a_bulk_are_lost_alone(collector, bad):
    """A string or an array as an element is lost; the others are stored."""
    body = b"[" + b",".join([line("a"), bad, line("b")]) + b"]"
    assert request(collector, "POST", "/_bulk", body) == (200, b"")
    assert summaries(collector) == ["a", "b"]
    assert len(lost(collector)) == 1


@pytest.mark.parametrize("separator", ["\n", ","])
def test_event_with_a_key_index_is_lost(collector, separator):
    """An event with a top-level key index is treated as an action line and lost."""
    bad = json.dumps({**event("b"), "index": "events"})
    body = separator.join([line("a").decode(), bad, line("c").decode()])
    body = f"[{body}]" if separator == "," else body
    assert request(collector, "POST", "/_bulk", body.encode()) == (200, b"")
    assert summaries(collector) == ["a", "c"]
    assert [entry.field for entry in collector.differences()] == ["index"]


@pytest.mark.parametrize(("body", "status"), [(b"7", 500), (b"null", 500), (b'"a string"', 200)])
def test_scalar_on_bulk_is_lost(collector, body, status):
    """A scalar on /_bulk is lost, whatever the answer."""
    assert request(collector, "POST", "/_bulk", body) == (status, b"")
    assert (collector.stored, len(lost(collector))) == (0, 1)


def test_short_garbage_on_bulk_is_answered_200(collector):
    """A bulk of ten bytes or fewer that is not a JSON value is answered 200, and lost."""
    assert request(collector, "POST", "/_bulk", b"garbage") == (200, b"")
    assert (collector.received, collector.stored) == (1, 0)


def test_chunked_body_is_answered_400(collector):
    """A chunked body is answered 400 and not stored."""
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    connection.request("POST", "/events", iter([LINE]), encode_chunked=True)
    assert connection.getresponse().status == 400
    connection.close()
    assert (collector.stored, len(lost(collector))) == (0, 1)


def padded(size):
    """Return an event of exactly this many bytes, most of them white space."""
    return LINE + b" " * (size - len(LINE))


def test_body_of_4_mb_is_stored(collector):
    """A body of exactly 4 MB is stored."""
    assert request(collector, "POST", "/events", padded(4 * 1024 * 1024)) == (200, b"")
    assert collector.stored == 1


@pytest.mark.parametrize("size", [4 * 1024 * 1024 + 1, 32 * 1024 * 1024])
def test_body_over_4_mb_is_answered_413(collector, size):
    """A larger body is answered 413, even to clients that read only after they have sent it all."""
    assert request(collector, "POST", "/events", padded(size)) == (413, b"")
    assert (collector.stored, len(lost(collector))) == (0, 1)


def test_body_over_4_mb_is_answered_before_it_is_sent(collector):
    """The size that is announced decides: nothing of the body needs to be read."""
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
    assert talk(collector, head).startswith(b"HTTP/1.1 413 ")


def test_connection_survives_a_rejected_body(collector):
    """After a 413 the same connection serves the next event."""
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    statuses = []
    for body in (padded(5_000_000), LINE):
        connection.request("POST", "/events", body)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [413, 200]


@pytest.mark.parametrize(("size", "status"), [(2048, 200), (2049, 400), (60_000, 400)])
def test_header_over_2_kb_is_answered_400(collector, size, status):
    """One header of more than 2 kB, name included, is answered 400."""
    headers = {"X-Long": "x" * (size - len("X-Long: "))}
    assert request(collector, "POST", "/events", LINE, headers)[0] == status
    assert collector.stored == (status == 200)


def test_expect_is_never_answered(collector):
    """A client that waits for 100 Continue gets none, and is answered once it sends the body."""
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(LINE)
    assert talk(collector, head) == b""
    assert talk(collector, head + LINE).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:80", "127.0.0.1", "127.8.9.1:1", "[::1]:8080", "a.localhost", ""],
)
def test_loopback_names_are_answered(collector, host):
    """Every name of this machine itself is accepted as Host."""
    assert request(collector, "POST", "/events", LINE, {"Host": host})[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example.com", "localhost.evil.example.com:80", "10.0.0.1", "[2001:db8::1]", "0"]
)
def test_other_hosts_are_rejected(collector, host):
    """A page that resolves its own name to this machine (DNS rebinding) gets nothing."""
    assert request(collector, "POST", "/events", LINE, {"Host": host})[0] == 403
    assert collector.received == 0


def test_other_host_is_answered_where_it_is_allowed():
    """A name that is allowed is answered, another is not."""
    with running_collector(allowed_hosts=["mozdef.example.com"]) as collector:
        hosts = ["MozDef.example.com:8443", "other.example.com"]
        statuses = [
            request(collector, "POST", "/events", LINE, {"Host": host})[0] for host in hosts
        ]
    assert statuses == [200, 403]


def test_every_host_is_answered_where_all_are_allowed():
    """An asterisk allows every name."""
    with running_collector(allowed_hosts=["*"]) as collector:
        assert request(collector, "POST", "/events", LINE, {"Host": "any.example.com"})[0] == 200


def test_client_that_goes_away_leaves_nothing(collector, caplog):
    """Half a body is neither an event nor an error, and the collector goes on."""
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    talk(collector, head + LINE[:20])
    assert request(collector, "POST", "/events", LINE) == (200, b"")
    assert collector.received == 1
    assert caplog.records == []
