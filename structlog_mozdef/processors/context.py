"""Processors that add to an event dict what MozDef wants to know of every event.

Each keeps a value that the event already carries. They follow structlog's protocol:
``processor(logger, method_name, event_dict) -> event_dict``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef.process import identity
from structlog_mozdef.rendering.fields import list_of_tags
from structlog_mozdef.rendering.timestamps import iso_of_datetime, utc_now


def add_hostname(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``hostname``: the fully qualified name of this machine.

    It is looked up once. Where the resolver is slow (over 1 s) or knows only ``localhost``, the
    plain host name stands in.
    """
    if "hostname" not in event_dict:
        event_dict["hostname"] = identity.known_hostname or identity.hostname()
    return event_dict


def add_processid(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``processid``: the id of the process that logs, right in a forked child as well."""
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

    A ``datetime`` that the event carries becomes text with its offset; a naive one is taken as
    local time.
    """
    if "timestamp" not in event_dict:
        event_dict["timestamp"] = utc_now()
    elif issubclass(type(event_dict["timestamp"]), datetime):
        event_dict["timestamp"] = iso_of_datetime(event_dict["timestamp"])
    return event_dict


class TagAdder:
    """Add ``tags`` to those that an event already carries.

    Args:
        tags: texts; each is added once.

    Raises:
        ValueError: for a tag that is not a text, or is empty.
    """

    __slots__ = ("_tags",)

    def __init__(self, *tags: str) -> None:
        for tag in tags:
            if not isinstance(tag, str) or not tag:
                raise ValueError(f"tag is {tag!r}; it must be a text that is not empty")
        self._tags = list(dict.fromkeys(tags))

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "tags" in event_dict:
            own = list_of_tags(event_dict["tags"])
            event_dict["tags"] = own + [tag for tag in self._tags if tag not in own]
        else:
            event_dict["tags"] = self._tags.copy()
        return event_dict

    def __repr__(self) -> str:
        return f"TagAdder({', '.join(map(repr, self._tags))})"


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """*tags* as a tuple.

    Raises:
        ValueError: for one text instead of several, whose letters would become the tags, and for
            what is no list.
    """
    if isinstance(tags, (str, bytes)):
        raise ValueError(f"tags is {tags!r}; it must be a list of texts, [{tags!r}]")
    if not isinstance(tags, Iterable):
        raise ValueError(f"tags is {tags!r}; it must be a list of texts")
    return tuple(tags)
