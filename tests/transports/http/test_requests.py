"""What a request looks like, and what is left out of it."""

import base64
import contextlib
import hashlib
import os

import pytest
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from support.receivers import OK, Receiver, answer

from structlog_mozdef._version import __version__
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.http import HTTPTransport

EVENT = b'{"summary":"\xc3\xa4"}'


def send(receiver, url=None, times=1, **options):
    options = {"bulk": False, **options}
    with contextlib.closing(HTTPTransport(url or receiver.url, **options)) as transport:
        for _ in range(times):
            transport.send([EVENT])
    return receiver.requests[-1]


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_headers_are_these():
    """A request has these headers and no other: no cookie, no chunks, no gzip, no Expect."""
    with Receiver() as receiver:
        assert send(receiver).headers == {
            "host": f"127.0.0.1:{receiver.port}",
            "user-agent": f"structlog-mozdef/{__version__}",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "keep-alive",
            "content-type": "application/json",
            "content-length": str(len(EVENT)),
        }


def test_method_is_post():
    """Events are posted."""
    with Receiver() as receiver:
        assert send(receiver).method == "POST"


@pytest.mark.parametrize("size", [0, 1, 100, 70_000, 2_000_000])
def test_content_length(size):
    """A body of any size comes with its length."""
    event = b'{"summary":"%s"}' % (b"x" * size)
    with (
        Receiver() as receiver,
        contextlib.closing(HTTPTransport(receiver.url, bulk=False)) as transport,
    ):
        transport.send([event])
        assert receiver.requests[0].body == event


def test_headers_of_the_user():
    """Headers that the user gives are in each request, and replace the usual ones."""
    with Receiver() as receiver:
        headers = send(receiver, headers={"X-Token": "t", "user-agent": "mine"}, times=2).headers
        assert (headers["x-token"], headers["user-agent"]) == ("t", "mine")


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ("kang:secret", "kang:secret"),
        ("kang", "kang:"),
        (":secret", ":secret"),
        ("kang:p%40ss%3A%2F%23", "kang:p@ss:/#"),
        ("k%C3%A4ng:p%E2%82%ACss", "k\u00e4ng:p\u20acss"),
        ("k\u00e4ng:p\u20acss", "k\u00e4ng:p\u20acss"),
    ],
)
def test_credentials_of_the_url(credentials, expected):
    """User and password of the URL are sent as basic authentication, decoded, in UTF-8."""
    with Receiver() as receiver:
        request = send(receiver, f"http://{credentials}@127.0.0.1:{receiver.port}/events")
        assert request.headers["authorization"] == basic(expected)


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (("kang", "secret"), "kang:secret"),
        (["kang", "secret"], "kang:secret"),
        (("k\u00e4ng", "\u65e5\u672c"), "k\u00e4ng:\u65e5\u672c"),
        (("", ""), ":"),
        (HTTPBasicAuth("kang", "secret"), "kang:secret"),
    ],
)
def test_auth(auth, expected):
    """User and password can be given apart from the URL."""
    with Receiver() as receiver:
        assert send(receiver, auth=auth).headers["authorization"] == basic(expected)


def test_auth_goes_before_the_url():
    """What is given as `auth` counts more than what stands in the URL."""
    with Receiver() as receiver:
        url = f"http://a:b@127.0.0.1:{receiver.port}/events"
        assert send(receiver, url, auth=("c", "d")).headers["authorization"] == basic("c:d")


class Signature(AuthBase):
    """Signs the body of each request, and adds a field to the query."""

    def __call__(self, request):
        request.headers["X-Signature"] = hashlib.sha256(request.body).hexdigest()
        request.url += f"?n={request.headers['Content-Length']}"
        return request


def test_signature_of_each_request():
    """An authentication object of requests sees each body as it is sent."""
    with Receiver() as receiver:
        request = send(receiver, auth=Signature(), times=2)
        assert request.headers["x-signature"] == hashlib.sha256(EVENT).hexdigest()


def test_signature_in_the_query():
    """An authentication object may change the address of each request."""
    with Receiver() as receiver:
        assert send(receiver, auth=Signature(), times=2).path == f"/events?n={len(EVENT)}"


def test_digest():
    """Digest authentication answers the challenge of the server."""
    challenge = answer(401, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth"')
    with Receiver(
        lambda request: OK if "authorization" in request.headers else challenge
    ) as receiver:
        request = send(receiver, auth=HTTPDigestAuth("kang", "secret"))
        assert request.headers["authorization"].startswith('Digest username="kang", realm="r"')


def test_faulty_authentication_object():
    """The error of an authentication object is shown without its text."""

    def auth(request):
        raise KeyError("secret")

    with Receiver() as receiver:
        with pytest.raises(TransportError) as caught:
            send(receiver, auth=auth)
        assert str(caught.value) == "the request failed: KeyError"


@pytest.mark.parametrize("credentials", ["", "kang:right@"])
def test_netrc_is_not_read(tmp_path, monkeypatch, credentials):
    """A .netrc neither adds credentials nor replaces those that are given."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    os.link(netrc, tmp_path / ".netrc")
    with Receiver() as receiver:
        request = send(receiver, f"http://{credentials}127.0.0.1:{receiver.port}/events")
        assert request.headers.get("authorization") == (
            basic("kang:right") if credentials else None
        )


def test_cookies_are_not_kept():
    """A cookie that the server sets is not sent back."""
    with Receiver(lambda request: answer(200, Set_Cookie="session=1; Path=/")) as receiver:
        assert "cookie" not in send(receiver, times=3).headers
