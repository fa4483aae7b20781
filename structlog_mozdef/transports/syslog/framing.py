"""How a receiver finds the end of each message on a connection."""

from __future__ import annotations

from collections.abc import Callable

#: Adds the mark of its end to a message.
Frame = Callable[[bytes], bytes]

#: The longest message with counted octets, rsyslog's ``maxFrameSize``. rsyslog reads the count of a
#: longer one as an error, waits for a newline from then on, which counted octets never have, and
#: discards everything else that comes over the connection.
COUNTED_LIMIT_BYTES = 200_000


def octet_counted(message: bytes) -> bytes:
    """Return *message* after its length (RFC 6587, section 3.4.1; RFC 5425, section 4.3)."""
    return b"%d %b" % (len(message), message)


def ended_by_newline(message: bytes) -> bytes:
    """Return *message* with a newline at its end (RFC 6587, section 3.4.2); it holds no other."""
    return message + b"\n"


def ended_by_zero(message: bytes) -> bytes:
    """Return *message* with a zero byte at its end, as ``syslog(3)`` writes to local sockets."""
    return message + b"\0"
