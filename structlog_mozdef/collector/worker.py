"""MozDef's worker: from what was posted to what is stored.

The worker walks the top-level keys in their order and knows a fixed set of names and aliases.
Everything else is lost without a trace, and so is the whole event where one value is of a type
that the worker does not expect. This module does the same and keeps account of it.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any

from structlog_mozdef.collector.differences import Difference, Mapped
from structlog_mozdef.collector.elasticsearch import find_refusal
from structlog_mozdef.collector.timestamps import read_timestamp

# The names that the worker stores as text, and the field that each ends in. NXLog's and Logstash's
# own (syslogseverity, severityvalue, syslogfacility, source_host, and sourceip below) are no
# documented aliases, but the worker has them for those shippers.
_TEXT_FIELDS = {
    "category": "category",
    "eventtype": "category",
    "type": "category",
    "hostname": "hostname",
    "host": "hostname",
    "source_host": "hostname",
    "processid": "processid",
    "pid": "processid",
    "processname": "processname",
    "pname": "processname",
    "program": "processname",
    "sourcename": "processname",
    "severity": "severity",
    "level": "severity",
    "priority": "severity",
    "severityvalue": "severity",
    "syslogseverity": "severity",
    "summary": "summary",
    "message": "summary",
    "logger": "eventsource",
    "path": "eventsource",
    "file": "eventsource",
    "syslogfacility": "facility",
}
# The names under which a text is stored as it comes (but for the severity, which is upper-cased).
_PLAIN_FIELDS = frozenset(_TEXT_FIELDS.values()).intersection(_TEXT_FIELDS) | {"source"}
_TIME_FIELDS = frozenset({"date", "eventtime", "timestamp", "utctimestamp"})
_DETAILS_PREFIXES = ("details.", "fields.")

_UNKNOWN_IF_MISSING = (
    "category",
    "hostname",
    "processid",
    "processname",
    "severity",
    "source",
    "summary",
)


class _Dropped(Exception):  # noqa: N818 - it carries a verdict out of nested calls, no error
    """The worker gives the whole event up."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.finding = Difference("dropped", field, reason)


def apply(document: object, endpoint: str, received: datetime, hostname: str) -> Mapped:
    """Map one posted document as MozDef's worker does, and check it as Elasticsearch does.

    The document is not changed; what is returned may share values with it.

    Args:
        document: the parsed JSON value.
        endpoint: where it was posted: ``"events"``, ``"_bulk"`` or ``"custom/NAME"``. The first is
            kept as the event's ``endpoint``; the bulk door adds none; the last skips the mapping.
        received: when it arrived, with its zone, which is the worker's zone for naive timestamps.
        hostname: of the machine that plays MozDef.

    Returns:
        What would be stored and the findings. It never raises, whatever the document holds.
    """
    if not isinstance(document, dict):
        reason = "The event is no JSON object: MozDef's worker throws it away."
        return Mapped(None, (Difference("dropped", "", reason),))
    mapping = _Mapping(document, received)
    try:
        event = mapping.custom(endpoint) if _is_custom(document, endpoint) else mapping.normalize()
        if endpoint == "events":
            event["endpoint"] = "events"
        mapping.complete(event, hostname)
    except _Dropped as dropped:
        return Mapped(None, (*mapping.differences, dropped.finding))
    except Exception as error:
        # The worker catches everything as well (a value nested too deeply to become a text, for
        # example), logs it, and drops the event.
        reason = f"MozDef's worker fails with {type(error).__name__} and drops the event."
        return Mapped(None, (*mapping.differences, Difference("dropped", "", reason)))
    refusal = find_refusal(event)
    if refusal is not None:
        return Mapped(None, (*mapping.differences, refusal))
    return Mapped(event, tuple(mapping.differences))


def _is_custom(document: dict[str, Any], endpoint: str) -> bool:
    # The worker only sees the mark that the custom door leaves; a sender can forge it.
    return endpoint.startswith("custom/") or bool(document.get("customendpoint"))


@functools.lru_cache(maxsize=16)
def _in_utc(time: datetime) -> str:
    # All events of one request share the time of arrival; writing it costs more than a field.
    return time.astimezone(UTC).isoformat()


class _Mapping:
    """One event on its way through the worker."""

    __slots__ = ("details", "differences", "document", "event", "origins", "received")

    def __init__(self, document: dict[str, Any], received: datetime) -> None:
        self.document = document
        self.received = received
        self.event: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.differences: list[Difference] = []
        # Field -> the key that it was read from, to tell who was overwritten.
        self.origins: dict[str, str] = {}

    def custom(self, endpoint: str) -> dict[str, Any]:
        """Take the document as it is, with the marks that the custom door leaves on it."""
        event = dict(self.document)
        if endpoint.startswith("custom/"):
            event["endpoint"] = endpoint.removeprefix("custom/")
            event["customendpoint"] = True
        return event

    def normalize(self) -> dict[str, Any]:
        """Map every top-level key, in order."""
        for key, value in self.document.items():
            # The path of nearly every field: its own name, a text, and nothing to say about it.
            if key in _PLAIN_FIELDS and type(value) is str and key not in self.origins:
                self.origins[key] = key
                self.event[key] = value.upper() if key == "severity" else value
                continue
            name = key.replace("@", "").lower()
            if not self._take(key, name, value):
                reason = "MozDef knows no such top-level name, and the field vanishes."
                self.differences.append(
                    Difference("dropped", key, f"{reason} Put it under details.")
                )
        self.event["details"] = self.details
        self.event["type"] = "event"
        return self.event

    def complete(self, event: dict[str, Any], hostname: str) -> None:
        """Add what MozDef adds when it saves an event, custom ones included."""
        now = _in_utc(self.received)
        event.setdefault("receivedtimestamp", now)
        event.setdefault("mozdefhostname", hostname)
        event.setdefault("utctimestamp", now)
        # A missing timestamp, tags or details cannot become the text UNKNOWN in a field of their
        # type: the time of arrival and the empty list and object take its place.
        if "timestamp" not in event:
            self._missing("timestamp", "the time of arrival")
            event["timestamp"] = now
        event.setdefault("tags", [])
        event.setdefault("details", {})
        for name in _UNKNOWN_IF_MISSING:
            if name not in event:
                self._missing(name, "UNKNOWN")
                event[name] = "UNKNOWN"

    def _take(self, key: str, name: str, value: Any) -> bool:
        """Map one key; False where the worker does not know its name."""
        field = _TEXT_FIELDS.get(name)
        if field is not None:
            self._text(key, field, value)
        elif name == "tags":
            self._tag(key, name, value)
        elif name in _TIME_FIELDS:
            self._time(key, value)
        elif name in ("details", "fields"):
            self._merge(key, name, value)
        elif name.startswith(_DETAILS_PREFIXES):
            self._cast(key, name, value)
        elif name in ("source", "facility"):
            self._source(key, name, value)
        elif name == "sourceip":
            self._rename(key, "details.eventsourceipaddress")
            self.details["eventsourceipaddress"] = value
        else:
            return self._take_part(key, name, value)
        return True

    def _take_part(self, key: str, name: str, value: Any) -> bool:
        # The worker asks whether the name is in the word "tags" or "payload", not whether it is the
        # word: "a" and the empty key are in both.
        is_tag = name in "tags"
        is_payload = name in "payload"
        if is_tag:
            self._tag(key, name, value)
        if is_payload:
            self._payload(key, value)
        return is_tag or is_payload

    def _rename(self, key: str, field: str, why: str = "") -> None:
        if key != field:
            reason = f"MozDef stores it as {field}{why}."
            self.differences.append(Difference("renamed", key, reason))

    def _mangle(self, key: str, reason: str) -> None:
        self.differences.append(Difference("mangled", key, reason))

    def _set(self, key: str, field: str, value: Any, why: str = "") -> None:
        earlier = self.origins.get(field)
        if earlier is not None:
            self._mangle(earlier, f"It is overwritten by {key!r}, which comes after it.")
        self._rename(key, field, why)
        self.origins[field] = key
        self.event[field] = value

    def _source(self, key: str, name: str, value: Any) -> None:
        self._set(key, "source", value)
        if name == "facility":
            self.event["facility"] = str(value)

    def _text(self, key: str, field: str, value: Any) -> None:
        text = self._to_text(key, value, quiet=field == "processid" and type(value) is int)
        self._set(key, field, text.upper() if field == "severity" else text)

    def _to_text(self, key: str, value: Any, *, quiet: bool = False) -> str:
        if isinstance(value, str):
            return value
        # A processid is a number by MozDef's own documentation: nobody is to be warned of it.
        if not quiet:
            kind = type(value).__name__
            self._mangle(key, f"It is of type {kind}, and MozDef stores it as a text.")
        return str(value)

    def _time(self, key: str, value: Any) -> None:
        try:
            time, warning = read_timestamp(value, self.received)
        except ValueError as error:
            reason = str(error)
            if "MozDef" not in reason:  # one of Python's own, about a date that does not exist
                reason = "The timestamp is a date that does not exist: MozDef drops the event."
            raise _Dropped(key, reason) from error
        if warning is not None:
            self._mangle(key, warning)
        text = time.isoformat()
        self._set(key, "timestamp", text)
        self.event["utctimestamp"] = text

    def _tag(self, key: str, name: str, value: Any) -> None:
        if value is None or isinstance(value, (bool, int, float)):
            kind = type(value).__name__
            reason = f"A value of type {kind} for tags makes MozDef drop the event."
            raise _Dropped(key, reason)
        tags = self.event.setdefault("tags", [])
        self._rename(key, "tags", "" if name == "tags" else ', as any part of the word "tags"')
        if isinstance(value, list):
            tags.extend(value)
            return
        self._mangle(key, "It is no list: MozDef takes it for one tag, or for none if it is empty.")
        if value:
            tags.append(value)

    def _payload(self, key: str, value: Any) -> None:
        text = self._to_text(key, value)
        why = ', as any part of the word "payload"'
        # The worker looks for the exact name here: "Summary" does not count.
        if "summary" in self.document:
            self._rename(key, "details.payload", why)
            self.details["payload"] = text
        else:
            self._set(key, "summary", text, why)

    def _merge(self, key: str, name: str, value: Any) -> None:
        if not isinstance(value, dict):
            self._mangle(key, f"{name} is no object: MozDef stores it as details.message.")
            self.details["message"] = value
            return
        self._rename(key, "details")
        self.details.update(value)

    def _cast(self, key: str, name: str, value: Any) -> None:
        field = name.replace("fields.", "").replace("details.", "")
        try:
            if field.endswith("_int"):
                self.details[field] = int(value)
            elif field.endswith("_float"):
                self.details[field] = float(value)
            else:
                self.details[field] = self._to_text(key, value)
        except (TypeError, ValueError, OverflowError) as error:
            # "Dropped" means the event, not the field: the worker catches nothing around a cast.
            kind = field.rpartition("_")[2]
            reason = f"It cannot be cast to {kind}, and MozDef drops the event."
            raise _Dropped(key, reason) from error
        self._rename(key, f"details.{field}")

    def _missing(self, field: str, replacement: str) -> None:
        if self.event:  # a custom document owes nobody these fields
            self._mangle(field, f"It is missing, and MozDef stores {replacement}.")
