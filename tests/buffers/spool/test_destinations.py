"""A folder serves one destination, however the hosts in its URL are ordered."""

from __future__ import annotations

import pytest
from support.handmade_spools import drain, events, orphan, spool_on

from structlog_mozdef import SpoolError

NOTED = "amqp://one:5672,two,three/vhost (exchange 'a,b', routing key 'c/d')"


@pytest.mark.parametrize(
    "destination",
    [
        NOTED,
        "amqp://three,one:5672,two/vhost (exchange 'a,b', routing key 'c/d')",
    ],
)
def test_the_same(destination, tmp_path):
    """Another order of RabbitMQ hosts is the same destination: its events are adopted."""
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": NOTED})
    spool = spool_on(tmp_path, destination)
    assert drain(spool) == events(1)
    spool.close()


@pytest.mark.parametrize(
    "destination",
    [
        "amqp://three,one:5672/vhost (exchange 'a,b', routing key 'c/d')",
        "amqp://three,one:5672,two,two/vhost (exchange 'a,b', routing key 'c/d')",
        "amqps://three,one:5672,two/vhost (exchange 'a,b', routing key 'c/d')",
        "amqp://three,one:5672,two/another (exchange 'a,b', routing key 'c/d')",
        "amqp://three,one:5672,two/vhost (exchange 'b,a', routing key 'c/d')",
        "amqp://three,one:5672,two/vhost",
    ],
)
def test_another(destination, tmp_path):
    """Another host, scheme, vhost or exchange is another destination."""
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": NOTED})
    with pytest.raises(SpoolError, match="holds events for"):
        spool_on(tmp_path, destination)
