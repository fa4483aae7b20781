"""What each answer of a server means for the events."""

import contextlib
import email.utils
import gzip
import json
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.errors import kind_of
from support.receivers import OK, Receiver, answer

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.http import HTTPTransport
from structlog_mozdef.transports.http.client import Answer
from structlog_mozdef.transports.http.responses import result_of, seconds_of_retry_after

EVENTS = [b'{"summary":"a"}', b'{"summary":"b"}', b'{"summary":"c"}']


def send(response, path="/_bulk"):
    """Send a batch to a server that answers so; return the result or the error."""
    with (
        Receiver(lambda request: response) as receiver,
        contextlib.closing(HTTPTransport(receiver.base + path)) as transport,
    ):
        try:
            return transport.send(EVENTS)
        except TransportError as error:
            return error


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success(status):
    """A 2xx with an empty body, which is MozDef's answer, is success."""
    assert send(answer(status)) == ALL_ACCEPTED


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {"Content_Type": "text/html"}),
        (b"\n", {"Content_Type": "text/html; charset=UTF-8"}),
        (b"ok", {}),
        (b"ok", {"Content_Type": "text/plain"}),
        (b'{"status": "ok"}', {"Content_Type": "application/json"}),
        (b"null", {}),
        (b"<xml/>", {"Content_Type": "text/xml"}),
    ],
)
def test_success_with_a_word(body, headers):
    """The body of a 200 does not matter, unless it is a web page."""
    assert send(answer(200, body, **headers)) == ALL_ACCEPTED


@pytest.mark.parametrize(
    "body",
    [
        b'{"took":30,"errors":true,"items":[{"index":{"status":429,"err',
        b'{"took":30,"errors":true,"items":[{"index":{"status":429}',
        b'{"errors":true',
        b'{"errors": true, "items": [',
        b'{"errors":false,"items":[{"index":{"status":201}}',
        b'{"items": [{"index": {"status": 1e400}}], "errors": true}',
        b'{"x": ' * 3000 + b'"items"',
        b'{"took":30,"err',
        b"{",
    ],
)
def test_cut_off_body_is_no_success(body):
    """An object that ends too soon, or cannot be read, may have named events that failed."""
    text = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body
    error = send(lambda connection: connection.sendall(text))
    assert (kind_of(error), str(error)) == (
        (TransportError, True, True),
        "the answer was cut off, or is no JSON",
    )


@pytest.mark.parametrize(
    "text",
    [
        b'Content-Length: 500\r\n\r\n{"took":30,"errors": true, "items": [{"in',
        b'Content-Length: 500\r\nConnection: close\r\n\r\n{"errors": true',
        b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"errors": true, "i',
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"erro\r\nzz\r\nrs": true',
        b'Transfer-Encoding: chunked\r\n\r\ne\r\n{"errors": true\r\n',
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
def test_body_shorter_than_its_head_says(text):
    """A body that ends before its Content-Length, or without the last chunk, proves nothing."""
    text = b"HTTP/1.1 200 OK\r\n" + text
    error = send(lambda connection: connection.sendall(text))
    assert kind_of(error) == (TransportError, True, True)


@pytest.mark.parametrize("interim", [(100,), (102,), (103,), (103, 103), (100, 102, 103)])
def test_interim_answers_are_no_answers(interim):
    """Whatever a server says before its answer, only the answer counts, and the next one too."""
    hints = b"".join(b"HTTP/1.1 %d Hint\r\nLink: </a>\r\n\r\n" % status for status in interim)

    with (
        Receiver(lambda request: hints + OK) as receiver,
        contextlib.closing(HTTPTransport(f"{receiver.base}/_bulk")) as transport,
    ):
        assert [transport.send(EVENTS) for _ in range(2)] == [ALL_ACCEPTED] * 2
        assert receiver.connections == 1


def test_interim_answer_before_a_failure():
    """An interim answer hides no failure."""
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    error = send(hint + answer(503, Retry_After="7"))
    assert (str(error), error.retry_after) == ("HTTP 503", 7.0)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<!DOCTYPE html><html>", {}),
        (b"<!doctype HTML>", {"Content_Type": "text/plain"}),
        (b"\xef\xbb\xbf\r\n <html lang=en>", {}),
        (b"<HTML>", {"Content_Type": "application/octet-stream"}),
        (b"<form>", {"Content_Type": "text/html"}),
        (b"Please log in", {"Content_Type": "text/html; charset=utf-8"}),
        (b"<?xml version='1.0'?><html/>", {"Content_Type": "application/xhtml+xml"}),
        (gzip.compress(b"<html>", mtime=0), {"Content_Encoding": "gzip"}),
        (zlib.compress(b"<html>"), {"Content_Encoding": "deflate"}),
    ],
)
def test_page_is_no_success(body, headers):
    """A web page, probably a login, is no success although it comes with 200."""
    error = send(answer(200, body, **headers))
    assert (kind_of(error), str(error)) == (
        (TransportError, False, False),
        "HTTP 200 with a web page: this is not MozDef but, perhaps, a login page",
    )


def test_unreadable_answer_proves_nothing():
    """An answer in a compression that was not asked for may hide rejections."""
    error = send(answer(200, b"\0", Content_Encoding="br"))
    assert kind_of(error) == (TransportError, True, True)


def test_packed_answer_stays_bounded():
    """An answer that grows a thousandfold when it is unpacked is not unpacked to its end."""
    bomb = gzip.compress(b"\0" * 64 * 1024 * 1024)
    assert send(answer(200, bomb, Content_Encoding="gzip")) == ALL_ACCEPTED


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_payload_is_blamed(status):
    """400, 413, 415 and 422 blame the payload."""
    error = send(answer(status))
    assert (type(error), str(error)) == (Rejected, f"HTTP {status}")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>",
        b"<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>",
        b"<html>\r\n<head><title>400 The SSL certificate error</title></head>",
        b"<html>\r\n<head><title>400 Request Header Or Cookie Too Large</title></head>",
        b"Client sent an HTTP request to an HTTPS server.\n",
    ],
)
def test_front_end_does_not_blame_the_payload(body):
    """A 400 of nginx that is about TLS or headers would else make a dead letter of every event."""
    assert kind_of(send(answer(400, body))) == (TransportError, False, False)


def test_echo_does_not_pass_for_the_front_end():
    """A server that quotes a bad event, whatever it says, blames the payload."""
    body = b"bad event: <html><head><title>400 The plain HTTP request"
    assert type(send(answer(400, body))) is Rejected


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 410, 501])
def test_settings_are_to_blame(status):
    """401, 403, 404 and their kind ask for a person."""
    error = send(answer(status))
    assert (kind_of(error), str(error)) == (
        (TransportError, False, False),
        f"HTTP {status}: check the URL and the credentials",
    )


@pytest.mark.parametrize("status", [408, 423, 425, 429])
def test_busy(status):
    """A server that is busy has stored nothing, and gets the events once more."""
    assert kind_of(send(answer(status))) == (TransportError, True, False)


@pytest.mark.parametrize(
    "status", [402, 409, 411, 418, 431, 451, 500, 502, 503, 504, 507, 599, 999]
)
def test_nobody_knows(status):
    """5xx, and what MozDef never says, prove nothing: perhaps delivered."""
    assert kind_of(send(answer(status))) == (TransportError, True, True)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("path", ["/_bulk", "/custom/x"])
def test_redirects_are_refused(status, path):
    """A redirect is not followed, and the events are kept."""
    error = send(answer(status, Location="/login?next=x"), path)
    assert (kind_of(error), str(error).split(":")[0]) == (
        (TransportError, False, False),
        f"HTTP {status}",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["/_bulk", "/custom/x"])
def test_redirects_are_not_followed(status, path):
    """No second request is made."""
    with Receiver(lambda request: answer(status, Location="/other")) as receiver:
        with (
            contextlib.closing(HTTPTransport(receiver.base + path)) as transport,
            pytest.raises(TransportError),
        ):
            transport.send(EVENTS)
        assert [request.path for request in receiver.requests] == [path]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://sso.example.com/login?token=s3cret", "https://sso.example.com"),
        ("https://user:s3cret@sso.example.com/", "https://sso.example.com"),
        ("/login?token=s3cret", "another path"),
        ("http://[s3cret", "a malformed URL"),
        ("https://" + "s3cret" * 100, "a malformed URL"),
        ("https://\x1b[31ms3cret/", "a malformed URL"),
        ("", "another path"),
    ],
)
def test_redirect_is_shown_without_secrets(location, target):
    """The error of a redirect shows scheme and host of its target."""
    error = send(answer(302, Location=location))
    assert f"a redirect to {target} is not followed" in str(error)


# Retry-After.


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_passed_on(status):
    """The seconds that the server asks for are in the error."""
    assert send(answer(status, Retry_After="17")).retry_after == 17


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("9" * 400, 999_999_999),
        (email.utils.formatdate(NOW + 90, usegmt=True), 90),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0665", None),
        ("nan", None),
        ("Thu, 99 Foo 99999999999999999999 99:99:99 GMT", None),
    ],
)
def test_retry_after(value, seconds):
    """Seconds and dates are understood; of anything else nothing is made."""
    assert seconds_of_retry_after(value, NOW) == seconds


@given(st.text() | st.text("0123456789: -,+JanFebMTuGM", max_size=60))
def test_hostile_retry_after(value):
    """Whatever stands there is a number of seconds, or nothing."""
    seconds = seconds_of_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


# Errors of single events, as Elasticsearch and OpenSearch report them.


def bulk_answer(*statuses, errors=True, **error):
    items = [{"index": {"status": status, "error": error or {"type": "t"}}} for status in statuses]
    return answer(200, json.dumps({"took": 1, "errors": errors, "items": items}).encode())


def test_items_without_errors():
    """An answer that reports no error is success."""
    assert send(bulk_answer(201, 201, 201, errors=False)) == ALL_ACCEPTED


@pytest.mark.parametrize("status", [400, 406, 413, 422])
def test_rejected_item(status):
    """An event that is rejected has a reason; the others were accepted."""
    result = send(bulk_answer(201, status, 201, type="mapper_parsing_exception"))
    assert (dict(result.rejected), list(result.retry)) == (
        {1: f"HTTP {status} mapper_parsing_exception"},
        [],
    )


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_item_that_is_to_be_sent_again(status):
    """An event that met a busy, faulty or closed index is to be sent again."""
    result = send(bulk_answer(status, 201, status))
    assert (dict(result.rejected), list(result.retry)) == ({}, [0, 2])


@pytest.mark.parametrize(
    ("statuses", "retryable", "ambiguous"),
    [
        ((429, 201, 201), True, False),
        ((503, 201, 201), True, False),
        ((500, 201, 201), True, True),
        ((403, 403, 403), False, False),
        ((403, 429, 403), True, False),
    ],
)
def test_why_items_are_to_be_sent_again(statuses, retryable, ambiguous):
    """Only an unknown fault may be poison; only missing rights alone are a matter of settings."""
    error = send(bulk_answer(*statuses)).error
    assert (error.retryable, error.ambiguous) == (retryable, ambiguous)


def test_item_that_is_there_already():
    """409 says that the event is there already: that is success."""
    assert send(bulk_answer(409, 201, 409)) == ALL_ACCEPTED


def test_reason_does_not_quote_the_event():
    """The reason names the type of the error, not its text, which quotes values."""
    result = send(bulk_answer(400, 201, 201, type="t", reason="value 's3cret' is bad"))
    assert result.rejected[0] == "HTTP 400 t"


@pytest.mark.parametrize("kind", [5, None, "two\nlines", "x" * 500, {"a": 1}, ""])
def test_hostile_reason(kind):
    """A type that is none is left out."""
    assert send(bulk_answer(400, 201, 201, type=kind)).rejected[0] == "HTTP 400"


def test_errors_that_fit_no_event():
    """An answer with errors for another number of events proves nothing."""
    assert kind_of(send(bulk_answer(400, 201))) == (TransportError, True, True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": 5, "errors": true}',
        b'{"items": {"a": 1}, "errors": true}',
        b'{"items": [1, 2, 3], "errors": true}',
        b'{"items": [{}, {}, {}], "errors": true}',
        b'{"items": [{"index": []}], "errors": true}',
        b'{"items": [{"index": {"status": "x"}}], "errors": true}',
        b'["items"]',
        b'"items"',
        b'text with "items"',
    ],
)
def test_other_bodies_with_items(body):
    """A body that only looks like Elasticsearch's is somebody else's 200."""
    assert send(answer(200, body)) == ALL_ACCEPTED


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["Location", "Retry-After", "Content-Type", "Content-Encoding"]),
        st.text(max_size=40),
    ),
    body=st.binary(max_size=200) | st.just(b'{"errors":true,"items":[{"index":{"status":null}}]}'),
    count=st.integers(0, 5),
)
def test_any_answer_is_understood(status, headers, body, count):
    """Whatever a server answers is success or a failure of this package's own kind."""
    try:
        result_of(Answer(status, headers, body), count)
    except TransportError as error:
        assert str(error)  # noqa: PT017 - nothing is raised as often


# MozDef itself, and what stands before it.


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (500, (TransportError, True, True)),  # bad JSON, arrays, gzip; a dead broker
        (400, (Rejected, True, False)),  # chunked bodies, long headers
        (413, (Rejected, True, False)),  # a body over 4 MB
        (502, (TransportError, True, True)),  # the server process is down
    ],
)
def test_answers_of_mozdef(status, expected):
    """Every failure that MozDef and its front end answer with has its meaning."""
    assert kind_of(send(answer(status, Content_Type="text/html"))) == expected


def test_status_is_not_asked():
    """GET /status proves little: only POSTs are made."""
    with (
        Receiver(lambda request: OK) as receiver,
        contextlib.closing(HTTPTransport(receiver.url)) as transport,
    ):
        transport.send(EVENTS)
        assert {request.method for request in receiver.requests} == {"POST"}


def test_date_is_compared_with_the_clock():
    """A date in the future is as many seconds from now."""
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 90 < send(answer(503, Retry_After=date)).retry_after <= 100


# The status.


@pytest.mark.parametrize("path", ["/_bulk", "/custom/x"])
@pytest.mark.parametrize("status", [302, 400, 401, 413, 429, 500, 503, 999])
def test_errors_have_the_status(status, path):
    """Whatever an answer means, its status can be read off the error."""
    result = send(answer(status), path)
    assert getattr(result, "error", result).status == status


@pytest.mark.parametrize(
    "response",
    [
        answer(200, b"<html>login"),
        answer(200, b"x", Content_Encoding="br"),
        answer(200, b'{"errors":true,"items":[]}'),
    ],
)
def test_errors_of_success_have_the_status(response):
    """A 2xx that is no success has its status, too."""
    assert send(response).status == 200


@pytest.mark.parametrize(("codes", "status"), [((201, 400, 404), 404), ((400, 201, 413), 413)])
def test_status_of_single_events(codes, status):
    """Where single events failed, the status is that of one of them: one to retry, if any."""
    assert send(bulk_answer(*codes)).error.status == status


def test_no_answer_has_no_status():
    """Where nothing was answered, there is no status."""
    assert send(None).status is None
