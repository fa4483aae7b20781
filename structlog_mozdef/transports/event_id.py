"""The id of an event, by which a destination knows a repeat as a repeat.

`SequenceAdder` puts ``stream_id`` and ``sequence`` into ``details``. A program may put fields of
these names there by itself, and use them twice; a destination would then lose the second event,
as if it were a repeat. So a digest of the event belongs to its id: the same event is sent again
byte by byte, and another one never has the same.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

# Allowed by Elasticsearch and SQS as a part of an id, and well within their lengths.
_STREAM_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_DIGEST_DIGITS = 16


def fields_of(event: bytes) -> dict[str, Any] | None:
    """Return the fields of *event*; None if it is not a JSON object."""
    try:
        fields = orjson.loads(event)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def stream_of(fields: dict[str, Any] | None) -> tuple[str, int] | None:
    """Return stream id and sequence of an event; None if it has none that can be sent."""
    details = None if fields is None else fields.get("details")
    if not isinstance(details, dict):
        return None
    stream, sequence = details.get("stream_id"), details.get("sequence")
    if (
        isinstance(stream, str)
        and _STREAM_ID.fullmatch(stream)
        and type(sequence) is int
        and sequence >= 0
    ):
        return stream, sequence
    return None


def id_of(event: bytes, stream: tuple[str, int]) -> str:
    """Return the id of *event*, made of letters, digits, ``-`` and ``_``.

    Args:
        event: see above.
        stream: its stream id and sequence.
    """
    return f"{stream[0]}-{stream[1]}-{digest_of(event)[:_DIGEST_DIGITS]}"


def digest_of(event: bytes) -> str:
    """Return the SHA-256 of *event*, as 64 hexadecimal digits."""
    return hashlib.sha256(event).hexdigest()
