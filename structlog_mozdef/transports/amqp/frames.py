"""The frames of published messages, as bytes: many of them go into one write.

AMQP 0-9-1, sections 2.3.5 and 4.2: a frame is its type, the channel, the size, the payload and an
end octet; a message is a method frame, a content header with the size of the body, and its body
in as many frames as it needs. From one message to the next only body and size change here, so the
rest is made once. A client library that makes every message from the start, and writes it by a
system call of its own, costs the application twenty times as much processor time, and broker and
sender wait for each other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_METHOD, _HEADER, _BODY = 1, 2, 3
_END = b"\xce"
_OVERHEAD_BYTES = 8
_BASIC, _PUBLISH = 60, 40
_MANDATORY = 0b01
#: Content type and delivery mode are present.
_FLAGS = 0x8000 | 0x1000
_PERSISTENT = 2


class PublishFrames:
    """Makes the frames of messages for one exchange, routing key and channel.

    Args:
        exchange, routing_key: where the messages go.
        channel: its number.
        frame_max: the largest frame that client and broker have agreed on, in bytes.
    """

    def __init__(self, exchange: str, routing_key: str, channel: int, frame_max: int) -> None:
        self._channel = channel
        self._piece = frame_max - _OVERHEAD_BYTES
        method = struct.pack(">HHH", _BASIC, _PUBLISH, 0)
        method += _short(exchange) + _short(routing_key) + bytes([_MANDATORY])
        properties = struct.pack(">H", _FLAGS) + _short("application/json") + bytes([_PERSISTENT])
        start = struct.pack(">HH", _BASIC, 0)
        header = start + bytes(8) + properties
        frame = _start(_HEADER, channel, len(header))
        self._before_size = self._frame(_METHOD, method) + frame + start
        self._after_size = properties + _END
        self._body_start = struct.pack(">BH", _BODY, channel)

    def of(self, bodies: Sequence[bytes]) -> bytes:
        """Return the frames of messages with *bodies*."""
        parts: list[bytes] = []
        for body in bodies:
            size = len(body)
            parts += (self._before_size, size.to_bytes(8, "big"), self._after_size)
            if not size:
                continue  # an empty body frame would end the session: 505, UNEXPECTED_FRAME
            if size <= self._piece:
                parts += (self._body_start, size.to_bytes(4, "big"), body, _END)
                continue
            for at in range(0, size, self._piece):
                parts.append(self._frame(_BODY, body[at : at + self._piece]))
        return b"".join(parts)

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return _start(kind, self._channel, len(payload)) + payload + _END


def _start(kind: int, channel: int, size: int) -> bytes:
    return struct.pack(">BHI", kind, channel, size)


def _short(text: str) -> bytes:
    data = text.encode("utf-8")
    return bytes([len(data)]) + data
