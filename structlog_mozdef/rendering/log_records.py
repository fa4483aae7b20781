"""Records of the standard library's logging as event dicts."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any, cast

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.fields import add_detail
from structlog_mozdef.rendering.timestamps import iso_timestamp

# The attributes of every record: all others come from ``extra=``. The last ones are set by
# formatters, by newer Pythons, and by structlog.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "_logger",
    "_name",
    "_from_structlog",
    "_record",
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# uvicorn's message once more, with colours and without its arguments.
_COLOURED = "color_message"


def event_dict_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the event dict of *record*, whether structlog made it or another logger."""
    if is_native(record):
        event_dict = dict(cast("dict[str, Any]", record.msg))
        event_dict.pop("_record", None)
        event_dict.pop("_from_structlog", None)
    else:
        event_dict = {"event": without_colours(message_of(record))}
        if record.exc_info:
            event_dict["exc_info"] = record.exc_info
        elif record.exc_text:
            event_dict["exception"] = record.exc_text
        if record.stack_info:
            event_dict["stack_info"] = record.stack_info
    complete(event_dict, record)
    return event_dict


def is_native(record: logging.LogRecord) -> bool:
    """Return whether structlog's ``ProcessorFormatter.wrap_for_formatter`` made *record*."""
    return (
        issubclass(type(record.msg), dict)
        and hasattr(record, "_logger")
        and hasattr(record, "_name")
    )


def complete(event_dict: MutableMapping[str, Any], record: logging.LogRecord) -> None:
    """Add the fields to *event_dict* that only *record* knows; values that it has stay."""
    event_dict.setdefault("level", record.levelname)
    event_dict.setdefault("logger", record.name)
    event_dict.setdefault("timestamp", iso_timestamp(record.created))
    if record.process is not None:
        event_dict.setdefault("processid", record.process)
    is_uvicorns = safe_str(record.name).startswith("uvicorn")
    for name, value in record.__dict__.items():
        if name not in _STANDARD and not (is_uvicorns and name == _COLOURED):
            add_detail(event_dict, name, value)


def without_colours(text: str) -> str:
    """Return *text* without the codes that colour it on a terminal: werkzeug logs such lines."""
    return _COLOURS.sub("", text) if "\x1b[" in text else text


def message_of(record: logging.LogRecord) -> str:
    """Return the message of *record*, even if its arguments do not fit."""
    if is_native(record):
        return safe_str(cast("dict[str, Any]", record.msg).get("event"))
    try:
        return safe_str(record.getMessage())
    except Exception as error:
        pass_on(error)
        return f"{safe_str(record.msg)} {safe_str(record.args)}"
