"""mozdef_client's compliance items."""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat._documents import has_keys, have_keys
from structlog_mozdef.compat.event import MozDefEvent


class MozDefCompliance(MozDefEvent):
    """The result of a compliance check, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_COMPLIANCE
        self._category = "complianceitems"

    def validate_log(self) -> bool:
        """Return whether the details have all keys of MozDef's compliance items."""
        item: Any = self._sendlog.get("details")
        if not has_keys(item, "target policy check compliance link utctimestamp"):
            return False
        check = item["check"]
        return have_keys(
            [(item["policy"], "level name url"), (check, "description location name test")]
        ) and has_keys(check["test"], "type value")
