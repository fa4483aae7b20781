"""How MozDef's worker normalizes an event: from the keys that were sent to the fields it stores.

The worker goes through the top-level keys in their order, and knows a fixed set of names and
aliases. It loses any other key silently, and it loses the event if one value is of a type that it
does not expect. This module does the same, and records each difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.timestamps import read_timestamp

if TYPE_CHECKING:
    from datetime import datetime

# The names that the worker stores as strings, and the field of each. Those of NXLog and Logstash
# (syslogseverity, severityvalue, syslogfacility, source_host, and sourceip below) are not
# documented as aliases, but the worker has them for those shippers.
_STRING_FIELDS = {
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
# The names under which a string is stored unchanged (the severity in upper case).
_PLAIN_FIELDS = frozenset(_STRING_FIELDS.values()).intersection(_STRING_FIELDS) | {"source"}
_TIME_FIELDS = frozenset({"date", "eventtime", "timestamp", "utctimestamp"})
_DETAILS_PREFIXES = ("details.", "fields.")


class EventDropped(Exception):  # noqa: N818 - a verdict from nested calls, not an error
    """The worker drops the event."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.difference = Difference("dropped", field, reason)


class Normalizer:
    """The normalization of one event.

    Args:
        document: as the worker gets it; it is not changed.
        received: the time of arrival, whose zone is that of naive timestamps.
        differences: a list, to which each difference is appended.
    """

    __slots__ = ("_details", "_differences", "_document", "_event", "_origins", "_received")

    def __init__(
        self, document: dict[str, Any], received: datetime, differences: list[Difference]
    ) -> None:
        self._document = document
        self._received = received
        self._differences = differences
        self._event: dict[str, Any] = {}
        self._details: dict[str, Any] = {}
        # Field -> the key that it was read from, to name the key that was overwritten.
        self._origins: dict[str, str] = {}

    def normalize(self) -> dict[str, Any]:
        """Return the event with MozDef's names and types.

        Raises:
            EventDropped: for a value that makes the worker drop the event.
        """
        for key, value in self._document.items():
            # Nearly every field: its own name, a string, and no difference.
            if key in _PLAIN_FIELDS and type(value) is str and key not in self._origins:
                self._origins[key] = key
                self._event[key] = value.upper() if key == "severity" else value
                continue
            name = key.replace("@", "").lower()
            if not self._add(key, name, value):
                reason = "MozDef knows no such top-level name, and drops the field."
                self._differences.append(
                    Difference("dropped", key, f"{reason} Put it under details.")
                )
        self._copy_last_key_of_nxlog()
        self._event["details"] = self._details
        self._event["type"] = "event"
        return self._event

    def _copy_last_key_of_nxlog(self) -> None:
        # The worker means to copy all keys of an event of Windows, and copies the last one.
        if "Domain" in self._document and "SourceModuleType" in self._document:
            key, value = next(reversed(self._document.items()))
            name = key.replace("@", "").lower()
            self._renamed(key, f"details.{name}")
            self._details[name] = value

    def _add(self, key: str, name: str, value: Any) -> bool:
        """Add one key; return False if the worker does not know its name."""
        field = _STRING_FIELDS.get(name)
        if field is not None:
            self._add_string(key, field, value)
        elif name == "tags":
            self._add_tags(key, name, value)
        elif name in _TIME_FIELDS:
            self._add_time(key, value)
        elif name in ("details", "fields"):
            self._merge_details(key, name, value)
        elif name.startswith(_DETAILS_PREFIXES):
            self._add_cast_detail(key, name, value)
        elif name in ("source", "facility"):
            self._add_source(key, name, value)
        elif name == "sourceip":
            self._renamed(key, "details.eventsourceipaddress")
            self._details["eventsourceipaddress"] = value
        else:
            return self._add_by_substring(key, name, value)
        return True

    def _add_by_substring(self, key: str, name: str, value: Any) -> bool:
        # The worker asks whether the name is a substring of "tags" or "payload", not whether it is
        # equal: "a" and the empty key are in both.
        is_tag = name in "tags"
        is_payload = name in "payload"
        if is_tag:
            self._add_tags(key, name, value)
        if is_payload:
            self._add_payload(key, value)
        return is_tag or is_payload

    def _renamed(self, key: str, field: str, why: str = "") -> None:
        if key != field:
            reason = f"MozDef stores it as {field}{why}."
            self._differences.append(Difference("renamed", key, reason, stored_as=field))

    def _mangled(self, key: str, reason: str) -> None:
        self._differences.append(Difference("mangled", key, reason))

    def _set(self, key: str, field: str, value: Any, why: str = "") -> None:
        earlier = self._origins.get(field)
        if earlier is not None:
            self._mangled(earlier, f"It is overwritten by {key!r}, which comes after it.")
        self._renamed(key, field, why)
        self._origins[field] = key
        self._event[field] = value

    def _add_source(self, key: str, name: str, value: Any) -> None:
        self._set(key, "source", value)
        if name == "facility":
            self._event["facility"] = str(value)

    def _add_string(self, key: str, field: str, value: Any) -> None:
        quiet = field == "processid" and type(value) is int
        string = self._to_string(key, value, quiet=quiet)
        self._set(key, field, string.upper() if field == "severity" else string)

    def _to_string(self, key: str, value: Any, *, quiet: bool = False) -> str:
        if isinstance(value, str):
            return value
        # MozDef's own documentation has a number as processid: that is worth no warning.
        if not quiet:
            kind = type(value).__name__
            self._mangled(key, f"It is of type {kind}, and MozDef stores it as a string.")
        return str(value)

    def _add_time(self, key: str, value: Any) -> None:
        try:
            time, warning = read_timestamp(value, self._received)
        except ValueError as error:
            raise EventDropped(key, str(error)) from error
        if warning is not None:
            self._mangled(key, warning)
        timestamp = time.isoformat()
        self._set(key, "timestamp", timestamp)
        self._event["utctimestamp"] = timestamp

    def _add_tags(self, key: str, name: str, value: Any) -> None:
        if value is None or isinstance(value, (bool, int, float)):
            kind = type(value).__name__
            reason = f"A value of type {kind} for tags makes MozDef drop the event."
            raise EventDropped(key, reason)
        tags = self._event.setdefault("tags", [])
        self._renamed(key, "tags", "" if name == "tags" else ', as any substring of "tags"')
        if isinstance(value, list):
            tags.extend(value)
            return
        self._mangled(key, "It is not a list: MozDef stores it as one tag, or none if it is empty.")
        if value:
            tags.append(value)

    def _add_payload(self, key: str, value: Any) -> None:
        payload = self._to_string(key, value)
        why = ', as any substring of "payload"'
        # The worker looks for the exact name here: "Summary" does not count.
        if "summary" in self._document:
            self._renamed(key, "details.payload", why)
            self._details["payload"] = payload
        else:
            self._set(key, "summary", payload, why)

    def _merge_details(self, key: str, name: str, value: Any) -> None:
        if not isinstance(value, dict):
            self._mangled(key, f"{name} is not an object: MozDef stores it as details.message.")
            self._details["message"] = value
            return
        self._renamed(key, "details")
        self._details.update(value)

    def _add_cast_detail(self, key: str, name: str, value: Any) -> None:
        field = name.replace("fields.", "").replace("details.", "")
        try:
            if field.endswith("_int"):
                self._details[field] = int(value)
            elif field.endswith("_float"):
                self._details[field] = float(value)
            else:
                self._details[field] = self._to_string(key, value)
        except (TypeError, ValueError, OverflowError) as error:
            # The event is dropped, not the field: the worker catches nothing around a cast.
            kind = field.rpartition("_")[2]
            reason = f"It cannot be cast to {kind}, and MozDef drops the event."
            raise EventDropped(key, reason) from error
        self._renamed(key, f"details.{field}")
