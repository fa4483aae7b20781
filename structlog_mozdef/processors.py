"""Processors that add to an event dict what MozDef wants to know of every event.

Each keeps a value that the event already carries. They follow structlog's protocol:
``processor(logger, method_name, event_dict) -> event_dict``.
"""

from __future__ import annotations

import itertools
import secrets
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef import identity
from structlog_mozdef.details import claim_detail
from structlog_mozdef.event import list_of_tags
from structlog_mozdef.fork import reset_after_fork
from structlog_mozdef.timestamps import iso_of_datetime, utc_now


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


class SequenceAdder:
    """Add ``stream_id`` and ``sequence``: proof for the receiver that nothing is missing.

    ``stream_id`` is unpredictable and belongs to one process; ``sequence`` counts its events from
    1 without a gap. A missing number is a lost event, a number that is there twice is a repeat.
    A forked child gets a stream of its own. Place it last before the renderer: an event that a
    later processor drops leaves a gap. Fields of the program's own by these names move to
    ``stream_id_2`` and ``sequence_2``.
    """

    __slots__ = ("__weakref__", "_next", "_stream_id")

    def __init__(self) -> None:
        self.after_fork_in_child()
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Begin a stream."""
        self._stream_id = secrets.token_hex(8)
        self._next = itertools.count(1).__next__  # atomic, also in a signal handler

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "stream_id" in event_dict or "sequence" in event_dict:
            claim_detail(event_dict, "stream_id", self._stream_id)
            claim_detail(event_dict, "sequence", self._next())
        else:
            event_dict["stream_id"] = self._stream_id
            event_dict["sequence"] = self._next()
        return event_dict

    def __reduce__(self) -> tuple[type[SequenceAdder], tuple[()]]:
        return SequenceAdder, ()  # a copy in another process must count for itself

    def __repr__(self) -> str:
        return "SequenceAdder()"


def add_trace_ids(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``trace_id`` and ``span_id`` of OpenTelemetry's current span, in its hexadecimal form.

    Does nothing where the program has not loaded OpenTelemetry, or no span is active.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is not None:
        try:
            context = trace.get_current_span().get_span_context()
            if context.is_valid:
                event_dict.setdefault("trace_id", f"{context.trace_id:032x}")
                event_dict.setdefault("span_id", f"{context.span_id:016x}")
        except Exception:
            pass  # another thread is importing it right now, or a span is none
    return event_dict


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
