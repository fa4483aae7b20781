"""MozDef's worker: from an event as it was posted to the document that is stored.

A custom event is stored as it is; any other is normalized first. Then the worker adds what is
missing, and Elasticsearch accepts the document or refuses it.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from structlog_mozdef.collector.differences import Difference, DifferenceList, Outcome
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

_MARKS = frozenset({"endpoint", "customendpoint"})


def process_event(document: object, endpoint: str, received: datetime, hostname: str) -> Outcome:
    """Process one posted event as MozDef's worker does, and check it as Elasticsearch does.

    The document is not changed; what is returned may share values with it.

    Args:
        document: the parsed JSON value.
        endpoint: the path it was posted to: ``"events"``, ``"cef"``, ``"_bulk"`` or
            ``"custom/NAME"``. A custom event is not normalized.
        received: the time of arrival, with its zone, which is the worker's zone for naive
            timestamps.
        hostname: of the machine that plays MozDef.

    Returns:
        What would be stored, and the differences, whatever the document holds.

    Raises:
        ImportError: dateutil is not installed, which unusual timestamps need.
    """
    if not isinstance(document, dict):
        reason = "The event is not a JSON object: MozDef's worker drops it."
        return Outcome(None, (Difference("dropped", "", reason),))
    # The marks that an event gets on its way do not count, unless its sender has set them.
    found = DifferenceList(_MARKS - document.keys())
    differences: list[Difference] = found
    try:
        posted = _with_endpoint(document, endpoint)
        # All that the worker looks at is this mark, which a sender can forge.
        is_custom = bool(posted.get("customendpoint"))
        if is_custom:
            event = _replaced_by_source(posted, differences)
        else:
            event = Normalizer(posted, received, found).normalize()
            differences = found.ended()
        missing = _add_defaults(event, received, hostname)
        if not is_custom:  # a custom event need not have these fields
            differences += missing
    except EventDropped as dropped:
        return Outcome(None, (*differences, dropped.difference))
    except ImportError:
        raise  # of dateutil
    except Exception as error:
        # The worker also catches everything (for example a value that is nested too deeply to be
        # converted to a string), logs it, and drops the event.
        reason = f"MozDef's worker fails with {type(error).__name__} and drops the event."
        return Outcome(None, (*differences, Difference("dropped", "", reason)))
    refusal = find_refusal(event)
    if refusal is not None:
        return Outcome(None, (*differences, refusal))
    return Outcome(event, tuple(differences))


def _with_endpoint(document: dict[str, Any], endpoint: str) -> dict[str, Any]:
    """Return a copy of the document with the marks that its endpoint leaves for the worker."""
    if endpoint.startswith("custom/"):
        marks = {"endpoint": endpoint.removeprefix("custom/"), "customendpoint": True}
    else:
        marks = {} if endpoint == "_bulk" else {"endpoint": endpoint}
    return {**document, **marks}


def _replaced_by_source(event: dict[str, Any], differences: list[Difference]) -> dict[str, Any]:
    """Return what MozDef takes for a custom event: ``_source`` is the form of search results."""
    if "_source" not in event:
        return event
    source = event["_source"]
    if not isinstance(source, dict):
        raise EventDropped("_source", "It is not an object, and MozDef drops the event.")
    differences.append(Difference("mangled", "_source", "It replaces the whole event."))
    return dict(source)


def _add_defaults(event: dict[str, Any], received: datetime, hostname: str) -> list[Difference]:
    """Add what every stored event has, and return what was missing."""
    missing = []
    now = _in_utc(received)
    event.setdefault("receivedtimestamp", now)
    event.setdefault("mozdefhostname", hostname)
    event.setdefault("utctimestamp", now)
    event.setdefault("type", "event")
    event["mozdef"] = _with_plugins(event.get("mozdef", {}))
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


def _with_plugins(mozdef: object) -> dict[str, Any]:
    # This is a MozDef without plugins: none has run.
    if not isinstance(mozdef, dict):
        raise EventDropped("mozdef", "It is not an object, and MozDef drops the event.")
    return {"plugins": [], **mozdef}


def _missing(field: str, replacement: str) -> Difference:
    return Difference("mangled", field, f"It is missing, and MozDef stores {replacement}.")


@functools.lru_cache(maxsize=16)
def _in_utc(time: datetime) -> str:
    # All events of one request share the time of arrival; formatting it costs more than a field.
    return time.astimezone(UTC).isoformat()
