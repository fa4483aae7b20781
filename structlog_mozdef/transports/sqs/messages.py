"""Events as messages of SQS, in calls that Amazon accepts.

Sources: the reference of the API at docs.aws.amazon.com, SendMessageBatch and "Amazon SQS message
quotas".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.event_id import digest_of, fields_of, id_of, stream_of

#: The maximum number of messages in one call.
CALL_EVENTS = 10
#: The maximum size of one message in bytes, and of the messages of one call together. Since August
#: 2025 Amazon accepts 1 MiB; a queue that was made before, and many stand-ins, keep this limit.
CALL_BYTES = 256 * 1024
# Every character that Amazon does not accept: it accepts those of XML 1.0.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Message:
    """One event as SQS gets it.

    Attributes:
        index: of the event in its batch.
        body: the event as a string.
        size: of the body, in bytes.
        group: in a FIFO queue: messages of one group keep their order. None in others.
        deduplication: in a FIFO queue: a second message with this id within five minutes is a
            repeat. None in others.
    """

    index: int
    body: str
    size: int
    group: str | None = None
    deduplication: str | None = None

    def entry(self) -> dict[str, str]:
        """Return the message as an entry of SendMessageBatch."""
        entry = {"Id": str(self.index), "MessageBody": self.body}
        if self.group is not None and self.deduplication is not None:
            entry["MessageGroupId"] = self.group
            entry["MessageDeduplicationId"] = self.deduplication
        return entry


def message_of(index: int, event: bytes, own_group: str | None) -> Message:
    """Return *event* as a message.

    Args:
        index: of the event in its batch.
        event: a JSON object.
        own_group: in a FIFO queue, the group of events without a stream; None for other queues.

    Raises:
        ValueError: SQS cannot hold the event; the error says why.
    """
    body, size = _body_of(event)
    if not size:
        raise ValueError("it is empty")
    if size > CALL_BYTES:
        raise ValueError(f"it has {size} bytes; a message of SQS has {CALL_BYTES} at most")
    if own_group is None:
        return Message(index, body, size)
    stream = stream_of(fields_of(event))
    if stream is None:
        return Message(index, body, size, own_group, digest_of(event))
    return Message(index, body, size, stream[0], id_of(event, stream))


def _body_of(event: bytes) -> tuple[str, int]:
    # Python's own error would quote the event.
    with mapped_errors(lambda _: ValueError("it is not UTF-8"), UnicodeDecodeError):
        body = event.decode("utf-8")
    if not _FORBIDDEN.search(body):
        return body, len(event)
    # Within a string of JSON, the only place for them, an escape means the same.
    body = _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    return body, len(body.encode("utf-8"))


def calls_of(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield *messages* in groups, each of which is one call."""
    call: list[Message] = []
    size = 0
    for message in messages:
        if call and (len(call) == CALL_EVENTS or size + message.size > CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(message)
        size += message.size
    if call:
        yield call
