"""mozdef_client's events."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from structlog_mozdef.compat import _delivery
from structlog_mozdef.compat._documents import (
    DEFAULT_SOURCE,
    encode_document,
    process_name,
    severity_number,
)
from structlog_mozdef.compat._timestamps import timestamp_of
from structlog_mozdef.compat.message import MozDefMessage
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.fields import SEVERITIES, list_of_tags, merge_details
from structlog_mozdef.transports.syslog.format import FACILITIES, priority_of

#: Whether events can be sent to SQS: mozdef_client's name for it.
boto_loaded = find_spec("boto3") is not None


class _Public:
    """A descriptor: an attribute of mozdef_client under a public name."""

    def __init__(self, private: str) -> None:
        self._private = private

    def __get__(self, event: Any, owner: type) -> Any:
        if event is None:
            return self
        # Not by `getattr`, which would come back here if a subclass has a property with the private
        # name over the public one.
        stored = vars(event)
        return stored[self._private] if self._private in stored else getattr(event, self._private)

    def __set__(self, event: Any, value: Any) -> None:
        vars(event)[self._private] = value


class MozDefEvent(MozDefMessage):
    """An event. Set ``summary``, ``tags`` and ``details`` before `send`.

    ``category``, ``source``, ``severity``, ``processname``, ``processid``, ``timestamp`` and
    ``hostname`` can be set as well.
    """

    SEVERITY_DEBUG = 0
    SEVERITY_INFO = 1
    SEVERITY_NOTICE = 2
    SEVERITY_WARNING = 3
    SEVERITY_ERROR = 4
    SEVERITY_CRITICAL = 5
    SEVERITY_ALERT = 6
    SEVERITY_EMERGENCY = 7

    # For subclasses that read them: the names of the constants, and the numbers of syslog.
    _sevmap = {number: [name, priority_of(name, 0)] for number, name in enumerate(SEVERITIES)}  # noqa: RUF012
    _facilitymap = {name: number << 3 for number, name in enumerate(FACILITIES)}  # noqa: RUF012

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_EVENT
        self._creator = identity.process_id()
        # Subclasses set these, and have properties over them.
        self._category: Any = "event"
        self._source: Any = None
        self._process_name: Any = process_name()
        self._process_id: Any = self._creator
        self._severity: Any = self.SEVERITY_INFO
        self._facility: Any = None
        self._updatelog: Any = None
        self.timestamp: Any = None
        self.summary: Any = None
        self.tags: Any = []
        self.details: Any = {}

    def validate(self) -> bool:
        """Return whether the event has a summary."""
        return self.summary is not None and safe_str(self.summary) != ""

    def set_simple_update_log(self, l: Any) -> None:  # noqa: E741 - mozdef_client's name
        """Send the items of *l* as well, at top level. *l* itself is never changed."""
        self._updatelog = l

    def set_severity(self, x: Any) -> None:
        """Set the severity: a constant of this class, or its name."""
        self._severity = severity_number(x)

    def set_category(self, x: Any) -> None:
        """Set the category."""
        self._category = x

    def set_severity_from_string(self, x: Any) -> None:
        """Set the severity by its name, in upper or lower case; an unknown one means INFO."""
        self._severity = severity_number(x)

    def set_facility_from_string(self, x: Any) -> None:
        """Set the facility in the local syslog by its name; an unknown one changes nothing.

        The default is the program's own, set by `syslog.openlog`, or "user".
        """
        self._facility = self._facilitymap.get(safe_str(x).lower(), self._facility)

    def construct(self) -> None:
        """Construct the document that is sent."""
        details: dict[str, Any] = {}
        merge_details(details, self.details)
        log = {} if self._updatelog is None else self._updatelog
        source = log.get("source") if self._source is None else self._source
        # In a forked child, the id of the process that created the event was not set by anybody.
        process_id = self._process_id
        self._sendlog = {
            **log,
            "category": self._category,
            "details": details,
            "hostname": self.hostname,
            "processid": identity.process_id() if process_id == self._creator else process_id,
            "processname": self._process_name,
            "severity": self._severity_name(),
            "source": DEFAULT_SOURCE if source is None else source,
            "summary": self.summary,
            "tags": list_of_tags(self.tags),
            "timestamp": timestamp_of(self.timestamp),
        }

    def syslog_convert(self) -> str:
        """Return the constructed document as JSON on one line."""
        return encode_document(self._sendlog, self._url).decode("utf-8")

    def send_syslog(self) -> None:
        """Send the constructed document to the local syslog, with the priority of its severity."""
        _delivery.shared.write_syslog(
            self.syslog_convert(),
            self._severity_name(),
            must=bool(self._syslog_only and not self._returns_immediately()),
            facility=self._facility,
        )

    def _severity_name(self) -> str:
        return SEVERITIES[severity_number(self._severity)]

    # mozdef_client had only the private names. Where a subclass has properties with one of these
    # names over a private one, or the other way round, its own count.
    category = _Public("_category")
    source = _Public("_source")
    processname = _Public("_process_name")
    processid = _Public("_process_id")

    @property
    def severity(self) -> Any:
        """The name of the severity that is sent. It can be set to a name or to a constant."""
        return self._severity_name()

    @severity.setter
    def severity(self, severity: Any) -> None:
        self._severity = severity_number(severity)
