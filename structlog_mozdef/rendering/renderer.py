"""The end of the chain: an event dict becomes a MozDef event, one line of JSON in bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from logging import LogRecord
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef.process import identity
from structlog_mozdef.rendering import timestamps
from structlog_mozdef.rendering.callers import calling_module
from structlog_mozdef.rendering.convert import (
    NAMES_LIMIT,
    NAMES_MAXIMUM,
    name_of_type,
    safe_str,
)
from structlog_mozdef.rendering.detection import SPECIAL_NAMES, are_known_names, no_date
from structlog_mozdef.rendering.encode import EventRedactor, encode
from structlog_mozdef.rendering.fields import (
    SEVERITY_OF_LEVEL,
    UNKNOWN,
    add_detail,
    choose_severity,
    first_string,
    list_of_tags,
    merge_details,
    process_id_of,
)
from structlog_mozdef.rendering.log_records import complete
from structlog_mozdef.rendering.timestamps import check_timezone, iso_timestamp, utc_now
from structlog_mozdef.rendering.tracebacks import move_exception
from structlog_mozdef.rendering.typed_details import (
    check_listed_names,
    check_typed_names,
    convert_details,
    is_ip_address,
    repair_typed_details,
)

# What an exception and the report of what was cut need.
_NAMES_MINIMUM = 10
# Tags that were checked before: strings that are no dates. Programs have few.
_known_tags: set[str] = set()
_KNOWN_TAGS_LIMIT = 1_000
_KNOWN_TAG_LIMIT = 100


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
    given to ``get_logger``, else
    the module of the log call
    ``tags``, ``timestamp``,        the same, in the types that MozDef stores; added
    ``hostname``, ``processid``,    if no processor has added them
    ``processname``
    ``exc_info``, ``stack_info``    ``details.exception`` (type, message, stack) with
                                    ``details.error``; ``details.stack``
    ``details``                     merged into ``details``
    everything else                 ``details``
    ==============================  ==================================================

    Never raises: values that JSON, MozDef or Elasticsearch would reject are repaired, and
    ``details.truncated`` says what had to be cut.

    Args:
        category: of events that have none.
        source: of events that have none. Default: the logger's name, else the module that logs.
        timezone: of naive datetimes in an event: a name such as ``"Europe/Berlin"``, or a
            ``tzinfo`` of pytz, zoneinfo or another library. Default: local time.
        typed_names: the types of details that not all parts of a program give the same:
            ``{"status": str, "retried": bool}``. An index rejects an event whose detail has
            another type than it had before. A value that cannot be converted moves to
            ``NAME_text``. The types are str, bool, int and float, or their names.
        listed_names: details whose own names anybody can invent, such as the headers or the form of
            a request: ``["headers", "form"]``. Each becomes a list of
            ``{"name": ..., "value": ...}`` in which all is text: an index keeps a number of names,
            and then rejects each event with a new one. Mappings and pairs can be listed; other
            values move to ``NAME_text``.
        max_names: how many names the details of an event may have, at any depth: 10 to 900. Those
            beyond it are kept as JSON under ``more_names``, which ``truncated`` says.
        redactor: a `Redactor`, which replaces secrets in events. It costs less here than as a
            processor before, since one look at the rendered event tells that most have none.
            Default: secrets stay.

    Raises:
        ValueError: a category or source is not a string, or is empty; an unknown time zone or type;
            a name that has a type is listed; too many names.
    """

    __slots__ = (
        "_category",
        "_conversions",
        "_max_names",
        "_naive_zone",
        "_redactor",
        "_source",
    )
    _encode: Callable[..., bytes] = staticmethod(encode)

    def __init__(
        self,
        category: str = "event",
        source: str | None = None,
        timezone: str | tzinfo | None = None,
        typed_names: Mapping[str, type | str] | None = None,
        *,
        listed_names: Iterable[str] = (),
        max_names: int = NAMES_LIMIT,
        redactor: EventRedactor | None = None,
    ) -> None:
        if not isinstance(category, str) or not category:
            raise ValueError(f"category is {category!r}; it must be a string that is not empty")
        if source is not None and (not isinstance(source, str) or not source):
            raise ValueError(f"source is {source!r}; it must be None or a string that is not empty")
        self._category = category
        self._source = source
        self._naive_zone = check_timezone(timezone)
        self._conversions = {
            **check_typed_names(typed_names),
            **check_listed_names(listed_names, typed_names),
        }
        if type(max_names) is not int or not _NAMES_MINIMUM <= max_names <= NAMES_MAXIMUM:
            raise ValueError(
                f"max_names is {max_names!r}; it must be an integer"
                f" from {_NAMES_MINIMUM} to {NAMES_MAXIMUM}"
            )
        self._max_names = max_names
        self._redactor = redactor
        identity.hostname()  # now, so that the first log call need not wait for the resolver

    def with_redactor(self, redactor: EventRedactor | None) -> MozDefRenderer:
        """Return a renderer with *redactor*, and else as this one; itself if it has its own."""
        if self._redactor is not None or redactor is None:
            return self
        renderer = copy.copy(self)
        renderer._redactor = redactor  # noqa: SLF001 - ours
        return renderer

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> bytes:
        try:
            return self._render(logger, name, event_dict)
        except Exception as error:
            pass_on(error)
            # Not an event dict, or keys with methods of their own: encode what there is.
            return encode(
                self._failed(event_dict, error), self._naive_zone, redactor=self._redactor
            )

    def _render(  # noqa: C901, PLR0912, PLR0915 - one pass, without the cost of calls
        self, logger: WrappedLogger, method: str, details: Any
    ) -> bytes:
        # This is the hot path: every check is for what a sane program sends, and the functions of
        # `fields` do the rest. What remains in the event dict becomes the details.
        pop = details.pop
        if "_record" in details:
            _merge_record(details)

        summary = pop("event", None)
        if type(summary) is not str:
            summary = _summary_of(summary, details)
        hostname = pop("hostname", None)
        if hostname is None:
            hostname = identity.known_hostname or identity.hostname()
        elif type(hostname) is not str or not hostname:
            hostname = first_string((hostname, identity.hostname()))
        processid = pop("processid", None)
        if processid is None:
            processid = identity.known_process_id
        elif type(processid) is not int:
            processid = process_id_of(processid)
        processname = pop("processname", None)
        if processname is None:
            processname = identity.known_process_name or identity.process_name()
        elif type(processname) is not str or not processname:
            processname = first_string((processname, identity.process_name()))
        timestamp = pop("timestamp", None)
        if timestamp is None:
            timestamp = utc_now()
        elif timestamp is not timestamps.latest:
            timestamp = _timestamp_of(timestamp, details, self._naive_zone)
        tags = pop("tags", None)
        if type(tags) is not list:
            tags = _valid_tags(tags)
        for tag in tags:
            if type(tag) is not str or tag not in _known_tags:
                tags = _valid_tags(tags)
                break
        category = pop("category", None)
        if category is None:
            category = self._category
        elif type(category) is not str or not category:
            category = first_string((category, self._category))
        source = pop("source", None)
        if source is None:
            source = self._source
        if type(source) is not str or not source:
            source = _source_of(source, logger, details)
        severity = None
        if "severity" not in details:
            level = details.get("level", method)
            if type(level) is str:
                severity = SEVERITY_OF_LEVEL.get(level)
                if severity is not None and "level" in details:
                    del details["level"]
        if severity is None:
            severity = choose_severity(details, pop("severity", None), pop("level", None), method)
        # The names of nearly every event are those of events before it, and mean nothing special.
        are_usual = are_known_names(details)
        if not are_usual and not SPECIAL_NAMES.isdisjoint(details):
            _move_rare(details)
        if self._conversions:
            convert_details(details, self._conversions)
        success = details.get("success")
        address = details.get("sourceipaddress")
        if (success is not None and success is not True and success is not False) or (
            (type(address) is not str or not is_ip_address(address))
            if address is not None
            else "sourceipaddress" in details
        ):
            repair_typed_details(details)
        return self._encode(
            {
                "category": category,
                "details": details,
                "hostname": hostname,
                "processid": processid,
                "processname": processname,
                "severity": severity,
                "source": source,
                "summary": summary,
                "tags": tags,
                "timestamp": timestamp,
            },
            self._naive_zone,
            are_usual,
            self._max_names,
            self._redactor,
        )

    def _failed(self, details: Any, error: Exception) -> dict[str, Any]:
        return {
            "category": self._category,
            "details": {
                "event_dict": details,
                "rendering": f"failed with {name_of_type(type(error))}",
            },
            "hostname": identity.hostname(),
            "processid": identity.process_id(),
            "processname": identity.process_name(),
            "severity": "ERROR",
            "source": self._source or "structlog_mozdef",
            "summary": "an event that could not be rendered",
            "tags": [],
            "timestamp": utc_now(),
        }

    @shows_half_made
    def __repr__(self) -> str:
        zone = None if self._naive_zone is None else str(self._naive_zone)
        return (
            f"MozDefRenderer(category={self._category!r}, source={self._source!r},"
            f" timezone={zone!r})"
        )


def _source_of(given: object, logger: WrappedLogger, details: Any) -> str:
    """Return the source of an event that neither the event nor the renderer names."""
    if given is None and "logger" in details:
        given = details.pop("logger")
    try:
        name = getattr(logger, "name", None)
    except Exception as error:  # a logger with methods of its own
        pass_on(error)
        name = None
    if given is None:  # the usual cases, at once
        if type(name) is str and name:
            return name
        if name is None or name == "":
            return calling_module() or UNKNOWN
    return first_string((given, name))


def _timestamp_of(given: object, details: Any, naive_zone: tzinfo | None) -> str:
    """Return *given* as a timestamp; the time now if it is not a point in time."""
    iso = iso_timestamp(given, naive_zone)
    if iso is None:
        add_detail(details, "timestamp", given)
    return iso or utc_now()


def _move_rare(details: Any) -> None:
    if "details" in details:
        merge_details(details, details.pop("details"))
    if "exc_info" in details or "exception" in details or "stack_info" in details:
        move_exception(details)
    repair_typed_details(details)


def _valid_tags(tags: object) -> list[str]:
    """Return *tags* as a list of strings, with ``date:`` before those that look like dates.

    One date would make the index's field of tags a date, and have each other tag rejected.
    """
    valid = [no_date(tag) for tag in list_of_tags(tags)]
    if len(_known_tags) >= _KNOWN_TAGS_LIMIT:
        _known_tags.clear()
    _known_tags.update(tag for tag in valid[:10] if len(tag) <= _KNOWN_TAG_LIMIT)
    return valid


def _merge_record(details: Any) -> None:
    """Merge what only the record of structlog's ProcessorFormatter knows."""
    record = details.pop("_record")
    if not details.pop("_from_structlog", True) and issubclass(type(record), LogRecord):
        complete(details, record)


def _summary_of(summary: object, details: Any) -> str:
    """Return the summary if ``event`` is not a string, or another processor has renamed it."""
    for name in ("summary", "message", "msg"):
        if summary is None and type(details.get(name)) is str:
            summary = details.pop(name)
    return "" if summary is None else safe_str(summary)
