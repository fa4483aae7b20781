"""Events go through a proxy, named by an option or by the environment."""

import contextlib

import pytest
from support.certificates import authority_file, server_context
from support.errors import error_of
from support.proxies import Proxy
from support.receivers import Receiver, unused_port

from structlog_mozdef.transports.http import HTTPTransport

EVENT = b'{"summary":"a"}'


@pytest.fixture(autouse=True)
def _no_proxies_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def send(url, times=2, **options):
    with contextlib.closing(HTTPTransport(url, **options)) as transport:
        for _ in range(times):
            transport.send([EVENT])


def test_plain_requests():
    """Plain HTTP is passed on by the proxy that the option names."""
    with Receiver() as receiver, Proxy() as proxy:
        send(receiver.url, proxies={"http": proxy.url})
        assert (proxy.requests[0], receiver.summaries()) == (
            f"POST {receiver.base}/_bulk HTTP/1.1",
            ["a", "a"],
        )


def test_tunnel(tmp_path):
    """TLS goes through a tunnel, once for all requests, and is verified at its end."""
    with Receiver(tls=server_context()) as receiver, Proxy() as proxy:
        send(receiver.url, proxies={"https": proxy.url}, verify=authority_file(tmp_path))
        assert ([line.rpartition(" ")[0] for line in proxy.requests], receiver.summaries()) == (
            [f"CONNECT localhost:{receiver.port}"],
            ["a", "a"],
        )


def test_proxy_without_a_scheme():
    """host:port is enough for a proxy."""
    with Receiver() as receiver, Proxy() as proxy:
        send(receiver.url, proxies={"http": proxy.url.removeprefix("http://")})
        assert receiver.summaries() == ["a", "a"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_proxy_of_the_environment(monkeypatch, variable):
    """The proxy that the environment names is used."""
    with Receiver() as receiver, Proxy() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        send(receiver.url)
        assert len(proxy.requests) == 1


def test_no_proxy_of_the_environment(monkeypatch):
    """A host that the environment exempts is reached directly."""
    with Receiver() as receiver, Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        send(receiver.url)
        assert proxy.requests == []


def test_no_proxy_by_option(monkeypatch):
    """`proxies={}` uses none, whatever the environment says."""
    with Receiver() as receiver, Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        send(receiver.url, proxies={})
        assert proxy.requests == []


@pytest.mark.parametrize("tls", [True, False])
def test_credentials_of_the_proxy(tmp_path, tls):
    """User and password of the proxy's URL are sent to it."""
    context = server_context() if tls else None
    with Receiver(tls=context) as receiver, Proxy(("user", "s3cret")) as proxy:
        url = f"http://user:s3cret@127.0.0.1:{proxy.port}"
        send(
            receiver.url,
            proxies={"http": url, "https": url},
            verify=authority_file(tmp_path),
        )
        assert receiver.summaries() == ["a", "a"]


def test_credentials_of_the_proxy_stay_there(tmp_path):
    """What is for the proxy is not sent on through the tunnel."""
    with Receiver(tls=server_context()) as receiver, Proxy(("user", "s3cret")) as proxy:
        url = f"http://user:s3cret@127.0.0.1:{proxy.port}"
        send(receiver.url, proxies={"https": url}, verify=authority_file(tmp_path))
        assert "proxy-authorization" not in receiver.requests[-1].headers


@pytest.mark.parametrize("tls", [True, False])
def test_proxy_that_asks_in_vain(tmp_path, tls):
    """A proxy that wants other credentials is a matter of settings."""
    context = server_context() if tls else None
    with Receiver(tls=context) as receiver, Proxy(("user", "right")) as proxy:
        url = f"http://user:wr0ng@127.0.0.1:{proxy.port}"
        error = error_of(
            send,
            receiver.url,
            proxies={"http": url, "https": url},
            verify=authority_file(tmp_path),
        )
    assert (error.retryable, "407" in str(error), "wr0ng" in str(error)) == (False, True, False)


@pytest.mark.parametrize(("status", "retryable"), [(403, False), (502, True), (503, True)])
def test_proxy_that_refuses_the_tunnel(tmp_path, status, retryable):
    """A proxy that does not reach the server is an outage; one that forbids it is not."""
    with Receiver(tls=server_context()) as receiver, Proxy(status=status) as proxy:
        error = error_of(
            send, receiver.url, proxies={"https": proxy.url}, verify=authority_file(tmp_path)
        )
    assert (str(error), error.retryable, error.ambiguous) == (
        f"the proxy refuses the connection: HTTP {status}",
        retryable,
        False,
    )


def test_proxy_that_is_away():
    """A proxy without a listener is an outage."""
    proxy = f"http://user:s3cret@127.0.0.1:{unused_port()}"
    error = error_of(send, "http://127.0.0.1:1/events", proxies={"http": proxy})
    assert (str(error), error.retryable) == (
        "the proxy does not serve: Connection refused",
        True,
    )
