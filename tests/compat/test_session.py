"""What programs set on `httpsession` counts, although the session itself sends nothing."""

from __future__ import annotations

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from support.certificates import authority_file, client_files, server_context
from support.compat_receivers import only, own_delivery, sent
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef
from structlog_mozdef._version import __version__
from structlog_mozdef.compat._session import UNTOUCHED, session_of, settings_of


class Token(AuthBase):
    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["X-Token"] = self.token
        return request


def test_session_of_the_instance(receiver):
    """Headers and credentials that are set on the session are sent."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.headers["X-Token"] = "abc"
    msg.httpsession.auth = ("user", "word")
    msg.send("hello")
    assert only(receiver)["summary"] == "hello"
    headers = receiver.accepted[-1].headers
    assert (headers["x-token"], headers["authorization"]) == ("abc", "Basic dXNlcjp3b3Jk")


def test_session_of_the_class(receiver):
    """What is set on the session of the class counts for all instances."""

    class Msg(mozdef.MozDefMsg):
        httpsession = type(vars(mozdef.MozDefMsg)["httpsession"])()

    Msg.httpsession.headers["X-Token"] = "class"
    Msg.httpsession.auth = ("user", "word")
    one, other = Msg(receiver.url), Msg(receiver.url)
    other.httpsession.headers["X-Other"] = "1"
    one.send("one")
    other.send("other")
    assert len(sent(receiver)) == 2
    tokens = {(r.headers.get("x-token"), r.headers.get("x-other")) for r in receiver.accepted}
    assert tokens == {("class", None), ("class", "1")}
    assert {r.headers["authorization"] for r in receiver.accepted} == {"Basic dXNlcjp3b3Jk"}


def test_proxies_of_the_environment_do_not_count(receiver, monkeypatch):
    """As in the old clients, events go to MozDef itself, whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    mozdef.MozDefMsg(receiver.url).send("untouched session")
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.headers["X-Token"] = "abc"
    msg.send("touched session")
    assert len(sent(receiver)) == 2


def test_proxies_of_the_session(receiver, monkeypatch):
    """A proxy counts if the session has it, or trusts the environment."""
    monkeypatch.setenv("http_proxy", receiver.base)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    url = "http://mozdef.invalid/custom/proxied"
    trusting, reported = mozdef.MozDefMsg(url), mozdef.MozDefMsg(url)
    trusting.httpsession.trust_env = True
    reported.httpsession.proxies = {"http": receiver.base}
    trusting.send("trusting")
    reported.send("reported")
    assert sorted(event["summary"] for event in sent(receiver)) == ["reported", "trusting"]
    assert {request.path for request in receiver.accepted} == {url}


@pytest.mark.parametrize(
    ("name", "value", "arrives"),
    [
        ("X-Text", "text", "text"),
        ("X-Bytes", b"bytes", "bytes"),
        (b"X-Name", "name", "name"),
        ("X-Number", 5, "5"),
        ("X-None", None, None),
        ("User-Agent", "mine", "mine"),
        ("User-Agent", None, f"structlog-mozdef/{__version__}"),
        ("Accept-Encoding", "gzip, br", "identity"),
    ],
)
def test_headers_that_requests_accepts(receiver, name, value, arrives):
    """Names and values may be bytes; None removes a header."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.headers["X-Other"] = "other"
    msg.httpsession.headers = {**msg.httpsession.headers, name: value}
    msg.send("hello")
    assert only(receiver)["summary"] == "hello"
    name = name.decode() if isinstance(name, bytes) else name
    headers = receiver.accepted[-1].headers
    assert (headers.get(name.lower()), headers["x-other"]) == (arrives, "other")


def test_no_proxy_for_a_scheme(receiver):
    """None means no proxy, as in requests."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.proxies = {"https": None}
    msg.send("hello")
    assert only(receiver)["summary"] == "hello"


def test_authentication_objects_sign_each_request(receiver):
    """The authentication object of a program is used."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.auth = Token("abc")
    msg.send("hello")
    assert only(receiver)["summary"] == "hello"
    assert receiver.accepted[-1].headers["x-token"] == "abc"


def test_client_certificate_of_the_session(tmp_path):
    """The certificate of the session is shown to a server that asks for one."""
    with Receiver(tls=server_context(clients=True)) as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.fire_and_forget_mode = False
        msg.verify_certificate = authority_file(tmp_path)
        msg.httpsession.cert = list(client_files(tmp_path))
        msg.send("hello")
        assert receiver.summaries() == ["hello"]


def test_impossible_session_does_not_raise(caplog):
    """In fire-and-forget mode a session that cannot work is a warning."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    msg.httpsession.headers = 5
    with own_delivery():
        msg.send("hello")
    assert "an event was not sent: a setting is of a type" in caplog.text


def test_session_by_a_property(receiver):
    """A subclass may create its session in a property."""

    class Msg(mozdef.MozDefMsg):
        @property
        def httpsession(self):
            session = requests.Session()
            session.trust_env = False
            session.headers["X-Token"] = "property"
            return session

    Msg(receiver.url).send("hello")
    assert only(receiver)["summary"] == "hello"
    assert receiver.accepted[-1].headers["x-token"] == "property"


def test_session_that_a_program_created(receiver):
    """A session that a program assigns counts, on an instance and on the class."""

    class Msg(mozdef.MozDefMsg):
        httpsession = requests.Session()

    Msg.httpsession.trust_env = False
    Msg.httpsession.headers["X-Token"] = "own"
    Msg(receiver.url).send("hello")
    assert only(receiver)["summary"] == "hello"
    assert receiver.accepted[-1].headers["x-token"] == "own"


def test_a_session_is_created_once():
    """Two threads that access the session of an instance at the same time get the same one."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    attribute = vars(mozdef.MozDefMsg)["httpsession"]
    one, other = (attribute.__get__(msg, type(msg)) for _ in range(2))
    assert one is other is msg.httpsession


def test_sending_creates_no_session():
    """Sending creates no session if the program has not accessed it."""
    msg = mozdef.MozDefMsg("http://127.0.0.1:9/events")
    assert settings_of(session_of(msg, "httpsession")) is UNTOUCHED
    assert "httpsession" not in vars(msg)


def test_session_of_events(receiver):
    """mozdef_client's messages have their session under another name; it counts as well."""
    event = mozdef.MozDefEvent(receiver.url)
    event.summary = "hello"
    event._httpsession.headers["X-Token"] = "abc"
    event.send()
    other = mozdef.MozDefEvent(receiver.url)
    other.summary = "other"
    other.send()
    assert mozdef.flush(20)
    tokens = {
        event["summary"]: request.headers.get("x-token")
        for request in receiver.accepted
        for event in request.events()
    }
    assert tokens == {"hello": "abc", "other": None}


class OwnAdapter(HTTPAdapter):
    pass


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda session: session.mount("http://", OwnAdapter()), "adapters"),
        (lambda session: session.hooks["response"].append(print), "hooks"),
        (lambda session: session.cookies.set("a", "b"), "cookies"),
        (lambda session: session.params.update(a="b"), "params"),
    ],
)
def test_what_is_not_used_causes_a_warning(receiver, caplog, change, name):
    """A warning names what was set on a session and is not used, and the event is sent."""
    msg = mozdef.MozDefMsg(receiver.url)
    change(msg.httpsession)
    with own_delivery():
        msg.send("hello")
        assert only(receiver)["summary"] == "hello"
    assert f"httpsession has {name}, which are no longer used" in caplog.text


def test_what_is_used_causes_no_warning(receiver, caplog):
    """A session on which only used attributes are set causes no warning."""
    msg = mozdef.MozDefMsg(receiver.url)
    msg.httpsession.headers["X-Token"] = "abc"
    with own_delivery():
        msg.send("hello")
        assert only(receiver)["summary"] == "hello"
    assert "httpsession" not in caplog.text


def of_auth(auth):
    session = requests.Session()
    session.auth = auth
    return settings_of(session)


@pytest.mark.parametrize(
    "make",
    [
        lambda word: ("user", word),
        lambda word: ["user", word],
        lambda word: HTTPBasicAuth("user", word),
        lambda word: HTTPDigestAuth("user", word),
        Token,
    ],
    ids=["tuple", "list", "basic", "digest", "own"],
)
def test_equal_credentials_are_equal_settings(make):
    """Equal credentials share a sink, even as different objects; others do not."""
    assert of_auth(make("a")) == of_auth(make("a"))
    assert hash(of_auth(make("a"))) == hash(of_auth(make("a")))
    assert of_auth(make("a")) != of_auth(make("b"))


def test_opaque_credentials_are_kept_apart():
    """Objects that cannot be compared are only equal to themselves."""
    one, other = Token(object()), Token(object())
    assert of_auth(one) == of_auth(one) != of_auth(other)
