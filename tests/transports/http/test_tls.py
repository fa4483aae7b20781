"""Certificates are verified, unless the user says otherwise; the error of a refusal says why."""

import contextlib
import logging
import pathlib
import socket
import ssl
import threading
import warnings

import pytest
from support.certificates import authority_file, client_files, server_context, stranger
from support.errors import error_of
from support.receivers import CLOSE, OK, Receiver

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.http import HTTPTransport

EVENT = b'{"summary":"a"}'


@pytest.fixture
def bundle(tmp_path):
    return authority_file(tmp_path)


def send(receiver, times=1, **options):
    with contextlib.closing(HTTPTransport(receiver.url, **options)) as transport:
        for _ in range(times):
            transport.send([EVENT])


def refusal_of(context, **options):
    """Return the error of an attempt that sends no request to a server of *context*."""
    with Receiver(tls=context) as receiver:
        error = error_of(send, receiver, **options)
    assert not receiver.requests
    return error


def test_trusted_server(bundle):
    """A server with a certificate of the given bundle is sent to, over one connection."""
    with Receiver(tls=server_context()) as receiver:
        send(receiver, times=5, verify=bundle)
        assert (receiver.connections, receiver.summaries()) == (1, ["a"] * 5)


def test_relative_paths(tmp_path, monkeypatch):
    """Certificates are read again where they were, though the program changes its folder."""
    names = [pathlib.Path(path).name for path in client_files(tmp_path)]
    bundle = pathlib.Path(authority_file(tmp_path)).name
    monkeypatch.chdir(tmp_path)
    with (
        Receiver(tls=server_context(clients=True)) as receiver,
        contextlib.closing(HTTPTransport(receiver.url, verify=bundle, cert=names)) as transport,
    ):
        monkeypatch.chdir("/")
        transport.send([EVENT])
        assert receiver.summaries() == ["a"]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_bundle_of_the_environment(bundle, monkeypatch, variable):
    """The bundle that the environment names counts, as for every program that uses requests."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, bundle)
    with Receiver(tls=server_context()) as receiver:
        send(receiver)
        assert receiver.summaries() == ["a"]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"by": stranger()}, "unable to get local issuer certificate"),
        ({"expired": True}, "certificate has expired"),
        ({"names": ["example.com"]}, "Hostname mismatch"),
    ],
)
def test_wrong_certificates_are_refused(bundle, context, message):
    """An unknown issuer, an old certificate and another name are refused, with the reason."""
    error = refusal_of(server_context(*context.pop("names", ()), **context), verify=bundle)
    assert (error.retryable, message in str(error)) == (False, True)


def test_verification_is_the_default(monkeypatch):
    """By default, a certificate of a private authority is refused."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    assert "the certificate of the server is refused" in str(refusal_of(server_context()))


def test_verification_can_be_turned_off():
    """`verify=False` accepts any certificate, also if warnings are errors."""
    with Receiver(tls=server_context("example.com", by=stranger())) as receiver:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            send(receiver, verify=False)
        assert receiver.summaries() == ["a"]


def test_no_verification_is_warned_of_once(caplog):
    """`verify=False` is warned of once, however many events and connections there are."""
    with (
        caplog.at_level(logging.WARNING),
        Receiver(tls=server_context()) as receiver,
        contextlib.closing(HTTPTransport(receiver.url, verify=False)) as transport,
    ):
        for _ in range(3):
            transport.send([EVENT])
            transport.close()
        assert [record.getMessage() for record in caplog.records] == [
            "verify is False: anybody can read and change what is sent to " + receiver.url
        ]


def test_no_verification_without_tls_is_no_matter(caplog):
    """`verify=False` says nothing about plain HTTP."""
    HTTPTransport("http://host/events", verify=False).close()
    assert not caplog.records


@pytest.mark.parametrize("pair", [True, False])
def test_client_certificate(bundle, tmp_path, pair):
    """A client certificate is shown, from one file or two."""
    cert = client_files(tmp_path)
    if not pair:
        both = tmp_path / "both.pem"
        both.write_text("".join(pathlib.Path(path).read_text() for path in cert))
        cert = str(both)
    with Receiver(tls=server_context(clients=True)) as receiver:
        send(receiver, verify=bundle, cert=cert)
        assert receiver.summaries() == ["a"]


def test_missing_client_certificate(bundle):
    """A server that asks for a certificate in vain gets no event; nothing is lost."""
    error = refusal_of(server_context(clients=True), verify=bundle)
    assert isinstance(error, TransportError)


def test_refused_client_certificate(bundle, tmp_path):
    """A client certificate that the server does not trust costs no event."""
    cert = client_files(tmp_path, by=stranger())
    error = refusal_of(server_context(clients=True), verify=bundle, cert=cert)
    assert isinstance(error, TransportError)


def test_plain_server_behind_https(bundle):
    """TLS to a server that speaks none is a matter of settings, and says so."""
    error = error_of_answer_to_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", bundle)
    assert "TLS failed" in str(error)
    assert not error.retryable


def test_server_that_closes_in_the_handshake(bundle):
    """A server that goes away while TLS begins, as one that restarts does, is an outage."""
    assert error_of_answer_to_hello(b"", bundle).retryable


def error_of_answer_to_hello(answer, bundle):
    """What a transport says whose TLS hello gets *answer* and the end of the connection."""

    def answer_hello(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_hello, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/events"
        error = error_of(HTTPTransport(url, verify=bundle).send, [EVENT])
        thread.join()
    return error


def test_tls_server_behind_http():
    """Plain HTTP to a server that speaks TLS is no success."""
    with (
        Receiver(tls=server_context()) as receiver,
        pytest.raises(TransportError),
        contextlib.closing(HTTPTransport(f"http://127.0.0.1:{receiver.port}/events")) as transport,
    ):
        transport.send([EVENT])


def test_silent_close_over_tls(bundle):
    """A kept connection that is closed without a word is replaced, over TLS as well."""
    seen = set()

    def respond(request):
        first = request.connection not in seen
        seen.add(request.connection)
        return OK if first else CLOSE

    with Receiver(respond, tls=server_context()) as receiver:
        with contextlib.closing(
            HTTPTransport(f"{receiver.base}/_bulk", verify=bundle)
        ) as transport:
            for number in range(5):
                transport.send([b'{"summary":"%d"}' % number])
        assert receiver.summaries() == list("01234")


def test_large_batch_over_tls(bundle):
    """A body of many TLS records arrives complete."""
    events = [b'{"summary":"%s"}' % (b"x" * 90_000)] * 20
    with Receiver(tls=server_context()) as receiver:
        with contextlib.closing(HTTPTransport(receiver.url, verify=bundle)) as transport:
            transport.send(events)
        assert receiver.raw_events() == events


def test_old_tls_is_refused(bundle):
    """TLS 1.1 is not spoken."""
    context = server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert isinstance(refusal_of(context, verify=bundle), TransportError)
