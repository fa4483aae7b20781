"""Connections to RabbitMQ: TLS, users, idleness, forks, and no secret in any text."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time

import pytest
from support.brokers import Broker, Queue, free_port
from support.certificates import authority, authority_file, client_files, stranger
from support.errors import error_of, everything_about
from support.proxies import Relay
from support.running import run, wait_for

from structlog_mozdef import Sink
from structlog_mozdef.transports.amqp import AMQPTransport

EVENT = b'{"summary": "a"}'
SECRET = "s3cret"

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(scope="module")
def broker():
    with Broker(
        certificate=authority().issue_cert("localhost"),
        plugins="rabbitmq_auth_mechanism_ssl",
        settings="auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\n"
        "ssl_cert_login_from = common_name",
    ) as broker:
        yield broker


@pytest.fixture
def queue(broker):
    with Queue(broker) as queue:
        yield queue


@pytest.fixture
def bundle(tmp_path):
    return authority_file(tmp_path)


def send(url, **options):
    with contextlib.closing(AMQPTransport(url, **options)) as transport:
        transport.send([EVENT])


# TLS.


def test_trusted_broker(broker, queue, bundle):
    """A broker with a certificate of the given bundle is sent to."""
    send(broker.tls_url, verify=bundle)
    assert queue.bodies() == [EVENT]


def test_unknown_issuer(broker, queue):
    """By default a certificate of a private authority is refused, and nothing is sent."""
    error = error_of(send, broker.tls_url)
    assert (error.retryable, len(queue)) == (False, 0)
    assert "the certificate of the broker is refused" in str(error)


def test_other_issuer(broker, tmp_path):
    """A bundle of another authority does not do."""
    path = tmp_path / "stranger.pem"
    stranger().cert_pem.write_to_path(path)
    assert "certificate of the broker is refused" in str(
        error_of(send, broker.tls_url, verify=path)
    )


def test_wrong_host_name(broker, queue, bundle):
    """A certificate for another name is refused."""
    error = error_of(send, f"amqps://127.0.0.1:{broker.tls_port}", verify=bundle)
    assert (error.retryable, len(queue)) == (False, 0)
    assert "IP address mismatch" in str(error)


def test_verification_can_be_turned_off(broker, queue, caplog):
    """`verify=False` accepts any certificate, with a warning."""
    send(f"amqps://127.0.0.1:{broker.tls_port}", verify=False)
    assert (queue.bodies(), "verify is False" in caplog.text) == ([EVENT], True)


def test_plain_port(broker, bundle):
    """TLS with a port that does not speak it fails for good, in time."""
    error = error_of(send, f"amqps://localhost:{broker.port}", verify=bundle)
    assert (error.retryable, "TLS failed" in str(error)) == (False, True)


def test_tls_port(broker):
    """No TLS with a port that asks for it fails, in time."""
    error = error_of(send, f"amqp://localhost:{broker.tls_port}", connect_timeout=5)
    assert error.ambiguous is False


def test_large_batch_over_tls(broker, queue, bundle):
    """Many megabytes arrive over TLS as they were."""
    batch = [b"%d " % number + bytes(range(32, 127)) * 50 for number in range(2000)]
    with contextlib.closing(AMQPTransport(broker.tls_url, verify=bundle)) as transport:
        transport.send(batch)
    assert queue.bodies() == batch


# Users.


def test_client_certificate_is_the_user(broker, queue, bundle, tmp_path):
    """A broker that knows users by their certificates needs no password."""
    issued = authority().issue_cert("client@example.com", common_name="guest")
    path = tmp_path / "guest.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    send(broker.tls_url, verify=bundle, cert=path)
    assert queue.bodies() == [EVENT]


def test_client_certificate_of_nobody(broker, bundle, tmp_path):
    """A certificate of a user that the broker does not have is refused."""
    error = error_of(send, broker.tls_url, verify=bundle, cert=client_files(tmp_path))
    assert (error.retryable, str(error)) == (False, "the broker rejects user and password")


def test_user_beside_a_certificate(broker, queue, bundle, tmp_path):
    """A user in the URL counts more than the name in the certificate."""
    url = f"amqps://guest:guest@localhost:{broker.tls_port}"
    send(url, verify=bundle, cert=client_files(tmp_path))
    assert queue.bodies() == [EVENT]


@pytest.mark.parametrize("user", ["guest:s3cret", "s3cret:guest", "gu%65st:%73%33cret"])
def test_wrong_password(broker, user):
    """The error names a wrong user or password; attempts are rare."""
    error = error_of(send, f"amqp://{user}@127.0.0.1:{broker.port}")
    assert (error.retryable, error.ambiguous, str(error)) == (
        False,
        False,
        "the broker rejects user and password",
    )


def test_missing_vhost(broker):
    """The error names a vhost that is not there."""
    error = error_of(send, f"{broker.url}/my%2Fown")
    assert (error.retryable, str(error)) == (
        False,
        "vhost 'my/own' does not exist, or the user has no access to it",
    )


@pytest.mark.parametrize("path", ["", "/", "//", "/%2F", "/%2f"])
def test_default_vhost(broker, queue, path):
    """Each way of writing the vhost / is understood."""
    send(broker.url + path)
    assert queue.bodies() == [EVENT]


def test_connection_has_a_name(broker, queue):
    """At the broker, a connection has the name of its program."""
    with contextlib.closing(AMQPTransport(broker.url)) as transport:
        transport.send([EVENT])
        name = "has a client-provided name: structlog-mozdef"
        assert wait_for(lambda: name in broker.log())


# Idleness.


@contextlib.contextmanager
def relayed(broker, **options):
    """A transport, and the relay through which it speaks to the broker."""
    with (
        Relay(broker.port) as relay,
        contextlib.closing(AMQPTransport(f"amqp://127.0.0.1:{relay.port}", **options)) as transport,
    ):
        yield transport, relay


def test_idle_connections(broker, queue):
    """One that was left alone is closed by the broker, which costs nothing; one that is not, stays.

    `idle` is what keeps it.
    """
    with (
        relayed(broker, heartbeat=1) as (alone, alone_relay),
        relayed(broker, heartbeat=1) as (kept, kept_relay),
    ):
        alone.send([b"1"])
        kept.send([b"2"])
        missed = broker.log().count("missed heartbeats")
        assert wait_for(lambda: kept.idle() or broker.log().count("missed heartbeats") > missed)
        assert alone.send([b"3"]).retry == ()
        assert kept.send([b"4"]).retry == ()
        assert (len(alone_relay.ports), len(kept_relay.ports)) == (2, 1)
    assert queue.bodies() == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize(("silence", "connections"), [(89, 1), (91, 2)])
def test_silent_connection_is_replaced(broker, queue, silence, connections, idle):
    """A connection on which the broker was silent for 1.5 heartbeats may be dead, and is not used.

    It does not help that a heartbeat was sent.
    """
    now = [0.0]
    with relayed(broker, clock=lambda: now[0]) as (transport, relay):
        transport.send([b"1"])
        now[0] += silence
        if idle:
            transport.idle()
        transport.send([b"2"])
        assert len(relay.ports) == connections
    assert queue.bodies() == [b"1", b"2"]


def test_dead_connection_while_idle(broker, queue, caplog):
    """A connection that ended while nothing was sent is put away without a word."""
    with relayed(broker) as (transport, relay), caplog.at_level(logging.WARNING):
        transport.send([b"1"])
        relay.cut()
        transport.idle()
        transport.send([b"2"])
        assert (len(relay.ports), caplog.text) == (2, "")
    assert queue.bodies() == [b"1", b"2"]


def test_idle_before_the_first_event(broker):
    """There is nothing to keep alive before there was an event."""
    with relayed(broker) as (transport, relay):
        transport.idle()
        assert relay.ports == []


def test_connection_is_closed_politely(broker, queue):
    """The broker has nothing to complain of when the transport is closed."""
    with relayed(broker) as (transport, relay):
        transport.send([EVENT])
        transport.close()

        def last_words():
            return [
                line
                for line in broker.log().splitlines()
                if f":{relay.ports[0]} ->" in line and "closing AMQP connection" in line
            ]

        assert wait_for(last_words)
        assert ["[info]" in line for line in last_words()] == [True]


def test_closing_is_bounded(broker, queue):
    """Closing ends soon although the broker does not answer any more."""
    transport = AMQPTransport(broker.url)
    transport.send([EVENT])
    broker.pause()
    try:
        start = time.monotonic()
        transport.close()
        assert time.monotonic() - start < 10
    finally:
        broker.resume()


# Forks.


@pytest.mark.parametrize("tls", [False, True])
def test_fork(broker, queue, bundle, tls):
    """A child sends on a connection of its own, while the parent's goes on."""
    with Relay(broker.tls_port if tls else broker.port) as relay:
        url = f"{'amqps' if tls else 'amqp'}://localhost:{relay.port}"
        run("amqp_fork", *((url, bundle) if tls else (url,)))
        assert len(relay.ports) == 2
    assert sorted(queue.bodies()) == [
        b'{"summary": "child"}',
        b'{"summary": "parent after"}',
        b'{"summary": "parent before"}',
    ]


# Secrets.


@pytest.mark.parametrize(
    "hosts",
    [
        "127.0.0.1:{broker.port}",
        "127.0.0.1:{broker.port}/missing",
        "127.0.0.1:{broker.tls_port}",
        "127.0.0.1:{free}",
        "127.0.0.1:{free},127.0.0.1:{broker.port}",
        "no-such-host.invalid",
    ],
)
@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_failures_show_no_secret(broker, scheme, hosts, caplog):
    """However it fails, neither the error nor any log record shows the password."""
    hosts = hosts.format(broker=broker, free=free_port())
    with caplog.at_level(logging.DEBUG):
        error = error_of(send, f"{scheme}://user:{SECRET}@{hosts}", connect_timeout=3)
    assert SECRET not in everything_about(error) + caplog.text


def test_names_show_no_secret():
    """A transport and its parts show where they send to, and nothing else."""
    transport = AMQPTransport(f"amqp://user:{SECRET}@a,b:1/v")
    assert (repr(transport), transport.name) == (
        "<AMQPTransport to amqp://a,b:1/v>",
        "amqp://a,b:1/v",
    )
    assert SECRET not in repr(vars(transport))


def test_sink_shows_no_secret(broker, caplog):
    """Neither the statistics nor the warnings of a sink show the password."""
    with caplog.at_level(logging.DEBUG):
        sink = Sink(f"amqp://user:{SECRET}@127.0.0.1:{broker.port}", linger=0)
        sink.put(EVENT)
        sink.flush(timeout=1)
        text = repr(sink.stats()) + repr(sink)
        sink.close(timeout=0)
    assert "rejects user and password" in text
    assert SECRET not in text + caplog.text


# Servers that are no brokers.


@contextlib.contextmanager
def server(respond):
    """A server that gives each connection to *respond*."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(5)
                respond(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"amqp://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"AMQP\x00\x00\x09\x01",
        b"\x01\x00\x00\xff\xff\xff\xff",
        b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0aX",
    ],
    ids=["http", "version", "huge", "no end"],
)
def test_other_protocols(answer):
    """The error says that a server does not speak AMQP; attempts are rare."""
    with server(lambda connection: connection.sendall(answer)) as url:
        error = error_of(send, url)
    assert (error.retryable, error.ambiguous, str(error)) == (
        False,
        False,
        "what the broker answers is not AMQP 0-9-1",
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x01\x00\x00\x00\x00\x00\x05\x00\x0a\x00\x0a\x00\xce",
        b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x63\xce",
        b"\x03\x00\x07\x00\x00\x00\x01x\xce",
    ],
    ids=["closes", "cut off", "unknown method", "body first"],
)
def test_broken_answers(answer):
    """An answer that cannot be understood is this package's own error."""
    with server(lambda connection: connection.sendall(answer)) as url:
        error = error_of(send, url)
    assert (error.ambiguous, error.__context__) == (False, None)


def test_server_that_says_nothing():
    """A server that accepts and keeps silent is given up in time."""

    def keep_silent(connection):
        while connection.recv(1000):
            pass

    with server(keep_silent) as url:
        error = error_of(send, url, connect_timeout=0.2)
    assert (error.retryable, str(error)) == (True, "no session within the connect timeout")


def test_server_that_drips():
    """A server that sends one byte at a time is given up in time all the same."""

    def drip(connection):
        for byte in b"\x01\x00\x00\x00\x00\x10\x00" + b"x" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    with server(drip) as url:
        start = time.monotonic()
        error = error_of(send, url, connect_timeout=0.3)
        assert time.monotonic() - start < 3
    assert str(error) == "no session within the connect timeout"
