"""Syslog over TLS: certificates are verified, and what is refused is kept and told."""

from __future__ import annotations

import contextlib
import shutil
import socket

import pytest
from support.certificates import authority, authority_file, client_files, server_context, stranger
from support.running import run, wait_for
from support.syslog_servers import Rsyslog, StreamReceiver, event_of, frames

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.syslog import SyslogTransport

EVENT = b'{"summary": "a"}'


@pytest.fixture
def bundle(tmp_path):
    return authority_file(tmp_path)


def send(receiver, times=1, **options):
    url = f"syslog+tls://localhost:{receiver.port}"
    with contextlib.closing(SyslogTransport(url, **options)) as transport:
        for _ in range(times):
            transport.send([EVENT])


def error_of(context, **options):
    with StreamReceiver(tls=context) as receiver, pytest.raises(TransportError) as caught:
        send(receiver, **options)
    assert receiver.received == [b""]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"by": stranger()}, "unable to get local issuer certificate"),
        ({"expired": True}, "certificate has expired"),
        ({"names": ["example.com"]}, "Hostname mismatch"),
    ],
)
def test_wrong_certificates_are_refused(bundle, context, message):
    """An unknown issuer, an old certificate and another name are refused, and told clearly."""
    error = error_of(server_context(*context.pop("names", ()), **context), verify=bundle)
    assert "the certificate of the server is refused: " in str(error)
    assert (error.retryable, message in str(error)) == (False, True)


def test_rsyslog_with_another_certificate(bundle):
    """What an rsyslog shows that nobody vouches for is refused, and nothing is sent to it."""
    with Rsyslog(by=stranger()) as server:
        with pytest.raises(TransportError, match="the certificate of the server is refused"):
            SyslogTransport(server.url("tls"), verify=bundle).send([EVENT])
        assert server.messages() == []


def test_verification_is_the_default():
    """Without a word about it, a certificate of a private authority is refused."""
    assert "the certificate of the server is refused" in str(error_of(server_context()))


def test_verification_can_be_turned_off(caplog):
    """`verify=False` takes any certificate, and warns of it once."""
    with StreamReceiver(tls=server_context("example.com", by=stranger())) as receiver:
        send(receiver, verify=False)
        assert wait_for(lambda: event_of(receiver.received[0]) == EVENT)
    assert caplog.text.count("verify is False: anybody can read and change") == 1


def test_client_certificate(tmp_path):
    """A server that asks for a certificate gets the given one."""
    issued = authority().issue_cert("client.example.com")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    with Rsyslog(clients="client.example.com") as server:
        options = {"verify": server.folder / "authority.pem", "cert": tmp_path / "client.pem"}
        with contextlib.closing(SyslogTransport(server.url("tls"), **options)) as transport:
            transport.send([EVENT])
        assert server.events(1) == [EVENT]


def test_late_refusals_are_awaited():
    """Where connections are closed after their first batch, that is watched for longer."""
    with StreamReceiver() as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        with contextlib.closing(SyslogTransport(url)) as transport:
            trials = []
            for number in range(3):
                transport.send([EVENT])
                trials.append(transport._channel._trial)
                assert wait_for(lambda number=number: len(receiver._open) == number + 1)
                receiver._open[number].shutdown(socket.SHUT_RDWR)
                assert wait_for(lambda number=number: len(receiver.ends) == number + 1)
            assert trials == [0.2, 0.4, 0.8]
            transport.send([EVENT])
            transport.send([EVENT])
            assert transport._channel._trial == 0.2


@pytest.mark.parametrize("issuer", [None, stranger()])
def test_refused_client_certificate(tmp_path, bundle, issuer):
    """A server that refuses the client's certificate, or misses it, has got nothing before."""
    cert = client_files(tmp_path, by=issuer) if issuer else None
    error = error_of(server_context(clients=True), verify=bundle, cert=cert)
    assert (error.retryable, error.ambiguous, "TLS failed" in str(error)) == (False, False, True)


def test_renewed_files(tmp_path, bundle):
    """A CA bundle that is replaced counts from the next connection on."""
    other = tmp_path / "other.pem"
    stranger().cert_pem.write_to_path(other)
    with StreamReceiver(tls=server_context()) as receiver:
        url = f"syslog+tls://localhost:{receiver.port}"
        with contextlib.closing(SyslogTransport(url, verify=other)) as transport:
            with pytest.raises(TransportError, match="refused"):
                transport.send([EVENT])
            shutil.copy(bundle, other)
            transport.send([EVENT])
            other.write_text("")
            transport.send([EVENT])  # over the connection that stands
            transport.close()
            with pytest.raises(TransportError, match=r"verify is .*other\.pem") as caught:
                transport.send([EVENT])
            assert caught.value.retryable is False


def test_server_without_tls(bundle):
    """A server that speaks something else is told as such."""
    with StreamReceiver() as receiver:
        receiver._serve = lambda connection, number: connection.sendall(b"no TLS here\r\n" * 9)
        with pytest.raises(TransportError, match="TLS failed: WRONG_VERSION_NUMBER") as caught:
            send(receiver, verify=bundle)
    assert (caught.value.retryable, caught.value.ambiguous) == (False, False)


def test_one_connection(bundle):
    """Batches share a connection, which is ended in order."""
    with StreamReceiver(tls=server_context()) as receiver:
        send(receiver, times=5, verify=bundle)
        assert wait_for(lambda: receiver.ends == ["closed"])
        assert [len(frames(data)) for data in receiver.received] == [5]


def test_fork(bundle):
    """A forked child lets the parent's connection be: only the parent ends it."""
    with StreamReceiver(tls=server_context()) as receiver:
        run("syslog_forks", f"syslog+tls://localhost:{receiver.port}", bundle)
        assert wait_for(lambda: receiver.ends == ["closed"])
        summaries = [event_of(frame) for frame in frames(receiver.received[0])]
        assert summaries == [b'{"summary": "before"}', b'{"summary": "after"}']
        assert len(receiver.received) == 1
