"""MozDef's doors, without HTTP: from the bytes of a body to arrivals and a status.

``/events`` and ``/custom/NAME`` take one object. ``/_bulk`` takes a JSON array or lines of JSON,
and tries the whole body as one JSON value first: this is why a single line is lost there (it is a
JSON object, whose keys are then taken for the events).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import Difference, Mapped
from structlog_mozdef.collector.worker import apply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

# Bodies up to this many bytes that are not one JSON value are answered 200 and not looked at.
_BULK_IGNORED_BYTES = 10

_JUNK_ACTIONS = ("create", "update", "delete")


@dataclass(frozen=True)
class Arrival:
    """One event, or one body that MozDef could not take apart.

    Args:
        raw: the text as it was sent; an element of an array is written anew from what was read.
        mapped: what MozDef makes of it.
    """

    raw: str
    mapped: Mapped


@dataclass(frozen=True)
class Intake:
    """What one request brought.

    Args:
        status: the HTTP status of MozDef's answer, whose body is empty.
        arrivals: in the order in which they were sent.
    """

    status: int
    arrivals: list[Arrival]


class _Stop(Exception):  # noqa: N818 - it carries the answer 500 out of a loop
    """MozDef answers 500; what came before is already stored."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text


def refused(raw: bytes, reason: str) -> Arrival:
    """Record a body that was answered with an error."""
    return _lost("refused", json_like_mozdef.to_text(raw), reason)


def take_one(body: bytes, endpoint: str, received: datetime, hostname: str) -> Intake:
    """Take the body of ``/events`` or ``/custom/NAME``.

    Args:
        body: as it was sent.
        endpoint: ``"events"`` or ``"custom/NAME"``.
        received: when it arrived.
        hostname: of the machine that plays MozDef.
    """
    try:
        document = json_like_mozdef.loads(body)
    except ValueError as error:
        return Intake(500, [refused(body, _why_unreadable(body, error))])
    if not isinstance(document, dict):
        reason = "The body is no JSON object: MozDef answers 500; arrays belong to /_bulk."
        return Intake(500, [refused(body, reason)])
    mapped = apply(document, endpoint, received, hostname)
    return Intake(200, [Arrival(json_like_mozdef.to_text(body), mapped)])


def take_bulk(body: bytes, received: datetime, hostname: str) -> Intake:
    """Take the body of ``/_bulk``; the arguments are those of ``take_one``."""
    try:
        value = json_like_mozdef.loads(body)
    except ValueError:
        return _take_lines(body, received, hostname)
    text = json_like_mozdef.to_text(body)
    if isinstance(value, list):
        elements = ((json_like_mozdef.dumps_exactly(element), element) for element in value)
        return _take_all(elements, received, hostname)
    if isinstance(value, dict):
        if _is_action(value, "index"):
            return Intake(200, [])
        reason = (
            "A single line or object without an action line on /_bulk is lost: MozDef takes its"
            ' keys for the events. Send an {"index": {}} line before it.'
        )
        return Intake(200, [_lost("dropped", text, reason)])
    if isinstance(value, str):
        # MozDef walks it letter by letter, and its worker throws each letter away.
        return Intake(200, [_lost("dropped", text, "A JSON string on /_bulk is lost.")])
    return Intake(500, [refused(body, "The body is neither an array nor lines of JSON objects.")])


def _take_lines(body: bytes, received: datetime, hostname: str) -> Intake:
    if len(body) <= _BULK_IGNORED_BYTES:
        if not body.strip():
            return Intake(200, [])
        reason = "MozDef does not look at bulk bodies of 10 bytes or fewer, and answers 200."
        return Intake(200, [_lost("dropped", json_like_mozdef.to_text(body), reason)])
    return _take_all(_read_lines(body), received, hostname)


def _read_lines(body: bytes) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(body.splitlines(), start=1):
        try:
            value = json_like_mozdef.loads(line)
        except ValueError as error:
            what = "blank" if not line.strip() else "not JSON"
            raise _Stop(f"Line {number} is {what}", json_like_mozdef.to_text(line)) from error
        yield json_like_mozdef.to_text(line), value


def _take_all(events: Iterable[tuple[str, Any]], received: datetime, hostname: str) -> Intake:
    arrivals: list[Arrival] = []
    try:
        for text, value in events:
            arrival = _take_element(text, value, received, hostname)
            if arrival is not None:
                arrivals.append(arrival)
    except _Stop as stop:
        reason = (
            f"{stop.reason}: MozDef answers 500, has stored what came before and does not read"
            " what comes after."
        )
        arrivals.append(_lost("refused", stop.text, reason))
        return Intake(500, arrivals)
    return Intake(200, arrivals)


def _take_element(text: str, value: Any, received: datetime, hostname: str) -> Arrival | None:
    """Take one line or element; None for an action line, which is no event."""
    if value is None or isinstance(value, (bool, int, float)):
        raise _Stop(f"An element is {text[:40]}, not an object", text)
    if isinstance(value, dict) and _is_action(value, "index"):
        return None
    # The test for action lines is a mere "in", whatever the type of the element.
    if "index" in value:
        where = "key" if isinstance(value, dict) else "text"
        reason = f'The {where} "index" makes MozDef take the event for an action line and drop it.'
        return _lost("dropped", text, reason, field="index")
    if isinstance(value, str):
        # The worker reads a text as JSON once more, so an event can hide in a string.
        try:
            value = json_like_mozdef.loads(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            value = None
    mapped = apply(value, "_bulk", received, hostname)
    if isinstance(value, dict) and any(_is_action(value, action) for action in _JUNK_ACTIONS):
        reason = "Only index is known as an action line: MozDef stores this one as a junk event."
        junk = Difference("mangled", next(iter(value)), reason)
        mapped = Mapped(mapped.document, (junk, *mapped.differences))
    return Arrival(text, mapped)


def _is_action(value: dict[str, Any], action: str) -> bool:
    return len(value) == 1 and isinstance(value.get(action), dict)


def _lost(kind: Any, text: str, reason: str, field: str = "") -> Arrival:
    return Arrival(text, Mapped(None, (Difference(kind, field, reason),)))


def _why_unreadable(body: bytes, error: ValueError) -> str:
    if not body.strip():
        return "The body is empty: MozDef answers 500."
    if body.startswith(b"\x1f\x8b"):
        return "The body is gzip, which MozDef does not unpack: it answers 500."
    if isinstance(error, UnicodeDecodeError):
        return "The body is not UTF-8: MozDef answers 500."
    return "The body is not one JSON value that MozDef can read: it answers 500."
