"""mozdef_client's rapid risk assessments."""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat.event import MozDefEvent


class MozDefRRA(MozDefEvent):
    """A rapid risk assessment, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_RRA
        self._category = "rra_data"

    def validate(self) -> bool:
        """Return whether the event has a summary and details, and the category "rra_data"."""
        return super().validate() and self._category == "rra_data" and bool(self.details)
