"""MozDef's worker: from an event as it was posted to the document that is stored.

A custom event is stored as it is; any other is normalized first. Then the worker adds what is
missing, and Elasticsearch accepts the document or refuses it.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from structlog_mozdef.collector.differences import Difference, Outcome
from structlog_mozdef.collector.elasticsearch import find_refusal
from structlog_mozdef.collector.normalize import EventDropped, Normalizer

_UNKNOWN_IF_MISSING = (
    "category",
    "hostname",
    "processid",
    "processname",
    "severity",
    "source",
    "summary",
)


def process_event(document: object, endpoint: str, received: datetime, hostname: str) -> Outcome:
    """Process one posted event as MozDef's worker does, and check it as Elasticsearch does.

    The document is not changed; what is returned may share values with it.

    Args:
        document: the parsed JSON value.
        endpoint: the path it was posted to: ``"events"``, ``"_bulk"`` or ``"custom/NAME"``. The
            first is stored as the event's ``endpoint``; ``_bulk`` adds none; a custom event is not
            normalized.
        received: the time of arrival, with its zone, which is the worker's zone for naive
            timestamps.
        hostname: of the machine that plays MozDef.

    Returns:
        What would be stored, and the differences. It never raises, whatever the document holds.
    """
    if not isinstance(document, dict):
        reason = "The event is not a JSON object: MozDef's worker drops it."
        return Outcome(None, (Difference("dropped", "", reason),))
    differences: list[Difference] = []
    try:
        is_custom = _is_custom(document, endpoint)
        if is_custom:
            event = _custom_event(document, endpoint)
        else:
            event = Normalizer(document, received, differences).normalize()
        if endpoint == "events":
            event["endpoint"] = "events"
        missing = _add_defaults(event, received, hostname)
        if not is_custom:  # a custom event need not have these fields
            differences += missing
    except EventDropped as dropped:
        return Outcome(None, (*differences, dropped.difference))
    except Exception as error:
        # The worker also catches everything (for example a value that is nested too deeply to be
        # converted to a string), logs it, and drops the event.
        reason = f"MozDef's worker fails with {type(error).__name__} and drops the event."
        return Outcome(None, (*differences, Difference("dropped", "", reason)))
    refusal = find_refusal(event)
    if refusal is not None:
        return Outcome(None, (*differences, refusal))
    return Outcome(event, tuple(differences))


def _is_custom(document: dict[str, Any], endpoint: str) -> bool:
    # The worker sees only the mark that the endpoint leaves, which a sender can forge.
    return endpoint.startswith("custom/") or bool(document.get("customendpoint"))


def _custom_event(document: dict[str, Any], endpoint: str) -> dict[str, Any]:
    """Return a copy of the document with the marks of its endpoint."""
    event = dict(document)
    if endpoint.startswith("custom/"):
        event["endpoint"] = endpoint.removeprefix("custom/")
        event["customendpoint"] = True
    return event


def _add_defaults(event: dict[str, Any], received: datetime, hostname: str) -> list[Difference]:
    """Add what every stored event has, and return what was missing."""
    missing = []
    now = _in_utc(received)
    event.setdefault("receivedtimestamp", now)
    event.setdefault("mozdefhostname", hostname)
    event.setdefault("utctimestamp", now)
    # UNKNOWN is a string, which a missing timestamp, tags or details cannot become: the time of
    # arrival, an empty list and an empty object replace them.
    if "timestamp" not in event:
        missing.append(_missing("timestamp", "the time of arrival"))
        event["timestamp"] = now
    event.setdefault("tags", [])
    event.setdefault("details", {})
    for name in _UNKNOWN_IF_MISSING:
        if name not in event:
            missing.append(_missing(name, "UNKNOWN"))
            event[name] = "UNKNOWN"
    return missing


def _missing(field: str, replacement: str) -> Difference:
    return Difference("mangled", field, f"It is missing, and MozDef stores {replacement}.")


@functools.lru_cache(maxsize=16)
def _in_utc(time: datetime) -> str:
    # All events of one request share the time of arrival; formatting it costs more than a field.
    return time.astimezone(UTC).isoformat()
