"""MozDef's endpoints, without HTTP: from the bytes of a body to events and a status.

``/events``, ``/cef`` and ``/custom/NAME`` accept one object. ``/_bulk`` accepts a JSON array or
lines of JSON, and tries the body as one JSON value first. For this reason a single line is lost
there: it is a JSON object, and MozDef iterates over its keys as if they were events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference, Kind, Outcome
from structlog_mozdef.collector.worker import process_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

# Bodies up to this many bytes that are not one JSON value are answered 200 without being parsed.
_BULK_IGNORED_BYTES = 10

# A limit of this collector alone, which bounds the time and the memory of one request: 4 MB of
# `{}` are 1.4 million events, which MozDef takes minutes to queue. Real events are 16,000 at most.
BULK_MAX_EVENTS = 20_000

_JUNK_ACTIONS = ("create", "update", "delete")


@dataclass(frozen=True)
class ReceivedEvent:
    """One event, or one body that MozDef could not parse.

    Args:
        raw: the source as it was sent; an element of an array is written again from its value.
        outcome: what MozDef makes of it.
    """

    raw: str
    outcome: Outcome


@dataclass
class IngestResult:
    """What one request contained.

    Args:
        status: the HTTP status of MozDef's answer, whose body is empty. Known when ``events`` has
            been exhausted.
        events: in the order in which they were sent; those of a bulk are made one at a time, and
            only once.
    """

    status: int
    events: Iterable[ReceivedEvent]


class _ServerError(Exception):
    """MozDef answers 500; the events before this one are stored already."""

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


def rejected(body: bytes, reason: str) -> ReceivedEvent:
    """Record a body that was answered with an error."""
    return _lost("rejected", json_like_mozdef.to_text(body), reason)


def ingest_event(body: bytes, endpoint: str, received: datetime, hostname: str) -> IngestResult:
    """Ingest the body of ``/events``, ``/cef`` or ``/custom/NAME``.

    Args:
        body: as it was sent.
        endpoint: ``"events"``, ``"cef"`` or ``"custom/NAME"``.
        received: the time of arrival.
        hostname: of the machine that plays MozDef.
    """
    try:
        document = json_like_mozdef.loads(body)
    except ValueError as error:
        return IngestResult(500, [rejected(body, _why_unreadable(body, error))])
    if not isinstance(document, dict):
        reason = "The body is not a JSON object: MozDef answers 500; arrays belong to /_bulk."
        return IngestResult(500, [rejected(body, reason)])
    outcome = process_event(document, endpoint, received, hostname)
    return IngestResult(200, [ReceivedEvent(json_like_mozdef.to_text(body), outcome)])


def ingest_bulk(body: bytes, received: datetime, hostname: str) -> IngestResult:
    """Ingest the body of ``/_bulk``; the arguments are those of ``ingest_event``."""
    try:
        value = json_like_mozdef.loads(body)
    except ValueError:
        return _ingest_lines(body, received, hostname)
    if isinstance(value, list):
        return _ingest_array(value, body, received, hostname)
    raw = json_like_mozdef.to_text(body)
    if isinstance(value, dict):
        if _is_action(value, "index"):
            return IngestResult(200, [])
        reason = (
            "A single line or object without an action line on /_bulk is lost: MozDef reads its"
            ' keys as events. Send an {"index": {}} line before it.'
        )
        return IngestResult(200, [_lost("dropped", raw, reason)])
    if isinstance(value, str):
        # MozDef iterates over its letters, and the worker drops each of them.
        return IngestResult(200, [_lost("dropped", raw, "A JSON string on /_bulk is lost.")])
    reason = "The body is neither an array nor lines of JSON objects: MozDef answers 500."
    return IngestResult(500, [rejected(body, reason)])


def _ingest_array(array: list[Any], body: bytes, received: datetime, hostname: str) -> IngestResult:
    if len(array) > BULK_MAX_EVENTS:
        return _too_many(body)
    elements = ((json_like_mozdef.dumps_exactly(element), element) for element in array)
    return _ingest_elements(elements, received, hostname)


def _ingest_lines(body: bytes, received: datetime, hostname: str) -> IngestResult:
    if len(body) <= _BULK_IGNORED_BYTES:
        if not body.strip():
            return IngestResult(200, [])
        reason = "MozDef does not parse bulk bodies of 10 bytes or fewer, and answers 200."
        return IngestResult(200, [_lost("dropped", json_like_mozdef.to_text(body), reason)])
    lines = body.splitlines()
    if len(lines) > 2 * BULK_MAX_EVENTS:  # an action line belongs to each
        return _too_many(body)
    return _ingest_elements(_parse_lines(lines), received, hostname)


def _too_many(body: bytes) -> IngestResult:
    reason = (
        f"The bulk has more than {BULK_MAX_EVENTS:,} events, which this collector does not accept"
        " in one request: it answers 413. MozDef accepts them, and takes its time."
    )
    return IngestResult(413, [rejected(body, reason)])


def _parse_lines(lines: list[bytes]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            value = json_like_mozdef.loads(line)
        except ValueError as error:
            what = "empty" if not line.strip() else "not JSON"
            raise _ServerError(
                f"Line {number} is {what}", json_like_mozdef.to_text(line)
            ) from error
        yield json_like_mozdef.to_text(line), value


def _ingest_elements(
    elements: Iterable[tuple[str, Any]], received: datetime, hostname: str
) -> IngestResult:
    def ingest() -> Iterator[ReceivedEvent]:
        try:
            for raw, value in elements:
                event = _ingest_element(raw, value, received, hostname)
                if event is not None:
                    yield event
        except _ServerError as error:
            result.status = 500
            reason = (
                f"{error.reason}: MozDef answers 500, has stored what came before and does not read"
                " what comes after."
            )
            yield _lost("rejected", error.raw, reason)

    result = IngestResult(200, ingest())
    return result


def _ingest_element(
    raw: str, value: Any, received: datetime, hostname: str
) -> ReceivedEvent | None:
    """Ingest one line or element; return None for an action line, which is not an event."""
    if value is None or isinstance(value, (bool, int, float)):
        raise _ServerError(f"An element is {raw[:40]}, not an object", raw)
    if isinstance(value, dict) and _is_action(value, "index"):
        return None
    # MozDef's test for action lines is a mere "in", whatever the type of the element.
    if "index" in value:
        what = "key" if isinstance(value, dict) else "string"
        reason = f'The {what} "index" makes MozDef treat the event as an action line and drop it.'
        return _lost("dropped", raw, reason, field="index")
    if isinstance(value, str):
        # The worker parses a string as JSON once more, so an event can hide in a string.
        try:
            value = json_like_mozdef.loads(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            value = None
    outcome = process_event(value, "_bulk", received, hostname)
    if isinstance(value, dict) and any(_is_action(value, action) for action in _JUNK_ACTIONS):
        reason = "MozDef knows only index as an action line, and stores this one as a junk event."
        junk = Difference("mangled", next(iter(value)), reason)
        outcome = Outcome(outcome.document, (junk, *outcome.differences))
    return ReceivedEvent(raw, outcome)


def _is_action(value: dict[str, Any], action: str) -> bool:
    return len(value) == 1 and isinstance(value.get(action), dict)


def _lost(kind: Kind, raw: str, reason: str, field: str = "") -> ReceivedEvent:
    return ReceivedEvent(raw, Outcome(None, (Difference(kind, field, reason),)))


def _why_unreadable(body: bytes, error: ValueError) -> str:
    if not body.strip():
        return "The body is empty: MozDef answers 500."
    if body.startswith(b"\x1f\x8b"):
        return "The body is gzip, which MozDef does not unpack: it answers 500."
    if isinstance(error, UnicodeDecodeError):
        return "The body is not UTF-8, UTF-16 or UTF-32: MozDef answers 500."
    return "The body is not one JSON value that MozDef can read: it answers 500."
