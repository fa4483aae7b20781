"""SQS keeps the promises of the contract; moto's server in a process of its own stands for it."""

import contextlib

import pytest
from support.receivers import unused_port
from support.sqs_queues import FrontEnd, new_queue, transport_to
from support.transport_contract import TransportContract

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


class SQSContract(TransportContract):
    """Events to a queue, standard or FIFO."""

    fifo = False

    @pytest.fixture(autouse=True)
    def server(self, moto):
        self.port = moto

    def queue(self):
        return new_queue(self.port, fifo=self.fifo)

    @contextlib.contextmanager
    def working(self):
        queue = self.queue()
        received = []

        def arrived():
            received.extend(queue.bodies())
            return received

        with transport_to(queue) as transport:
            yield transport, arrived

    @contextlib.contextmanager
    def broken(self):
        queue = self.queue()
        with FrontEnd(queue) as front_end, transport_to(queue, front_end.endpoint) as transport:
            front_end.fail_call = lambda action, asked: (500, "InternalFailure")
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with transport_to(self.queue(), f"http://127.0.0.1:{unused_port()}") as transport:
            yield transport


class TestStandardQueue(SQSContract):
    """A queue without an order."""


class TestFIFOQueue(SQSContract):
    """A queue that keeps the order."""

    fifo = True
