"""Processors that add the fields which MozDef expects in every event.

Each keeps a value that the event already has. They follow structlog's protocol:
``processor(logger, method_name, event_dict) -> event_dict``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import cast

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import shows_half_made
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.fields import list_of_tags
from structlog_mozdef.rendering.timestamps import check_timezone, iso_of_datetime, utc_now


def add_hostname(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``hostname``: the fully qualified name of this machine.

    It is looked up once. If the resolver is slow (over 1 s) or knows only ``localhost``, the short
    host name is used instead.
    """
    if "hostname" not in event_dict:
        event_dict["hostname"] = identity.known_hostname or identity.hostname()
    return event_dict


def add_processid(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``processid``: the id of the process that logs, correct in a forked child as well."""
    if "processid" not in event_dict:
        event_dict["processid"] = identity.known_process_id
    return event_dict


def add_processname(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``processname``: the program as a person knows it (``gunicorn``, ``manage.py``)."""
    if "processname" not in event_dict:
        event_dict["processname"] = identity.known_process_name or identity.process_name()
    return event_dict


def add_timestamp(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``timestamp``: now, in UTC, as ISO 8601 with microseconds and ``+00:00``.

    A ``datetime`` that the event already has becomes a string with its offset; a naive one is
    local time. `TimestampAdder` has another time zone for naive ones.
    """
    if "timestamp" not in event_dict:
        event_dict["timestamp"] = utc_now()
    elif issubclass(type(event_dict["timestamp"]), datetime):
        event_dict["timestamp"] = iso_of_datetime(event_dict["timestamp"])
    return event_dict


class TimestampAdder:
    """Add ``timestamp`` as `add_timestamp` does, with a time zone for naive datetimes.

    Args:
        timezone: of a naive ``datetime`` that an event already has as its timestamp; as for
            `MozDefRenderer`.

    Raises:
        ValueError: an unknown time zone.
    """

    __slots__ = ("_naive_zone",)

    def __init__(self, timezone: str | tzinfo | None = None) -> None:
        self._naive_zone = check_timezone(timezone)

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        given = event_dict.get("timestamp")
        if issubclass(type(given), datetime):
            event_dict["timestamp"] = iso_of_datetime(cast("datetime", given), self._naive_zone)
        return add_timestamp(logger, name, event_dict)

    @shows_half_made
    def __repr__(self) -> str:
        return f"TimestampAdder({None if self._naive_zone is None else str(self._naive_zone)!r})"


class TagAdder:
    """Add ``tags`` to those that an event already has.

    Args:
        tags: strings; each is added once.

    Raises:
        ValueError: a tag is not a string, or is empty.
    """

    __slots__ = ("_tags",)

    def __init__(self, *tags: str) -> None:
        for tag in tags:
            if not isinstance(tag, str) or not tag:
                raise ValueError(f"tag is {tag!r}; it must be a string that is not empty")
        self._tags = list(dict.fromkeys(tags))

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "tags" in event_dict:
            own = list_of_tags(event_dict["tags"])
            event_dict["tags"] = own + [tag for tag in self._tags if tag not in own]
        else:
            event_dict["tags"] = self._tags.copy()
        return event_dict

    @shows_half_made
    def __repr__(self) -> str:
        return f"TagAdder({', '.join(map(repr, self._tags))})"


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return *tags* as a tuple.

    Raises:
        ValueError: *tags* is a single string, whose letters would become the tags, or is not
            iterable.
    """
    if isinstance(tags, (str, bytes)):
        raise ValueError(f"tags is {tags!r}; it must be a list of strings, [{tags!r}]")
    if not isinstance(tags, Iterable):
        raise ValueError(f"tags is {tags!r}; it must be a list of strings")
    return tuple(tags)
