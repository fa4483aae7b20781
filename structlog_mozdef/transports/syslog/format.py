"""A MozDef event as a syslog message: the event is the message, its own fields fill the header.

Two forms:

``rfc5424``
    ``<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID - MSG``, as RFC 5424, section 6, writes it.
``rfc3164``
    ``<PRI>Mmm dd hh:mm:ss TAG[PID]: MSG``, what ``syslog(3)`` writes to the local socket. Local
    daemons read nothing else there: systemd-journald does not know RFC 5424, and rsyslog's local
    socket reads its header as a part of the message (a known fault of rsyslog).

There is no byte order mark before the JSON: RFC 8259 forbids one, JSON parsers fail on it, and
RFC 5424 allows a message without one (MSG-ANY).

What a field holds is input from outside: each character that could end a field, or the message, is
replaced.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from structlog_mozdef.rendering.fields import SEVERITIES, severity_of

#: The facilities of RFC 5424, section 6.2.1, under their usual names, by their number.
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news"),
    *("uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)

NIL = "-"
_DEBUG = 7
_INFO = 6
# MozDef's severities are those of syslog, the other way round.
_NUMBER_OF_SEVERITY = {name: _DEBUG - index for index, name in enumerate(SEVERITIES)}

# RFC 5424, section 6: the lengths of the header's fields.
HOSTNAME_LIMIT = 255
APP_NAME_LIMIT = 48
PROCID_LIMIT = 128
MSGID_LIMIT = 32

_NOT_PRINTABLE = re.compile(r"[^!-~]")
# A host name or an address is all that belongs there; receivers make file names of it.
_NOT_IN_HOSTNAME = re.compile(r"[^A-Za-z0-9.:_-]")
_HAS_A_NAME = re.compile(r"[A-Za-z0-9]")
_NOT_IN_TAG = re.compile(r"[^!-~]|[:\[\]]")
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,6})[0-9]*)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
# As RFC 3164 wants them, whatever the locale says.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# JSON has control characters only between its tokens, where a space is as good.
_SPACES_FOR_CONTROLS = bytes(max(byte, 32) for byte in range(256))

#: Turns an event into a message.
Formatter = Callable[[bytes], bytes]


def formatter(form: str, facility: int, app_name: str | None, msgid: str | None) -> Formatter:
    """Return a function that writes events in one form.

    Args:
        form: "rfc5424" or "rfc3164".
        facility: a number, 0 to 23.
        app_name: of every event; None: the file name in the event's processname.
        msgid: of every event; None: the event's category.
    """

    def rfc5424(event: bytes) -> bytes:
        fields = _fields_of(event)
        name = app_name or app_name_of(fields.get("processname"))
        header = (
            f"<{priority_of(fields.get('severity'), facility)}>1"
            f" {timestamp_of(fields.get('timestamp'))}"
            f" {hostname_of(fields.get('hostname'))}"
            f" {name}"
            f" {_field(fields.get('processid'), PROCID_LIMIT)}"
            f" {msgid or _field(fields.get('category'), MSGID_LIMIT)} - "
        )
        return header.encode("ascii") + event.translate(_SPACES_FOR_CONTROLS)

    def rfc3164(event: bytes) -> bytes:
        fields = _fields_of(event)
        tag = _NOT_IN_TAG.sub("_", app_name or app_name_of(fields.get("processname")))
        process = _NOT_IN_TAG.sub("_", _field(fields.get("processid"), PROCID_LIMIT))
        tag += f"[{process}]" if process != NIL else ""
        priority = priority_of(fields.get("severity"), facility)
        header = f"<{priority}>{_local_time_of(fields.get('timestamp'))} {tag}: "
        return header.encode("ascii") + event.translate(_SPACES_FOR_CONTROLS)

    return rfc5424 if form == "rfc5424" else rfc3164


def priority_of(severity: object, facility: int) -> int:
    """Return the PRI of RFC 5424; INFO stands in for an unknown severity."""
    return facility * 8 + _NUMBER_OF_SEVERITY.get(severity_of(severity) or "", _INFO)


def timestamp_of(value: object) -> str:
    """Return *value* as RFC 5424 restricts ISO 8601: with an offset, and up to six decimals.

    Anything else becomes `NIL`, for which the receiver's time stands in. The present time would be
    wrong: the event may have waited for hours.
    """
    moment = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if moment is None or _datetime_of(moment) is None:
        return NIL
    day, clock, fraction, offset = moment.groups()
    return f"{day}T{clock}.{fraction}{offset}" if fraction else f"{day}T{clock}{offset}"


def hostname_of(value: object) -> str:
    """Return *value* as a HOSTNAME: letters, digits and ``. : _ -``."""
    text = _NOT_IN_HOSTNAME.sub("_", _string_of(value)[:HOSTNAME_LIMIT])
    return text if _HAS_A_NAME.search(text) else NIL


def app_name_of(value: object) -> str:
    """Return *value* as an APP-NAME; of a path its file name, as ``syslog(3)`` does."""
    return _field(_FOLDERS.sub("", _string_of(value)), APP_NAME_LIMIT)


def _field(value: object, limit: int) -> str:
    """Return *value* as PRINTUSASCII of at most *limit* characters."""
    return _NOT_PRINTABLE.sub("_", _string_of(value)[:limit]) or NIL


def _string_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _fields_of(event: bytes) -> Mapping[str, Any]:
    try:
        fields = orjson.loads(event)
    except ValueError:
        return {}  # the message is sent all the same
    return fields if isinstance(fields, dict) else {}


def _datetime_of(moment: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(moment[0])
    except ValueError:
        return None


def _local_time_of(value: object) -> str:
    moment = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    then = _datetime_of(moment) if moment is not None else None
    local: time.struct_time | None = None
    if then is not None:
        try:
            local = then.astimezone().timetuple()
        except (OverflowError, OSError, ValueError):
            pass  # the first and the last days of the calendar
    return rfc3164_time(local or time.localtime())


def rfc3164_time(now: time.struct_time) -> str:
    """Return ``Mmm dd hh:mm:ss``, in local time: RFC 3164, section 4.1.2."""
    return (
        f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2}"
        f" {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    )
