"""RabbitMQ rejects, is full, or dies: nothing is lost, and only what must be is repeated."""

from __future__ import annotations

import collections
import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass

import pytest
from support.brokers import Broker, Queue
from support.errors import error_of
from support.proxies import Relay
from support.running import wait_for

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.amqp import AMQPTransport

pytestmark = pytest.mark.rabbitmq

SOON = RetryPolicy(wait_initial=0.05, wait_max=0.2)


@pytest.fixture(scope="module")
def broker():
    with Broker(settings="max_message_size = 500000") as broker:
        yield broker


@pytest.fixture
def queue(broker):
    with Queue(broker) as queue:
        yield queue


@pytest.fixture
def transport(broker):
    with contextlib.closing(AMQPTransport(broker.url)) as transport:
        yield transport


def events(count, size=300):
    return [
        json.dumps({"summary": f"event {number}", "details": {"fill": "x" * size}}).encode()
        for number in range(count)
    ]


class Sending(threading.Thread):
    """One attempt to send *batch*, while the test goes on."""

    def __init__(self, transport, batch):
        super().__init__()
        self.transport, self.batch = transport, batch
        self.result = self.error = None
        self.start()

    def run(self):
        try:
            self.result = self.transport.send(self.batch)
        except TransportError as error:
            self.error = error

    def unconfirmed(self):
        """Which events have to be sent again."""
        self.join(60)
        return [self.batch[index] for index in self.result.retry]


# What arrives.


def test_properties(queue, transport):
    """A message is what MozDef's worker reads: exchange, routing key, mode and content type."""
    transport.send([b'{"summary": "a"}'])
    ((result, properties, body),) = queue.messages()
    assert (
        result.exchange,
        result.routing_key,
        properties.delivery_mode,
        properties.content_type,
        properties.content_encoding,
        properties.headers,
        body,
    ) == ("eventtask", "eventtask", 2, "application/json", None, None, b'{"summary": "a"}')


def test_default_exchange(queue, broker):
    """With an empty exchange, the routing key is the name of a queue."""
    with contextlib.closing(
        AMQPTransport(broker.url, exchange="", routing_key="eventtask")
    ) as transport:
        transport.send([b"{}"])
    assert queue.bodies() == [b"{}"]


def test_large_batch(queue, transport):
    """A batch of many megabytes, with events of several frames, arrives in order."""
    batch = [*events(3000, size=900), *events(20, size=300_000)]
    transport.send(batch)
    assert queue.bodies() == batch


# What the broker does not accept.


def test_unroutable(broker, transport):
    """Events that no queue is bound for are kept, and the error says why."""
    with Queue(broker, bound=False) as queue:
        error = error_of(transport.send, events(1000))
        assert (error.retryable, error.ambiguous, len(queue)) == (True, False, 0)
        assert "no queue is bound" in str(error)


def test_unroutable_until_bound(broker):
    """Through a sink, they arrive once the queue is bound; none counts as delivered before."""
    batch = events(20)
    with (
        Queue(broker, bound=False) as queue,
        Sink(broker.url, retry=SOON, linger=0) as sink,
    ):
        for event in batch:
            sink.put(event)
        assert wait_for(lambda: sink.stats().failed_attempts > 1)
        assert sink.stats().delivered == 0
        queue.bind()
        assert sink.flush(20)
        # In any order: the queue may be bound in the middle of a batch.
        assert (sorted(queue.bodies()), sink.stats().delivered) == (sorted(batch), 20)


def test_full_queue(broker, transport):
    """Of a batch that a queue accepts in part, exactly the rest has to be sent again."""
    batch = events(30)
    with Queue(broker, x_max_length=10, x_overflow="reject-publish") as queue:
        result = transport.send(batch)
        arrived = queue.bodies()
        assert [batch[index] for index in result.retry] == [
            event for event in batch if event not in arrived
        ]
        assert (len(arrived), result.error.retryable, result.error.ambiguous) == (
            10,
            True,
            False,
        )


def test_full_queue_is_emptied(broker):
    """Through a sink, each event arrives exactly once while somebody empties the full queue."""
    batch = events(50)
    arrived = []
    with (
        Queue(broker, x_max_length=10, x_overflow="reject-publish") as queue,
        Sink(broker.url, retry=SOON, linger=0) as sink,
    ):
        for event in batch:
            sink.put(event)
        assert wait_for(lambda: arrived.extend(queue.bodies()) or sink.flush(0))
        arrived += queue.bodies()
    assert sorted(arrived) == sorted(batch)


def test_missing_exchange(transport):
    """Without MozDef's exchange nothing is published, and the error says why."""
    error = error_of(transport.send, events(1))
    assert (error.retryable, error.ambiguous, "no exchange 'eventtask'" in str(error)) == (
        False,
        False,
        True,
    )


def test_exchange_that_disappears(broker, transport):
    """An exchange that is removed while the connection is open is the same error."""
    with Queue(broker):
        transport.send(events(1))
    error = error_of(transport.send, events(1))
    assert (error.retryable, "no exchange 'eventtask'" in str(error)) == (False, True)


@pytest.fixture(scope="module")
def users(broker):
    """One may only read, one only write to MozDef's exchange."""
    users = "rabbit_auth_backend_internal"
    broker.control(
        "eval",
        "".join(
            f'{users}:add_user(<<"{name}">>, <<"p/w@,">>, <<"test">>),'
            f'{users}:set_permissions(<<"{name}">>, <<"/">>, <<"">>, {may}, <<"test">>),'
            for name, may in {
                "reader": '<<"">>, <<".*">>',
                "writer": '<<"^eventtask$">>, <<"">>',
            }.items()
        )
        + "ok.",
    )
    return [f"amqp://{name}:p%2Fw%40%2C@127.0.0.1:{broker.port}" for name in ("reader", "writer")]


def test_write_is_not_allowed(queue, users):
    """The error says that a user may not write."""
    with contextlib.closing(AMQPTransport(users[0])) as transport:
        error = error_of(transport.send, events(1))
    assert (error.retryable, str(error)) == (
        False,
        "the user may not write to exchange 'eventtask'",
    )


def test_permission_to_write_is_enough(queue, users):
    """A user that may do nothing but write to the exchange can send."""
    with contextlib.closing(AMQPTransport(users[1])) as transport:
        transport.send([b"{}"])
    assert queue.bodies() == [b"{}"]


def test_event_that_is_too_large(queue, transport):
    """An event that the broker finds too large is rejected; the others are accepted."""
    batch = [b"a" * 10, b"b" * 500_001, b"c" * 10]
    result = transport.send(batch)
    assert list(result.rejected) == [1]
    transport.send([batch[index] for index in result.retry])
    assert set(queue.bodies()) == {batch[0], batch[2]}


# The broker has no memory left.


def test_memory_alarm(broker, queue, transport):
    """An alarm is waited out, in one attempt or several, and no event is lost or repeated."""
    batch = events(1000)
    later = [0.0]
    with contextlib.closing(
        AMQPTransport(broker.url, confirm_timeout=0.5, clock=lambda: time.monotonic() + later[0])
    ) as hasty:
        broker.control("set_vm_memory_high_watermark", "0.00001")
        try:
            error = error_of(hasty.send, batch[:100])
            sending = Sending(transport, batch[100:])
            again = error_of(hasty.send, batch[:100])
        finally:
            broker.control("set_vm_memory_high_watermark", "absolute", "1GB")
        assert sending.unconfirmed() == []
        assert wait_for(lambda: len(queue) == 1000)
        # However long it took: a broker that reads nothing misses no sign of life.
        later[0] = 3600.0
        hasty.send(batch[:100])
    assert (error.retryable, "alarm" in str(error), str(again)) == (True, True, str(error))
    assert collections.Counter(queue.bodies()) == collections.Counter(batch)


def test_broker_that_hangs(broker, queue):
    """A broker that does not answer is given up in time; what it got may come twice, none never."""
    batch = events(100)
    with contextlib.closing(AMQPTransport(broker.url, confirm_timeout=0.5)) as transport:
        transport.send(batch[:1])
        broker.pause()
        try:
            error = error_of(transport.send, batch[1:])
        finally:
            broker.resume()
        transport.send(batch[1:])
    assert (error.retryable, error.ambiguous, "no confirm" in str(error)) == (True, True, True)
    assert set(queue.bodies()) == set(batch)


def test_broker_that_hangs_from_the_start(broker):
    """A connection that leads to nothing is given up in time, and nothing was published."""
    broker.pause()
    try:
        with contextlib.closing(AMQPTransport(broker.url, connect_timeout=0.3)) as transport:
            error = error_of(transport.send, events(1))
    finally:
        broker.resume()
    assert (error.retryable, error.ambiguous) == (True, False)


# The broker dies.


@dataclass
class Killed:
    """What was found after the broker was killed while a transport and a sink were sending."""

    batch: list[bytes]
    unconfirmed: list[bytes]
    error: TransportError
    spooled: list[bytes]
    counts: collections.Counter


@pytest.fixture(scope="module")
def killed(broker, tmp_path_factory):
    batch = events(25_000)
    spooled = [event.replace(b"event", b"spooled") for event in events(6000)]
    spool = tmp_path_factory.mktemp("amqp") / "spool"
    with (
        Queue(broker) as queue,
        Relay(broker.port) as relay,
        contextlib.closing(AMQPTransport(f"amqp://127.0.0.1:{relay.port}")) as transport,
        Sink(broker.url, spool=spool, retry=SOON) as sink,
    ):
        broker.sync()  # or a kill could make it forget that the queue is bound
        transport.send(batch[:1])
        before = relay.received
        sending = Sending(transport, batch[1:])
        for event in spooled[:3000]:
            sink.put(event)
        assert wait_for(lambda: relay.received > before)  # a confirm
        assert wait_for(lambda: sink.stats().delivered)
        broker.kill()
        unconfirmed = sending.unconfirmed()
        for event in spooled[3000:]:
            sink.put(event)
        assert wait_for(lambda: sink.stats().failed_attempts)
        broker.start()
        transport.send(unconfirmed)
        assert sink.flush(30)
        counts = collections.Counter(queue.bodies())
    return Killed(batch, unconfirmed, sending.result.error, spooled, counts)


def test_kill_in_mid_batch(killed):
    """What was confirmed before the broker was killed is reported, only the rest comes again."""
    assert 0 < len(killed.unconfirmed) < len(killed.batch) - 1
    assert (killed.error.retryable, killed.error.ambiguous) == (True, True)


def test_nothing_is_lost_by_a_kill(killed):
    """All events are in the queue, and twice at most those that were not confirmed."""
    repeated = {event for event in killed.batch if killed.counts[event] > 1}
    assert set(killed.batch) <= set(killed.counts)
    assert repeated <= set(killed.unconfirmed)
    assert max(killed.counts[event] for event in killed.batch) <= 2


def test_nothing_of_a_spool_is_lost_by_a_kill(killed):
    """Events in a spool all arrive, those from before the kill and those from the outage."""
    assert set(killed.spooled) <= set(killed.counts)


def test_connection_that_the_broker_closed(broker, queue, transport):
    """A connection that was closed between two batches costs no failure and no repeat."""
    transport.send(events(2)[:1])
    broker.control("close_all_connections", "test")
    transport.send(events(2)[1:])
    assert queue.bodies() == events(2)


# Several brokers.


def test_first_host_is_of_no_use(broker, queue):
    """A host that fails is passed over, and the one that worked is remembered."""
    with socket.create_server(("127.0.0.1", 0)) as useless:
        accepted = []

        def close_all():
            with contextlib.suppress(OSError):
                while True:
                    useless.accept()[0].close()
                    accepted.append(1)

        thread = threading.Thread(target=close_all)
        thread.start()
        url = f"amqp://127.0.0.1:{useless.getsockname()[1]},127.0.0.1:{broker.port}"
        with contextlib.closing(AMQPTransport(url, chance=lambda: 0.0)) as transport:
            transport.send([b"1"])
            transport.close()
            transport.send([b"2"])
        useless.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert (queue.bodies(), len(accepted)) == ([b"1", b"2"], 1)


def test_next_attempt_begins_with_another_host(broker, queue):
    """A host that failed in the middle of a batch is not the first to be tried again."""
    with (
        Relay(broker.port) as first,
        Relay(broker.port) as second,
        contextlib.closing(
            AMQPTransport(url_of(first, second), confirm_timeout=0.3, chance=lambda: 0.0)
        ) as transport,
    ):
        transport.send([b"1"])
        assert (len(first.ports), len(second.ports)) == (1, 0)
        broker.pause()
        try:
            error_of(transport.send, [b"2"])
        finally:
            broker.resume()
        assert wait_for(broker.answers)
        transport.send([b"3"])
        assert (len(first.ports), len(second.ports)) == (1, 1)


def url_of(*relays):
    return "amqp://" + ",".join(f"127.0.0.1:{relay.port}" for relay in relays)


def test_fleet_spreads(broker, queue):
    """Each transport begins with a host of its own choice."""
    with Relay(broker.port) as first, Relay(broker.port) as second, Relay(broker.port) as third:
        for _ in range(40):
            with contextlib.closing(AMQPTransport(url_of(first, second, third))) as transport:
                transport.send([b"{}"])
        assert all([first.ports, second.ports, third.ports])


def test_empty_event_ends_no_session(transport, queue):
    """The broker accepts a message without a body, which has no body frame, and its neighbours."""
    batch = [b'{"n": 1}', b"", b'{"n": 2}']
    assert transport.send(batch).retry == ()
    assert queue.bodies() == batch


def test_empty_event_comes_back_unrouted(broker, transport):
    """A returned message without a body is known by it as well."""
    with Queue(broker, bound=False):
        assert "no queue is bound" in str(error_of(transport.send, [b"", b'{"n": 1}']))
