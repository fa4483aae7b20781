"""The limits of nginx in front of MozDef, and the check of the Host header."""

import http.client

import pytest
from support.collecting import LINE, lost, request, talk

from structlog_mozdef.collector import running_collector


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


@pytest.mark.parametrize(
    "lengths",
    [
        (b"Content-Length: %d", b"Content-Length: %d"),
        (b"content-length:%d", b"X-Other: 1", b"CONTENT-LENGTH : %d"),
        (b"Content-Length: %d", b"Content-Length: 1%d"),
        (b"Content-Length: %d, %d",),
    ],
)
def test_two_content_lengths_are_answered_400(collector, lengths):
    """A second Content-Length is answered 400, even if it says the same."""
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\n"
    head += b"\r\n".join(lengths).replace(b"%d", b"%d" % len(LINE)) + b"\r\n\r\n"
    answer = talk(collector, head + LINE)
    assert (answer[:13], answer[-4:]) == (b"HTTP/1.1 400 ", b"\r\n\r\n")
    (reason,) = lost(collector)
    assert (collector.stored, "two Content-Length headers" in reason) == (0, True)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /events\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: one\r\n\r\n",
    ],
)
def test_what_is_no_http_is_recorded(collector, sent):
    """A request that is not HTTP is answered 400, and a sender finds out why."""
    assert talk(collector, sent).startswith(b"HTTP/1.1 400 ")
    assert (collector.stored, len(lost(collector))) == (0, 1)


def test_content_length_in_a_body_is_no_header(collector):
    """Only the headers of a request count, not its body."""
    body = LINE.replace(b"kang", b"\r\nContent-Length: 1\r\nContent-Length: 2\r\n".hex().encode())
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (
        len(body) + len(b"\nContent-Length: 7")
    )
    assert talk(collector, head + body + b"\nContent-Length: 7").startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    "path",
    [
        "//events",
        "/events//",
        "/./events",
        "/nothing/../events",
        "///custom//..//events",
        "/%2Fevents",
    ],
)
def test_paths_are_normalized(collector, path):
    """Slashes are merged and dots followed, as nginx does."""
    assert request(collector, "POST", path, LINE) == (200, b"")
    assert collector.stored == 1


def test_path_out_of_the_root_is_answered_400(collector):
    """A path that leads out of the root is answered 400."""
    assert request(collector, "POST", "/../events", LINE)[0] == 400


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("http://localhost/events", 200),
        ("HTTP://127.0.0.1:8080/events?x=1", 200),
        ("https://localhost//events/", 200),
        ("http://localhost", 405),
        ("http://evil.example.com/events", 403),
    ],
)
def test_absolute_uri(collector, uri, status):
    """The path of an absolute URI counts, and its host as much as that of the header."""
    assert request(collector, "POST", uri, LINE)[0] == status
