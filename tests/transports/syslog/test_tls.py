"""Syslog over TLS: certificates are verified; where one is refused, events are kept."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from support.certificates import authority, authority_file, client_files, server_context, stranger
from support.errors import error_of, kind_of
from support.running import run, wait_for
from support.syslog_servers import EVENT, ConnectionReceiver, Rsyslog, event_of, frames

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.syslog import SyslogTransport


@pytest.fixture
def bundle(tmp_path):
    return authority_file(tmp_path)


def send(receiver, times=1, **options):
    url = f"syslog+tls://localhost:{receiver.port}"
    with contextlib.closing(SyslogTransport(url, **options)) as transport:
        for _ in range(times):
            transport.send([EVENT])


def refusal(context, **options):
    """Return the error of a connection on which nothing is sent."""
    with ConnectionReceiver(tls=context) as receiver:
        error = error_of(send, receiver, **options)
    assert receiver.received == [b""]
    return error


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
    error = refusal(server_context(*context.pop("names", ()), **context), verify=bundle)
    assert "the certificate of the receiver is refused: " in str(error)
    assert (error.retryable, message in str(error)) == (False, True)


@pytest.mark.rsyslog
def test_rsyslog_with_another_certificate(bundle):
    """An rsyslog with a certificate of an unknown issuer is refused, and nothing is sent to it."""
    with Rsyslog(by=stranger()) as server:
        with pytest.raises(TransportError, match="the certificate of the receiver is refused"):
            SyslogTransport(server.url("tls"), verify=bundle).send([EVENT])
        assert server.messages() == []


def test_verification_is_the_default():
    """Without `verify`, a certificate of a private authority is refused."""
    assert "the certificate of the receiver is refused" in str(refusal(server_context()))


def test_verification_can_be_turned_off(caplog):
    """`verify=False` accepts any certificate, with one warning."""
    with ConnectionReceiver(tls=server_context("example.com", by=stranger())) as receiver:
        send(receiver, verify=False)
        assert wait_for(lambda: event_of(receiver.received[0]) == EVENT)
    assert caplog.text.count("verify is False: anybody can read and change") == 1


@pytest.mark.rsyslog
def test_client_certificate(tmp_path):
    """A server that asks for a certificate gets the given one."""
    issued = authority().issue_cert("client.example.com")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    with Rsyslog(clients="client.example.com") as server:
        options = {"verify": server.folder / "authority.pem", "cert": tmp_path / "client.pem"}
        with contextlib.closing(SyslogTransport(server.url("tls"), **options)) as transport:
            transport.send([EVENT])
        assert server.events(1) == [EVENT]


@pytest.mark.parametrize("issuer", [None, stranger()])
def test_refused_client_certificate(tmp_path, bundle, issuer):
    """Nothing is sent to a server that refuses the client's certificate, or misses it."""
    cert = client_files(tmp_path, by=issuer) if issuer else None
    error = refusal(server_context(clients=True), verify=bundle, cert=cert)
    assert (error.retryable, error.ambiguous, "TLS failed" in str(error)) == (False, False, True)


def test_renewed_files(tmp_path, bundle):
    """A CA bundle that is replaced counts from the next connection on."""
    other = tmp_path / "other.pem"
    stranger().cert_pem.write_to_path(other)
    with ConnectionReceiver(tls=server_context()) as receiver:
        url = f"syslog+tls://localhost:{receiver.port}"
        with contextlib.closing(SyslogTransport(url, verify=other)) as transport:
            with pytest.raises(TransportError, match="refused"):
                transport.send([EVENT])
            shutil.copy(bundle, other)
            transport.send([EVENT])
            other.write_text("")
            transport.send([EVENT])  # over the open connection
            transport.close()
            with pytest.raises(TransportError, match=r"verify is .*other\.pem") as caught:
                transport.send([EVENT])
            assert caught.value.retryable is False


def test_server_without_tls(bundle):
    """The error says so where a server does not speak TLS."""

    def answer(connection):
        connection.sendall(b"no TLS here\r\n" * 9)

    with ConnectionReceiver(serve=answer) as receiver:
        error = error_of(send, receiver, verify=bundle)
    assert "TLS failed: WRONG_VERSION_NUMBER" in str(error)
    assert kind_of(error) == (TransportError, False, False)


def test_one_connection(bundle):
    """Batches share a connection, which is ended in order."""
    with ConnectionReceiver(tls=server_context()) as receiver:
        send(receiver, times=5, verify=bundle)
        assert wait_for(lambda: receiver.ends == ["closed"])
        assert [len(frames(data)) for data in receiver.received] == [5]


def test_fork(bundle):
    """A forked child says nothing on the connection of its parent, which alone ends it."""
    with ConnectionReceiver(tls=server_context()) as receiver:
        run("syslog_forks", f"syslog+tls://localhost:{receiver.port}", bundle)
        assert wait_for(lambda: receiver.ends == ["closed"])
        summaries = [event_of(frame) for frame in frames(receiver.received[0])]
        assert summaries == [b'{"summary": "before"}', b'{"summary": "after"}']
        assert len(receiver.received) == 1
