"""Events over AMQP keep the promises of every transport."""

from __future__ import annotations

import contextlib

import pytest
from support.brokers import Broker, Queue, free_port
from support.certificates import authority, authority_file
from support.transport_contract import TransportContract

from structlog_mozdef.transports.amqp import AMQPTransport

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(scope="module")
def broker():
    with Broker(certificate=authority().issue_cert("localhost")) as broker:
        yield broker


class TestAMQP(TransportContract):
    """A queue of RabbitMQ."""

    @pytest.fixture(autouse=True)
    def _broker(self, broker, tmp_path):
        self.broker = broker
        self.options = {}

    @property
    def url(self):
        return self.broker.url

    @contextlib.contextmanager
    def working(self):
        with (
            Queue(self.broker) as queue,
            contextlib.closing(AMQPTransport(self.url, **self.options)) as transport,
        ):
            bodies = []

            def arrived():
                bodies.extend(queue.bodies())
                return bodies

            yield transport, arrived

    @contextlib.contextmanager
    def broken(self):
        with contextlib.closing(
            AMQPTransport(self.url, exchange="missing", **self.options)
        ) as transport:
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with contextlib.closing(AMQPTransport(f"amqp://127.0.0.1:{free_port()}")) as transport:
            yield transport


class TestAMQPS(TestAMQP):
    """The same over TLS."""

    @pytest.fixture(autouse=True)
    def _bundle(self, _broker, tmp_path):
        self.options = {"verify": authority_file(tmp_path)}

    @property
    def url(self):
        return self.broker.tls_url


class TestAMQPFullQueue(TestAMQP):
    """A queue that accepts nothing."""

    @contextlib.contextmanager
    def broken(self):
        with (
            Queue(self.broker, x_max_length=0, x_overflow="reject-publish"),
            contextlib.closing(AMQPTransport(self.url)) as transport,
        ):
            yield transport


class TestAMQPHosts(TestAMQP):
    """Several hosts, of which one is away."""

    @property
    def url(self):
        return f"amqp://127.0.0.1:{free_port()},127.0.0.1:{self.broker.port}/%2F"

    @contextlib.contextmanager
    def unreachable(self):
        url = f"amqp://127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
        with contextlib.closing(AMQPTransport(url)) as transport:
            yield transport
