"""The end of the chain: an event dict becomes a MozDef event, as one line of JSON in bytes."""

from __future__ import annotations

from typing import Any, Protocol

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef import identity
from structlog_mozdef.details import add_detail, merge_details
from structlog_mozdef.encoding import encode
from structlog_mozdef.event import (
    SEVERITY_OF_LEVEL,
    choose_severity,
    first_text,
    list_of_tags,
    process_id_of,
    repair_typed_details,
    severity_of,
)
from structlog_mozdef.text import text_of
from structlog_mozdef.timestamps import iso_timestamp, utc_now
from structlog_mozdef.tracebacks import move_exception

_TEXT = frozenset({str})
# What structlog's ProcessorFormatter adds for its own use.
_PROCESSOR_FORMATTER_KEYS = ("_record", "_from_structlog")


class Destination(Protocol):
    """Where rendered events go: a `Sink`."""

    def put(self, event: bytes) -> None:
        """Take one event. Never raises, never blocks."""


class MozDefRenderer:
    """Render an event dict as a MozDef event: one complete JSON object, ``bytes``, one line.

    ==============================  ==================================================
    event dict                      MozDef event
    ==============================  ==================================================
    ``event``                       ``summary``
    ``severity``, else ``level``,   ``severity``; an unknown one is kept in ``details``
    else the method's name          and becomes INFO
    ``category``                    ``category``
    ``source``, else *source*,      ``source``
    else ``logger``, else the name
    given to ``get_logger``
    ``tags``, ``timestamp``,        the same, in the types that MozDef stores; added
    ``hostname``, ``processid``,    where no processor has
    ``processname``
    ``exc_info``, ``stack_info``    ``details.exception`` (type, message, stack) with
                                    ``details.error``; ``details.stack``
    ``details``                     merged into ``details``
    everything else                 ``details``
    ==============================  ==================================================

    Never raises: what JSON, MozDef or Elasticsearch would refuse is repaired, and what had to be
    cut is told in ``details.truncated``.

    Args:
        category: of events that carry none.
        source: of events that carry none. Default: the logger's name.

    Raises:
        ValueError: for a category or source that is no text, or is empty.
    """

    __slots__ = ("_category", "_source")

    def __init__(self, category: str = "event", source: str | None = None) -> None:
        if not isinstance(category, str) or not category:
            raise ValueError(f"category is {category!r}; it must be a text that is not empty")
        if source is not None and (not isinstance(source, str) or not source):
            raise ValueError(f"source is {source!r}; it must be None or a text that is not empty")
        self._category = category
        self._source = source

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> bytes:
        try:
            event = self._to_mozdef(logger, name, event_dict)
        except Exception as error:
            # A value with hostile methods (__bool__, __eq__, ...): encode what there is.
            event = self._without_care(event_dict, error)
        return encode(event)

    def _to_mozdef(self, logger: WrappedLogger, method: str, details: Any) -> dict[str, Any]:
        # This is the hot path: every check is for what a sane program sends, and all else is
        # done by functions of `event`. What is left in the event dict becomes the details.
        pop = details.pop

        summary = pop("event", None)
        given_severity = pop("severity", None)
        level = pop("level", None)
        category = pop("category", None)
        source = pop("source", None)
        tags = pop("tags", None)
        timestamp = pop("timestamp", None)
        hostname = pop("hostname", None)
        processid = pop("processid", None)
        processname = pop("processname", None)

        if type(summary) is not str:
            summary = _summary_of(summary, details)
        try:
            severity = SEVERITY_OF_LEVEL[given_severity or level or method]
        except (KeyError, TypeError):
            severity = choose_severity(details, given_severity, level, method)
        else:
            if given_severity and level and severity_of(level) is None:
                add_detail(details, "level", level)
        if type(category) is not str or not category:
            category = first_text((category, self._category))
        if type(source) is not str or not source:
            source = self._source_of(source, logger, details)
        if type(tags) is not list or not _TEXT.issuperset(map(type, tags)):
            tags = list_of_tags(tags)
        if type(hostname) is not str or not hostname:
            hostname = first_text((hostname, identity.hostname()))
        if type(processid) is not int:
            processid = identity.process_id() if processid is None else process_id_of(processid)
        if type(processname) is not str or not processname:
            processname = first_text((processname, identity.process_name()))

        if "details" in details:
            merge_details(details, pop("details"))
        if "exc_info" in details or "exception" in details or "stack_info" in details:
            move_exception(details)
        if "success" in details or "sourceipaddress" in details:
            repair_typed_details(details)
        if "_record" in details:
            for key in _PROCESSOR_FORMATTER_KEYS:
                pop(key, None)

        iso = iso_timestamp(timestamp)
        if iso is None:
            if timestamp is not None:
                add_detail(details, "timestamp", timestamp)
            iso = utc_now()
        return {
            "category": category,
            "details": details,
            "hostname": hostname,
            "processid": processid,
            "processname": processname,
            "severity": severity,
            "source": source,
            "summary": summary,
            "tags": tags,
            "timestamp": iso,
        }

    def _source_of(self, given: object, logger: WrappedLogger, details: Any) -> str:
        if given is None and self._source is not None:
            return self._source
        if given is None and details.get("logger") is not None:
            given = details.pop("logger")
        return first_text((given, self._source, getattr(logger, "name", None)))

    def _without_care(self, details: Any, error: Exception) -> dict[str, Any]:
        return {
            "category": self._category,
            "details": {"event_dict": details, "rendering": f"failed with {type(error).__name__}"},
            "hostname": identity.hostname(),
            "processid": identity.process_id(),
            "processname": identity.process_name(),
            "severity": "ERROR",
            "source": self._source or "structlog_mozdef",
            "summary": text_of(details.get("event", "an event that could not be rendered")),
            "tags": [],
            "timestamp": utc_now(),
        }

    def __repr__(self) -> str:
        return f"MozDefRenderer(category={self._category!r}, source={self._source!r})"


class MozDefTee:
    """Ship a copy of each event in the middle of a chain, and pass the event on unchanged.

    So a console can follow: ``[..., MozDefTee(sink), structlog.dev.ConsoleRenderer()]``. Place it
    before ``format_exc_info`` and the like. Hostname, process and timestamp need no processors
    before it; they are added to the copy.

    Args:
        sink: takes the rendered events.
        category, source: as for `MozDefRenderer`.
    """

    __slots__ = ("_put", "_renderer")

    def __init__(
        self, sink: Destination, category: str = "event", source: str | None = None
    ) -> None:
        self._put = sink.put
        self._renderer = MozDefRenderer(category, source)

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        self._put(self._renderer(logger, name, dict(event_dict)))
        return event_dict

    def __repr__(self) -> str:
        return f"MozDefTee({self._renderer!r})"


def _summary_of(summary: object, details: Any) -> str:
    """The summary where ``event`` is no text, or another processor has renamed it."""
    for name in ("summary", "message", "msg"):
        if summary is None and isinstance(details.get(name), str):
            summary = details.pop(name)
    return "" if summary is None else text_of(summary)
