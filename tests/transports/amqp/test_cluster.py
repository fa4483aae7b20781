"""A cluster of RabbitMQ whose node dies under load: the others go on, and nothing is lost."""

from __future__ import annotations

import collections
import contextlib
import json
import time

import pytest
from support.brokers import Queue, cluster
from support.running import wait_for

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef.transports.amqp import AMQPTransport

pytestmark = pytest.mark.rabbitmq


@pytest.mark.timeout(300)  # three brokers start one after the other
def test_node_is_killed_under_load():
    """All events arrive at the nodes that live, and few of them twice."""
    batch = [json.dumps({"summary": f"event {number}"}).encode() for number in range(6000)]
    with cluster() as nodes, contextlib.ExitStack() as stack:
        first, second, _ = nodes
        url = "amqp://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        # Its leader is where it was declared.
        queue = stack.enter_context(
            Queue(first, x_queue_type="quorum", x_queue_leader_locator="client-local")
        )
        queue.broker = second
        transport = AMQPTransport(url, chance=lambda: 0.0)  # begins with the node that dies
        retry = RetryPolicy(wait_initial=0.05, wait_max=0.2)
        sink = stack.enter_context(Sink(transport, retry=retry))
        for event in batch[:3000]:
            sink.put(event)
        assert wait_for(lambda: len(queue) > 500)
        first.pause()  # what it has not confirmed by now, it never will
        for event in batch[3000:]:
            sink.put(event)
        time.sleep(1)  # longer than `linger`: some of them are on their way to it
        first.kill()
        assert sink.flush(60)
        assert sink.stats().failed_attempts
        counts = collections.Counter(queue.bodies())
        assert set(counts) == set(batch)
        assert sum(count - 1 for count in counts.values()) <= 1000
