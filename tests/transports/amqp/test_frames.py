"""The frames of published messages are those that py-amqp itself would write."""

import types

import amqp
import amqp.spec
import pytest
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from structlog_mozdef.transports.amqp.frames import PublishFrames


def written_by_the_library(exchange, routing_key, channel, frame_max, bodies):
    data = bytearray()
    write = frame_writer(
        types.SimpleNamespace(frame_max=frame_max, bytes_sent=0),
        types.SimpleNamespace(write=data.extend),
    )
    for body in bodies:
        arguments = dumps("Bssbb", (0, exchange, routing_key, True, False))
        message = amqp.Message(body, content_type="application/json", delivery_mode=2)
        write(1, channel, amqp.spec.Basic.Publish, arguments, message)
    return bytes(data)


@pytest.mark.parametrize("frame_max", [4096, 131_072])
@pytest.mark.parametrize("size", [0, 1, 500, 4087, 4088, 4089, 8176, 8177, 300_000])
def test_sizes(size, frame_max):
    """A body of any size, also of several frames."""
    bodies = [b"x" * size, b"y"]
    ours = PublishFrames("eventtask", "eventtask", 1, frame_max).of(bodies)
    assert ours == written_by_the_library("eventtask", "eventtask", 1, frame_max, bodies)


@pytest.mark.parametrize("name", ["", "a", "\u65e5\u672c", "x" * 255])
def test_names(name):
    """Names are UTF-8, and may be empty or as long as AMQP allows."""
    ours = PublishFrames(name, f"{name[:254]}k", 7, 131_072).of([b"body"])
    assert ours == written_by_the_library(name, f"{name[:254]}k", 7, 131_072, [b"body"])
