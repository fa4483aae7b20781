"""A cluster of RabbitMQ whose node dies under load: the other one goes on, and nothing is lost."""

from __future__ import annotations

import collections
import contextlib
import json

import pytest
from support.brokers import Queue, cluster
from support.running import wait_for

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef.transports.amqp import AMQPTransport

pytestmark = pytest.mark.rabbitmq


def test_node_is_killed_under_load():
    """All events arrive at the node that lives, and few of them twice."""
    batch = [json.dumps({"summary": f"event {number}"}).encode() for number in range(6000)]
    with cluster() as (first, second), contextlib.ExitStack() as stack:
        url = f"amqp://127.0.0.1:{first.port},127.0.0.1:{second.port}"
        queue = stack.enter_context(Queue(first))  # its leader is where it was declared
        queue.broker = second
        transport = AMQPTransport(url, chance=lambda: 0.0)  # begins with the node that dies
        retry = RetryPolicy(wait_initial=0.05, wait_max=0.2)
        sink = stack.enter_context(Sink(transport, retry=retry))
        for event in batch[:3000]:
            sink.put(event)
        assert wait_for(lambda: len(queue) > 500)
        assert sink.stats().buffered
        first.kill()
        for event in batch[3000:]:
            sink.put(event)
        assert sink.flush(40)
        assert sink.stats().failed_attempts
        counts = collections.Counter(queue.bodies())
        assert set(counts) == set(batch)
        assert sum(count - 1 for count in counts.values()) <= 1000
