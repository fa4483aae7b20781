"""mozdef_client's events."""

from __future__ import annotations

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


class MozDefEvent(MozDefMessage):
    """An event. Set ``summary``, ``tags`` and ``details`` before `send`.

    ``category``, ``source``, ``timestamp`` and ``hostname`` can be set as well.
    """

    SEVERITY_DEBUG = 0
    SEVERITY_INFO = 1
    SEVERITY_NOTICE = 2
    SEVERITY_WARNING = 3
    SEVERITY_ERROR = 4
    SEVERITY_CRITICAL = 5
    SEVERITY_ALERT = 6
    SEVERITY_EMERGENCY = 7

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_EVENT
        self._severity: Any = self.SEVERITY_INFO
        self._updatelog: Any = None
        self._own_process_id: Any = None
        self._own_process_name: Any = None
        self.category: Any = "event"
        self.source: Any = DEFAULT_SOURCE
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
        self.category = x

    def set_severity_from_string(self, x: Any) -> None:
        """Set the severity by its name, in upper or lower case; an unknown one means INFO."""
        self._severity = severity_number(x)

    def construct(self) -> None:
        """Construct the document that is sent."""
        details: dict[str, Any] = {}
        merge_details(details, self.details)
        self._sendlog = {
            **({} if self._updatelog is None else self._updatelog),
            "category": self.category,
            "details": details,
            "hostname": self.hostname,
            "processid": self._process_id,
            "processname": self._process_name,
            "severity": self._severity_name(),
            "source": DEFAULT_SOURCE if self.source is None else self.source,
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
            must=bool(self._syslog_only and not self._fire_and_forget),
        )

    def _severity_name(self) -> str:
        return SEVERITIES[severity_number(self._severity)]

    # mozdef_client holds what it sends under these names. Its subclasses set their category this
    # way, and programs their source, for which it had no other name.

    @property
    def _category(self) -> Any:
        return self.category

    @_category.setter
    def _category(self, category: Any) -> None:
        self.category = category

    @property
    def _source(self) -> Any:
        return self.source

    @_source.setter
    def _source(self, source: Any) -> None:
        self.source = source

    @property
    def _process_id(self) -> Any:
        return identity.process_id() if self._own_process_id is None else self._own_process_id

    @_process_id.setter
    def _process_id(self, process_id: Any) -> None:
        self._own_process_id = process_id

    @property
    def _process_name(self) -> Any:
        return process_name() if self._own_process_name is None else self._own_process_name

    @_process_name.setter
    def _process_name(self, name: Any) -> None:
        self._own_process_name = name
