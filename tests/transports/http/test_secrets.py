"""Credentials and tokens appear in no message, repr, exception or log record."""

import contextlib
import copy
import logging
import pathlib

import pytest
from support.certificates import authority_file, server_context
from support.errors import everything_about
from support.proxies import Proxy
from support.receivers import CLOSE, OK, RESET, Receiver, answer, unused_port

from structlog_mozdef import Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.http import HTTPTransport
from structlog_mozdef.transports.urls import parse_address

EVENT = b'{"summary":"a"}'
SECRET = "s3cret"


# Malformed configuration.


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@",
        "https://user:s3cret@:8443/events",
        "https://user:s3cret@host",
        "https://user:s3cret@host:port/events",
        "https://user:s3cret@host:99999/events",
        "https://user:s3cret@[::1/events",
        "https://user:s3cret@ho st/events",
        "https://user:s3cret@.host./events",
        "https://user:s3cret@*/events",
        "https://user:s3cret@\udc80/events",
        "https://user:s3cret@\u2100/events",
        "ftp://user:s3cret@host/events",
        "user:s3cret@host/events",
        "https:user:s3cret@host/events",
        "https:/user:s3cret@host/events",
        "//user:s3cret@host/events",
        # Characters of the password that end the host for a parser.
        "https://user:1/s3cret@host/events",
        "https://user:1?s3cret@host/events",
        "https://user:1#s3cret@host/events",
        "https://user:s3cret/x@host/events",
        "https://user:s3cret?x@host/events",
        "https://user:s3cret#x@host/events",
        "https://user:s3cret[x@host/events",
        "https://user:a@s3cret/x@host/events",
        "https://s3cret:1/x@host/events",
        "https://host:port/events?token=s3cret",
        "https://.host./events?token=s3cret",
        "https://host?token=s3cret",
        "https://host#token=s3cret",
        "ftp://host/events?token=s3cret",
        "https://host:8443\n/events?token=s3cret",
        b"https://user:s3cret@host/events",
        ["https://user:s3cret@host/events"],
    ],
)
def test_malformed_url(url):
    """The error for a malformed URL does not show what could be secret in it."""
    with pytest.raises(ValueError) as caught:
        HTTPTransport(url)
    assert SECRET not in everything_about(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"auth": SECRET},
        {"auth": ("user", "x", SECRET)},
        {"auth": ("user", b"s3cret")},
        {"auth": {"user": SECRET}},
        {"auth": ("user", SECRET + "\udc80")},
        {"auth": ("user", SECRET * 1000)},
        {"headers": {"X-Token": SECRET + "\n"}},
        {"headers": {"X-Token": " " + SECRET}},
        {"headers": {"X-Token": SECRET + "\u65e5"}},
        {"headers": {"X-Token": SECRET * 1000}},
        {"headers": {"X-Token": [SECRET]}},
        {"headers": {"Expect": SECRET}},
        {"headers": [("X-Token", SECRET)]},
        {"proxies": "http://user:s3cret@proxy"},
        {"proxies": {"https": "http://user:s3cret@proxy:port"}},
        {"proxies": {"https": "ftp://user:s3cret@proxy"}},
        {"proxies": {"https": "http://user:s3cret@"}},
    ],
)
def test_malformed_options(options):
    """The error for a malformed option does not show its value if that may be secret."""
    url = f"https://user:{SECRET}@host/events?token={SECRET}"
    with pytest.raises(ValueError) as caught:
        HTTPTransport(url, **options)
    assert SECRET not in everything_about(caught.value)


# What is shown of a transport.


def full_of_secrets(base, path="/_bulk", **options):
    """A transport with a secret wherever there can be one."""
    scheme, _, host = base.partition("://")
    return HTTPTransport(
        f"{scheme}://user:s3cret@{host}{path}?token=s3cret",
        headers={"X-Token": SECRET},
        read_timeout=0.3,
        **options,
    )


@pytest.mark.parametrize("show", [repr, str, lambda transport: transport.name])
def test_repr(show):
    """A transport shows where it sends to, and nothing else."""
    assert show(full_of_secrets("https://host")).strip("<>").split()[-1] == "https://host/_bulk"


def test_repr_of_an_address():
    """A parsed address shows no credentials."""
    assert repr(parse_address("https://u:s3cret@host/events?t=s3cret", ("https",))) == (
        "Address(https://host/events)"
    )


def test_repr_of_a_sink():
    """A sink shows where it sends to, and nothing else."""
    with Sink("https://user:s3cret@host/events?token=s3cret") as sink:
        assert SECRET not in repr(sink)


# Failures.


def _hang(connection):
    connection.settimeout(3)
    with contextlib.suppress(OSError):
        connection.recv(1)


def _raw(text):
    return lambda connection: connection.sendall(text)


FAILURES = {
    "401": answer(401),
    "500": answer(500),
    "400": answer(400),
    "redirect": answer(302, Location="/login?token=s3cret"),
    "page": answer(200, b"<html>s3cret"),
    "close": CLOSE,
    "reset": RESET,
    "hang": _hang,
    "garbage": _raw(b"s3cret\r\n\r\n"),
    "bad header": _raw(b"HTTP/1.1 200 OK\r\nX: 1\r\nbroken\r\nContent-Length: 5\r\n\r\n"),
    "cut off": _raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ns3cret"),
    "bad chunk": _raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ns3cret\r\n"),
    "status": _raw(b"HTTP/1.1 s3cret\r\n\r\n"),
}


@pytest.mark.parametrize("path", ["/_bulk", "/custom/x"])
@pytest.mark.parametrize("failure", FAILURES)
def test_failures(failure, path, caplog):
    """However a request fails, neither the error nor any log record shows a secret."""
    with (
        caplog.at_level(logging.DEBUG),
        Receiver(lambda request: FAILURES[failure]) as receiver,
        contextlib.closing(full_of_secrets(receiver.base, path)) as transport,
    ):
        text = ""
        try:
            result = transport.send([EVENT])
            text = repr(result)
        except TransportError as error:
            text = everything_about(error)
    assert SECRET not in text + caplog.text


def test_log_records_of_urllib3(caplog):
    """Also at DEBUG, the records of urllib3 show no token of the query; the server gets it."""
    with (
        caplog.at_level(logging.DEBUG),
        Receiver() as receiver,
        contextlib.closing(full_of_secrets(receiver.base)) as transport,
    ):
        transport.send([EVENT])
        assert (receiver.requests[0].path, SECRET in caplog.text, bool(caplog.records)) == (
            "/_bulk?token=s3cret",
            False,
            True,
        )


def test_log_records_with_a_proxy(caplog):
    """A proxy gets the URL with its query, the log records do not."""
    with (
        caplog.at_level(logging.DEBUG),
        Receiver() as receiver,
        Proxy(("user", SECRET)) as proxy,
    ):
        url = f"http://user:s3cret@127.0.0.1:{proxy.port}"
        with contextlib.closing(full_of_secrets(receiver.base, proxies={"http": url})) as transport:
            transport.send([EVENT])
        assert (receiver.requests[0].path, SECRET in caplog.text) == (
            "/_bulk?token=s3cret",
            False,
        )


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("status", [None, 403])
def test_failing_proxies(tmp_path, tls, status, caplog):
    """The error of a proxy that fails does not show the credentials for it."""
    context = server_context() if tls else None
    with (
        caplog.at_level(logging.DEBUG),
        Receiver(tls=context) as receiver,
        Proxy(("user", "right"), status) as proxy,
    ):
        url = f"http://user:s3cret@127.0.0.1:{proxy.port}"
        proxies = {"http": url, "https": url}
        with (
            contextlib.closing(
                full_of_secrets(receiver.base, proxies=proxies, verify=authority_file(tmp_path))
            ) as transport,
            pytest.raises(TransportError) as caught,
        ):
            transport.send([EVENT])
    assert SECRET not in everything_about(caught.value) + caplog.text


@pytest.mark.parametrize(
    "host", [f"127.0.0.1:{unused_port()}", "no-such-host.invalid"], ids=["down", "unknown"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_server_that_is_away(scheme, host, caplog):
    """The error of a server that cannot be reached shows no secrets."""
    with caplog.at_level(logging.DEBUG), pytest.raises(TransportError) as caught:
        full_of_secrets(f"{scheme}://{host}").send([EVENT])
    assert SECRET not in everything_about(caught.value) + caplog.text


def test_refused_certificate(caplog):
    """The error of a certificate that is refused shows no secrets."""
    with (
        caplog.at_level(logging.DEBUG),
        Receiver(tls=server_context()) as receiver,
        pytest.raises(TransportError) as caught,
    ):
        full_of_secrets(receiver.base).send([EVENT])
    assert SECRET not in everything_about(caught.value) + caplog.text


def test_authentication_object_with_a_secret_in_its_exception():
    """What an authentication object says when it fails is not passed on."""

    def auth(request):
        raise RuntimeError(SECRET)

    with pytest.raises(TransportError) as caught:
        HTTPTransport("http://127.0.0.1:1/_bulk", auth=auth).send([EVENT])
    assert SECRET not in everything_about(caught.value)


@pytest.mark.parametrize("failure", ["401", "500", "close", "redirect"])
def test_sink(failure, caplog):
    """Neither the statistics nor the warnings of a sink show a secret."""
    with (
        caplog.at_level(logging.DEBUG),
        Receiver(lambda request: FAILURES[failure]) as receiver,
    ):
        host = receiver.base.partition("://")[2]
        sink = Sink(f"http://user:s3cret@{host}/_bulk?token=s3cret", linger=0)
        sink.put(EVENT)
        sink.flush(timeout=0.3)
        text = repr(sink.stats()) + repr(sink)
        receiver.respond = lambda request: OK
        sink.close(timeout=0.1)
    assert SECRET not in text + caplog.text


def test_secrets_arrive():
    """All secrets reach the server nevertheless."""
    with (
        Receiver() as receiver,
        contextlib.closing(full_of_secrets(receiver.base)) as transport,
    ):
        transport.send([EVENT])
        headers = copy.copy(receiver.requests[0].headers)
        assert (headers["x-token"], headers["authorization"]) == (
            SECRET,
            "Basic dXNlcjpzM2NyZXQ=",
        )


def test_no_secret_in_the_bundle_error(tmp_path):
    """The error of a bundle that cannot be used shows its path, not its content."""
    path = pathlib.Path(tmp_path) / "bundle.pem"
    path.write_text(SECRET)
    with pytest.raises(ValueError) as caught:
        HTTPTransport("https://host/events", verify=path)
    assert SECRET not in everything_about(caught.value)


@pytest.mark.parametrize("scheme", ["https", "amqp", "amqps", "syslog+tcp"])
@pytest.mark.parametrize("rest", ["", "/vhost", "?x=1"])
def test_password_without_its_host_is_not_shown(scheme, rest):
    """In a URL without its @host, the password stands for the port, and is not shown."""
    with pytest.raises(ValueError, match=r"user:[.][.][.]") as caught:
        Sink(f"{scheme}://user:s3cr3t{rest}")
    assert "s3cr3t" not in str(caught.value)
